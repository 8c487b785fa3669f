import math

import pytest

from mlops_training import files
from mlops_training.errors import StepError


@pytest.fixture(autouse=True)
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    return tmp_path


def test_paths_lie_under_the_root(root):
    files.write_output("/outputs/a/value", "7")
    assert (root / "outputs/a/value").read_text() == "7"
    assert [path.name for path in (root / "outputs/a").iterdir()] == ["value"]


@pytest.mark.parametrize("path", ["../x", "/a/../../x"])
def test_a_path_out_of_the_root_is_refused(path):
    with pytest.raises(StepError, match="outside of the I/O root"):
        files.write_output(path, "")


def test_json_holds_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json("/x", {"a": math.nan})


def test_an_output_that_cannot_be_written_leaves_nothing(root):
    (root / "taken").mkdir()
    with pytest.raises(StepError, match="cannot write the output"):
        files.write_output("/taken", "x")
    assert [path.name for path in root.iterdir()] == ["taken"]
