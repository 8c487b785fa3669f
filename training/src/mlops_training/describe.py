"""Prints steps.json: every step with its parameters and outputs, for whoever writes templates.

python -m mlops_training.describe > steps.json
"""

from __future__ import annotations

import json

from . import cross_validate, evaluate, export_onnx, functional_samples, measure_onnx, search, train

COMMANDS = (
    train.COMMAND,
    evaluate.COMMAND,
    export_onnx.COMMAND,
    measure_onnx.COMMAND,
    functional_samples.COMMAND,
    search.PLAN,
    search.TRIAL,
    search.BEST,
    cross_validate.COMMAND,
)


def description() -> str:
    """Content of steps.json."""
    return json.dumps([command.describe() for command in COMMANDS], indent=2) + "\n"


if __name__ == "__main__":
    print(description(), end="")
