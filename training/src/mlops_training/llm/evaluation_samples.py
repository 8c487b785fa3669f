"""Step `llm.evaluation_samples`: held-out questions for the gates that ask the served model."""

from __future__ import annotations

import math
import random

from ..errors import UsageError, run_step
from ..files import write_output
from ..parameters import Command, Parameter, Values, output
from . import corpus, data
from .corpus import Item

COMMAND = Command(
    "llm.evaluation_samples",
    "Draws held-out questions, at least 15 % of them without an answer, for the evaluation and performance gates.",
    (
        *data.QUESTIONS_PARAMETERS,
        Parameter("samples", "number of questions", "integer", default=1200, minimum=1, maximum=100_000),
        Parameter("seed", "of what is drawn", "integer", default=0, minimum=0),
        output("samples", "JSON Lines: the items as they stand in the data set"),
        output("negatives", "how many of them have no answer"),
    ),
)

_LEAST_NEGATIVES = 0.15


def evaluation_samples(values: Values) -> None:
    """The step."""
    loaded = data.load_corpus(values)
    corpus.to_splits(loaded, values["dataset_version"])
    drawn = draw(loaded["test"], values["samples"], values["seed"])
    negatives = sum(item.negative for item in drawn)
    write_output(values["output_samples"], corpus.to_lines(drawn))
    write_output(values["output_negatives"], str(negatives))
    documents = len({item.document for item in drawn})
    print(f"{len(drawn)} held-out questions on {documents} documents, {negatives} without an answer")


def draw(items: list[Item], count: int, seed: int) -> list[Item]:
    """That many items, with the share of negatives that all have, but at least 15 %.

    Raises UsageError if there are too few of either kind.
    """
    kinds = {negative: [item for item in items if item.negative == negative] for negative in (True, False)}
    share = max(_LEAST_NEGATIVES, len(kinds[True]) / len(items))
    negatives = math.ceil(share * count) if share < 1 else count
    wanted = {True: negatives, False: count - negatives}
    for negative, number in wanted.items():
        if len(kinds[negative]) < number:
            what = "without an answer" if negative else "with an answer"
            raise UsageError(f"{number} questions {what} wanted, the test split has {len(kinds[negative])}")
    generator = random.Random(seed)
    drawn = [
        item for negative, number in wanted.items() for item in generator.sample(kinds[negative], number)
    ]
    generator.shuffle(drawn)
    return drawn


if __name__ == "__main__":
    run_step(COMMAND, evaluation_samples)
