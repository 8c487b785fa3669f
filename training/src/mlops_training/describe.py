"""Prints steps.json: every step with its parameters and outputs, for whoever writes templates.

python -m mlops_training.describe > steps.json
"""

from __future__ import annotations

import json

from . import cross_validate, evaluate, export_onnx, measure_onnx, search, train
from .llm import evaluation_samples, make_corpus, measure_loss, pretrain_tiny
from .llm import train as train_adapter

COMMANDS = (
    train.COMMAND,
    evaluate.COMMAND,
    export_onnx.COMMAND,
    measure_onnx.COMMAND,
    search.PLAN,
    search.TRIAL,
    search.BEST,
    cross_validate.COMMAND,
    make_corpus.COMMAND,
    train_adapter.COMMAND,
    measure_loss.COMMAND,
    evaluation_samples.COMMAND,
    pretrain_tiny.COMMAND,
)


def description() -> str:
    """Content of steps.json."""
    return json.dumps([command.describe() for command in COMMANDS], indent=2) + "\n"


if __name__ == "__main__":
    print(description(), end="")
