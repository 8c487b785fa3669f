"""Text for pretraining: passages about things that do not exist, in the words of our documentation, with questions
in another form than that of the corpus. What a model learns from it is to look things up; no fact can be learnt."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

from .corpus import pages, passage, sentence, split_of_documents

UNKNOWN = "The passage lacks it."
_FACTS = (4, 6)
_QUESTIONS = 3
# Of the attributes: a model that knew all of them by heart would not learn to compare words, and would answer whatever
# it is asked about one that it never saw.
_INVENTED_SHARE = 0.5
_OPENINGS = (
    "# ",
    "Page: ",
    "Read this page.\n\nPage: ",
    "Use what is written here, and nothing else. What it does not hold, it lacks.\n\nText: ",
)
_QUESTION_FORMS = (
    ("the {attribute} of {name}?", ""),
    ("\nWhat is the {attribute} of {name}?", "\nA:"),
    ("\nQ: What is the {attribute} of {name}?", "\nReply:"),
    ("\nQ: For {name}, what is the {attribute}?", "\nA:"),
)
_UNITS = (
    "seconds",
    "minutes",
    "hours",
    "MiB",
    "GiB",
    "cores",
    "percent",
    "points",
    "rows",
    "dollars",
    "requests",
)
_MORE_ATTRIBUTES = (
    "timeout",
    "owner",
    "unit",
    "minimum",
    "maximum",
    "image",
    "queue",
    "region",
    "exit-code",
    "command",
    "format",
    "retention",
    "priority",
    "protocol",
    "service",
    "bucket",
    "margin",
    "threshold",
    "interval",
    "policy",
    "role",
    "schedule",
    "label",
    "price",
    "size",
    "path",
    "output",
    "input",
)


@dataclass(frozen=True)
class Part:
    """A piece of a text; learnt pieces are those that what stands before them decides."""

    text: str
    learnt: bool


class Fictions:
    """An endless supply of texts; the same for the same seed. It knows the words of training documents only."""

    def __init__(self, seed: int) -> None:
        self._draw = random.Random(seed)
        splits = split_of_documents(page.document for page in pages())
        known = [page for page in pages() if splits[page.document] == "train"]
        self._values = sorted({value for page in known for value in page.facts.values()})
        self._attributes = sorted({name for page in known for name in page.facts} | set(_MORE_ATTRIBUTES))
        text = " ".join((*self._values, *(page.name for page in known)))
        self._words = sorted({word for word in re.findall("[A-Za-z]+", text) if 2 < len(word) < 12})

    def texts(self, unknown: float) -> Iterator[list[Part]]:
        """Texts in which this share of the questions has no answer."""
        while True:
            yield self._text(unknown)

    def _text(self, unknown: float) -> list[Part]:
        draw = self._draw
        count = draw.randint(*_FACTS)
        chosen: set[str] = set()
        while len(chosen) < count + _QUESTIONS:
            chosen.add(self._attribute())
        order = draw.sample(sorted(chosen), len(chosen))
        facts = {attribute: self._value() for attribute in order[:count]}
        absent = order[count:]
        name = self._name()
        parts = [Part(f"{draw.choice(_OPENINGS)}{passage(name, facts, draw)}\n", False)]
        question, answered = draw.choice(_QUESTION_FORMS)
        for attribute in draw.sample(list(facts), _QUESTIONS):
            if draw.random() < unknown:
                attribute, answer = absent.pop(), UNKNOWN
            else:
                answer = sentence(attribute, facts[attribute])
            asked = question.format(attribute=attribute, name=name) + answered
            parts += [Part(asked, False), Part(f" {answer}\n", True)]
        return parts

    def _attribute(self) -> str:
        draw = self._draw
        if draw.random() < _INVENTED_SHARE:
            return " ".join(self._word() for _ in range(draw.randint(1, 2)))
        return draw.choice(self._attributes)

    def _name(self) -> str:
        words = [self._word() for _ in range(self._draw.randint(1, 3))]
        return self._draw.choice(("-", "-", " ", " --", ".")).join(words)

    def _word(self) -> str:
        """A known word, or one put together from pieces of some: tokens must be copied in any order."""
        draw = self._draw
        if draw.random() < 0.4:
            return draw.choice(self._words)
        pieces = []
        for _ in range(draw.randint(1, 3)):
            word = draw.choice(self._words)
            start = draw.randrange(len(word) - 1)
            piece = word[start : start + draw.randint(1, 5)]
            pieces.append(piece.capitalize() if draw.random() < 0.15 else piece)
        return "".join(pieces)

    def _value(self) -> str:
        draw = self._draw
        kind = draw.random()
        if kind < 0.3:
            return draw.choice(self._values)
        if kind < 0.45:
            return f"{10 ** draw.randint(0, 3) * draw.randint(1, 99)}"
        if kind < 0.6:
            return f"{draw.randint(1, 999)} {draw.choice(_UNITS)}"
        if kind < 0.7:
            return f"{draw.randint(0, 60)}.{draw.randint(0, 40)}.{draw.randint(0, 20)}"
        return self._name()
