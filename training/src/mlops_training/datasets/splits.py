"""Samples, and how they are divided: by their content, so that no picture can be in two splits."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import StepError

TEST_PERCENT = 20
VALIDATION_PERCENT = 10


@dataclass(frozen=True)
class Samples:
    """Pictures and their classes. Raises StepError if the two do not fit together."""

    images: NDArray[np.uint8]
    """n x channels x height x width, 0 to 255."""
    labels: NDArray[np.int64]
    """n class numbers."""

    def __post_init__(self) -> None:
        if self.images.ndim != 4 or self.images.dtype != np.uint8:
            raise StepError(
                f"pictures of shape {self.images.shape} and type {self.images.dtype}; "
                "wanted: uint8, samples x channels x height x width"
            )
        if self.labels.shape != (len(self.images),):
            raise StepError(f"{len(self.images)} pictures but labels of shape {self.labels.shape}")

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: NDArray[np.bool_] | NDArray[np.int64] | slice) -> Samples:
        """The samples that a numpy index selects."""
        return Samples(self.images[index], self.labels[index])

    def digests(self) -> list[bytes]:
        """SHA-256 of each picture's pixels. Labels do not count: one picture with two labels is one picture."""
        return [hashlib.sha256(image.tobytes()).digest() for image in self.images]


@dataclass(frozen=True)
class Splits:
    """A data set. Training sees `train`; early stopping and searches `validation`; gates, and only they, `test`."""

    name: str
    version: str
    classes: tuple[str, ...]
    train: Samples
    validation: Samples
    test: Samples

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height and width of a picture."""
        _, channels, height, width = self.train.images.shape
        return channels, height, width

    def whole(self) -> Samples:
        """All samples, for cross-validation."""
        parts = (self.train, self.validation, self.test)
        return Samples(
            np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts])
        )

    def sha256(self) -> str:
        """Hash of every pixel and label in order; equal hashes mean equal splits."""
        digest = hashlib.sha256(f"{self.shape} {self.classes}".encode())
        for part in (self.train, self.validation, self.test):
            digest.update(f"{len(part)}".encode())
            digest.update(part.images.tobytes())
            digest.update(part.labels.astype("<i8").tobytes())
        return digest.hexdigest()

    def check(self) -> Splits:
        """Itself. Raises StepError if a picture is in two splits, a split is empty, or a label is no class."""
        parts = {"train": self.train, "validation": self.validation, "test": self.test}
        problems = [f"the {name} split is empty" for name, part in parts.items() if len(part) == 0]
        for name, part in parts.items():
            if part.images.shape[1:] != self.shape:
                problems.append(f"{name} pictures are {part.images.shape[1:]}, train pictures {self.shape}")
            if len(part) and not 0 <= part.labels.min() <= part.labels.max() < len(self.classes):
                problems.append(f"{name} has labels outside of 0 to {len(self.classes) - 1}")
        seen = {name: set(part.digests()) for name, part in parts.items()}
        for first, second in (("train", "validation"), ("train", "test"), ("validation", "test")):
            if shared := len(seen[first] & seen[second]):
                problems.append(f"{shared} pictures are both in {first} and {second}")
        if problems:
            raise StepError(f"data set {self.name} {self.version}: " + "; ".join(problems))
        return self


def divide(
    name: str, version: str, classes: tuple[str, ...], samples: Samples, test: Samples | None = None
) -> Splits:
    """Divides samples by their hashes: the same picture is always in the same split, whatever comes with it.

    With an official test set, that one is taken, and pictures that are in it are dropped from the rest.
    """
    digests = samples.digests()
    percent = np.array([int.from_bytes(digest[:8]) % 100 for digest in digests], dtype=np.int64)
    if test is None:
        test = samples.take(percent < TEST_PERCENT)
        rest, percent = samples.take(percent >= TEST_PERCENT), percent[percent >= TEST_PERCENT] - TEST_PERCENT
    else:
        held_out = set(test.digests())
        keep = np.array([digest not in held_out for digest in digests], dtype=np.bool_)
        rest, percent = samples.take(keep), percent[keep]
    is_validation = percent < VALIDATION_PERCENT
    return Splits(name, version, classes, rest.take(~is_validation), rest.take(is_validation), test).check()
