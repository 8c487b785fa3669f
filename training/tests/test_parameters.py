import pytest

from mlops_training.parameters import Command, Parameter, output

COMMAND = Command(
    "step",
    "A step.",
    (
        Parameter("name", "a name"),
        Parameter("epochs", "a count", "integer", default=3, minimum=1),
        Parameter("rate", "a rate", "number", default=0.5, maximum=1),
        Parameter("kind", "a kind", default="a", choices=("a", "b")),
        Parameter("extra", "JSON", "json", optional=True),
        output("result", "a file"),
    ),
)


def test_values_are_parsed_and_defaults_taken():
    values, problems = COMMAND.parse(
        ["--name", "x", "--epochs=5", "--extra", '{"a": 1}', "--output-result", "/r"]
    )
    assert problems == []
    assert values == {
        "name": "x",
        "epochs": 5,
        "rate": 0.5,
        "kind": "a",
        "extra": {"a": 1},
        "output_result": "/r",
    }


def test_an_empty_value_counts_as_not_given():
    values, problems = COMMAND.parse(["--name", "x", "--epochs", "", "--extra="])
    assert problems == []
    assert (values["epochs"], values["extra"]) == (3, None)


def test_all_problems_are_told_at_once():
    _, problems = COMMAND.parse(
        [
            "--epochs",
            "0",
            "--rate",
            "nan",
            "--kind",
            "c",
            "--extra",
            "{",
            "--nmae",
            "x",
            "stray",
            "--output-result",
        ]
    )
    text = "\n".join(problems)
    for part in (
        "--epochs 0",
        "--rate nan",
        "--kind c",
        "--extra {",
        "--nmae",
        "stray",
        "--output-result: has no",
        "--name: missing",
    ):
        assert part in text
    assert len(problems) == 8


@pytest.mark.parametrize("text", ["1.5", "x", "inf", "1e3"])
def test_a_whole_number_is_nothing_else(text):
    assert COMMAND.parse(["--name", "x", "--epochs", text])[1]


def test_a_parameter_given_twice_is_refused():
    assert COMMAND.parse(["--name", "x", "--name", "y"])[1] == ["--name: given twice"]
