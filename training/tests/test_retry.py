import pytest

from mlops_training.errors import StepError, UsageError, run_step
from mlops_training.parameters import Command
from mlops_training.retry import with_retries

REFUSED = ConnectionError("refused")


def failing(times, error=REFUSED):
    calls = []

    def action():
        calls.append(1)
        if len(calls) <= times:
            raise error
        return "done"

    return action, calls


def transient(error):
    return isinstance(error, ConnectionError)


def test_a_service_that_comes_back_is_no_failure():
    action, calls = failing(1)
    assert with_retries("it", action, transient) == "done"
    assert len(calls) == 2


def test_one_that_stays_away_is_an_error_that_says_so(monkeypatch):
    monkeypatch.setenv("MLOPS_RETRY_SECONDS", "0.6")
    action, calls = failing(99)
    with pytest.raises(StepError, match=r"it is not reachable \(tried for 0.6 s\): refused"):
        with_retries("it", action, transient)
    assert len(calls) == 2


def test_other_failures_are_not_tried_again():
    action, calls = failing(1, ValueError("no"))
    with pytest.raises(ValueError, match="no"):
        with_retries("it", action, transient)
    assert len(calls) == 1


@pytest.mark.parametrize("text", ["soon", "-1", "nan", "inf"])
def test_a_patience_that_is_no_number_is_told(monkeypatch, text):
    monkeypatch.setenv("MLOPS_RETRY_SECONDS", text)
    with pytest.raises(UsageError, match=f"MLOPS_RETRY_SECONDS={text}: must be a number of at least 0"):
        with_retries("it", failing(0)[0], transient)


def test_no_password_of_an_address_is_printed(monkeypatch, capsys):
    monkeypatch.setenv("MLOPS_RETRY_SECONDS", "0.6")

    def step(values):
        with_retries("it (http://admin:secret@host:80)", failing(99)[0], transient)

    with pytest.raises(SystemExit):
        run_step(Command("step", "Fails."), step, [])
    printed = capsys.readouterr().err
    assert "secret" not in printed
    assert "trying again" in printed
    assert "step: error: it (http://host:80) is not reachable" in printed
