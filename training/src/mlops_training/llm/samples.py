"""Texts to learn from and to measure on, in three splits that share neither a text nor a document."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..errors import UsageError

SPLITS = ("train", "validation", "test")
_PAIRS = (("train", "validation"), ("train", "test"), ("validation", "test"))


@dataclass(frozen=True)
class Sample:
    """A completion and what stands before it. Only the completion is learnt and measured."""

    id: str
    document: str
    prompt: str
    """Empty where the whole text is learnt."""
    completion: str


@dataclass(frozen=True)
class TextSplits:
    """A data set. Training sees `train`; early stopping `validation`; gates, and only they, `test`."""

    name: str
    version: str
    train: Sequence[Sample]
    validation: Sequence[Sample]
    test: Sequence[Sample]

    def part(self, split: str) -> Sequence[Sample]:
        """One of SPLITS."""
        return getattr(self, split)

    def sha256(self) -> str:
        """Hash of every sample in order; equal hashes mean equal splits."""
        digest = hashlib.sha256()
        for split in SPLITS:
            digest.update(f"{split} {len(self.part(split))}\n".encode())
            for sample in self.part(split):
                line = [sample.id, sample.document, sample.prompt, sample.completion]
                digest.update(json.dumps(line).encode())
        return digest.hexdigest()

    def check(self) -> TextSplits:
        """Itself. Raises UsageError naming all problems: empty splits, and what is in two of them or twice in one."""
        problems = [f"the {split} split is empty" for split in SPLITS if not self.part(split)]
        for what, key in (("sample", normalized), ("id", _id), ("document", _document)):
            for first, second in _PAIRS:
                if shared := self._shared(first, second, key):
                    problems.append(
                        f"{len(shared)} {what}s are both in {first} and {second}, such as that of {shared[0].id} "
                        f"({shared[0].document})"
                    )
            if what == "document":
                continue
            for split in SPLITS:
                if again := len(self.part(split)) - len({key(sample) for sample in self.part(split)}):
                    problems.append(f"{again} {what}s are more than once in {split}")
        if problems:
            raise UsageError(f"data set {self.name} {self.version} cannot be used: " + "; ".join(problems))
        return self

    def _shared(self, first: str, second: str, key: Callable[[Sample], str]) -> list[Sample]:
        others = {key(sample) for sample in self.part(second)}
        seen = {key(sample): sample for sample in self.part(first)}
        return [sample for value, sample in seen.items() if value in others]


def normalized(sample: Sample) -> str:
    """What a sample asks or says; another answer to the same prompt makes no other one."""
    return normalized_text(sample.prompt or sample.completion)


def normalized_text(text: str) -> str:
    """Case and spaces make no other text."""
    return " ".join(text.split()).lower()


def _id(sample: Sample) -> str:
    return sample.id


def _document(sample: Sample) -> str:
    return sample.document
