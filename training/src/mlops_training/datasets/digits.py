"""Handwritten digits of 8 x 8 pixels that scikit-learn ships, enlarged to MNIST's 28 x 28: needs no files."""

from __future__ import annotations

import numpy as np
from PIL import Image
from sklearn.datasets import load_digits

from .source import Source
from .splits import Samples, Splits, divide

SIDE = 28


def load(source: Source) -> Splits:
    """1,797 pictures, 1 x 28 x 28. The version is the library's, as there is but one set."""
    data = load_digits()
    grey = np.rint(data.images * (255 / 16)).astype(np.uint8)
    images = np.stack([_enlarge(image) for image in grey])[:, None]
    classes = tuple(str(digit) for digit in range(10))
    return divide(source.name, "scikit-learn", classes, Samples(images, data.target.astype(np.int64)))


def _enlarge(image: np.ndarray) -> np.ndarray:
    return np.asarray(Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BILINEAR))
