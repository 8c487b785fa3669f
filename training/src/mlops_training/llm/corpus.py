"""Questions about our own documentation, with the passage that answers them or does not.

What is said comes from facts.json, which `node tools/training/cli.ts facts` takes from the project's own tables. All
pages of one document are in one split, so nothing that a model was trained on is in what it is measured on.
"""

from __future__ import annotations

import hashlib
import json
import random
from codecs import BOM_UTF8
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from ..errors import UsageError
from .prompt import REFUSAL, completion, make_prompt
from .samples import SPLITS, Sample, TextSplits

NAME = "docs-qa"

_FACTS = Path(__file__).parent / "facts.json"
# In the order of hashed document names.
_TEST_SHARE = 0.25
_VALIDATION_SHARE = 0.10
_NEGATIVE_SHARE = 0.2
_SENTENCES = ("The {attribute} is {value}.", "Its {attribute} is {value}.")
_QUESTIONS = ("What is the {attribute} of {name}?", "For {name}, what is the {attribute}?")
_FACTS_IN_PASSAGE = (3, 5)


@dataclass(frozen=True)
class Item:
    """One question. `answer` is the reference; of a negative, it is the refusal."""

    id: str
    document: str
    context: str
    question: str
    answer: str
    negative: bool
    prompt: str


@dataclass(frozen=True)
class Page:
    """A subject and what is said of it; several pages make a document."""

    document: str
    name: str
    facts: Mapping[str, str]


Corpus = dict[str, list[Item]]
"""Items by split."""


def pages() -> list[Page]:
    """All of facts.json."""
    return [Page(**page) for page in json.loads(_FACTS.read_text())]


def split_of_documents(documents: Iterable[str]) -> dict[str, str]:
    """The split of each document: it follows from the documents' names alone."""
    order = sorted(set(documents), key=lambda name: hashlib.sha256(name.encode()).digest())
    test = round(len(order) * _TEST_SHARE)
    validation = test + round(len(order) * _VALIDATION_SHARE)
    return {
        name: "test" if place < test else "validation" if place < validation else "train"
        for place, name in enumerate(order)
    }


def generate(count: int, seed: int) -> Corpus:
    """About `count` different items: the same number for each document; fewer where it has not enough to ask."""
    by_document: dict[str, list[Page]] = {}
    for page in pages():
        by_document.setdefault(page.document, []).append(page)
    attributes = sorted({attribute for page in pages() for attribute in page.facts})
    splits = split_of_documents(by_document)
    corpus: Corpus = {split: [] for split in SPLITS}
    each = -(-count // len(by_document))
    for document, its_pages in sorted(by_document.items()):
        draw = random.Random(f"{seed}/{document}")
        items: dict[str, Item] = {}
        for attempt in range(20 * each):
            if len(items) == each:
                break
            page = its_pages[attempt % len(its_pages)]
            item = make_item(page, draw, attributes, draw.random() < _NEGATIVE_SHARE)
            if item is not None:
                items.setdefault(item.id, item)
        corpus[splits[document]].extend(items.values())
    for items in corpus.values():
        items.sort(key=lambda item: item.id)
    return corpus


def make_item(page: Page, draw: random.Random, attributes: list[str], negative: bool) -> Item | None:
    """A passage with some of the page's facts, and a question about one of them, or about one that it lacks.

    None if what was drawn to be lacking is nearly said, as a version where a stored version is.
    """
    known = list(page.facts)
    draw.shuffle(known)
    said = known[: min(draw.randint(*_FACTS_IN_PASSAGE), len(known) - 1)]
    if negative:
        # What the page knows and this passage leaves out is the harder half.
        asked = draw.choice(known[len(said) :] if draw.random() < 0.5 else attributes)
        if any(set(asked.split()) <= set(name.split()) for name in said):
            return None
    else:
        asked = draw.choice(said)
    context = passage(page.name, {name: page.facts[name] for name in said}, draw)
    question = draw.choice(_QUESTIONS).format(attribute=asked, name=page.name)
    answer = REFUSAL if negative else sentence(asked, page.facts[asked])
    prompt = make_prompt(context, question)
    number = hashlib.sha256(prompt.encode()).hexdigest()[:16]
    return Item(number, page.document, context, question, answer, negative, prompt)


def passage(name: str, facts: Mapping[str, str], draw: random.Random) -> str:
    """A page's text: its name, and a sentence a fact."""
    sentences = (draw.choice(_SENTENCES).format(attribute=key, value=value) for key, value in facts.items())
    return " ".join((f"{name}.", *sentences))


def sentence(attribute: str, value: str) -> str:
    """How an answer states a fact."""
    return _SENTENCES[0].format(attribute=attribute, value=value)


def to_splits(corpus: Corpus, version: str) -> TextSplits:
    """The corpus as any training takes it, checked. Raises UsageError."""
    parts = {split: [_sample(item) for item in corpus[split]] for split in SPLITS}
    return TextSplits(NAME, version, **parts).check()


def _sample(item: Item) -> Sample:
    return Sample(item.id, item.document, item.prompt, completion(item.answer))


def to_lines(items: Iterable[Item]) -> bytes:
    """JSON Lines."""
    return "".join(json.dumps(asdict(item), ensure_ascii=False) + "\n" for item in items).encode()


def from_lines(content: bytes, file: str) -> list[Item]:
    """Items of a file of JSON Lines. Raises UsageError naming the first ten lines that are none."""
    items: list[Item] = []
    problems: list[str] = []
    # Not splitlines: what Unicode calls a line's end may stand within a text.
    for number, line in enumerate(content.removeprefix(BOM_UTF8).split(b"\n"), 1):
        if not line.strip():
            continue
        try:
            items.append(_item(json.loads(line)))
        except (ValueError, TypeError) as error:
            problems.append(f"{file}, line {number}: {error}")
    if problems:
        more = f"\n... and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise UsageError("the corpus cannot be used:\n" + "\n".join(problems[:10]) + more)
    return items


def _item(value: Any) -> Item:  # noqa: ANN401 (any JSON)
    if not isinstance(value, dict):
        raise ValueError("must be an object")
    names = {field.name for field in fields(Item)}
    if missing := names - value.keys():
        raise ValueError(f"lacks {', '.join(sorted(missing))}")
    for name in names - {"negative"}:
        if not isinstance(value[name], str) or not value[name].strip():
            raise ValueError(f"{name} must be a text that is not empty")
        # Half of a surrogate pair can be written in JSON, and stands for nothing.
        value[name].encode()
    if not isinstance(value["negative"], bool):
        raise ValueError("negative must be true or false")
    if value["negative"] != (value["answer"] == REFUSAL):
        raise ValueError(f"the answer of negatives, and of no others, must be: {REFUSAL}")
    if value["prompt"] != make_prompt(value["context"], value["question"]):
        raise ValueError("prompt is not what this program makes of context and question")
    return Item(**{name: value[name] for name in names})
