"""MNIST in the four gzipped IDX files that it is distributed as."""

from __future__ import annotations

import gzip
import struct
import zlib

import numpy as np

from ..errors import StepError
from .source import Source
from .splits import Samples, Splits, divide

_UNSIGNED_BYTE = 0x08


def load(source: Source) -> Splits:
    """70,000 pictures, 1 x 28 x 28; the official 10,000 are the test split."""
    classes = tuple(str(digit) for digit in range(10))
    return divide(source.name, source.version, classes, _part(source, "train"), _part(source, "t10k"))


def _part(source: Source, part: str) -> Samples:
    images = _read(source, f"{part}-images-idx3-ubyte.gz", (28, 28))
    labels = _read(source, f"{part}-labels-idx1-ubyte.gz", ())
    return Samples(images[:, None], labels.astype(np.int64))


def _read(source: Source, file: str, item_shape: tuple[int, ...]) -> np.ndarray:
    from torchvision.datasets import MNIST

    md5 = dict(MNIST.resources).get(file)
    try:
        array = parse_idx(gzip.decompress(source.read(file, f"{MNIST.mirrors[0]}{file}", md5)))
    except (OSError, EOFError, ValueError, zlib.error) as error:
        raise StepError(f"data set {source.name}: {file} is damaged: {error}") from error
    if array.shape[1:] != item_shape:
        raise StepError(f"data set {source.name}: {file} holds {array.shape}, wanted n x {item_shape}")
    return array


def parse_idx(content: bytes) -> np.ndarray:
    """An IDX file of unsigned bytes as an array. Raises ValueError if it is none or its length is wrong."""
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _UNSIGNED_BYTE:
        raise ValueError("it does not start as an IDX file of unsigned bytes")
    dimensions = content[3]
    start = 4 + 4 * dimensions
    if len(content) < start:
        raise ValueError("it ends within its header")
    shape = struct.unpack(f">{dimensions}I", content[4:start])
    data = np.frombuffer(content, np.uint8, offset=start)
    if data.size != int(np.prod(shape, dtype=np.int64)):
        raise ValueError(f"it holds {data.size} values, its header says {shape}")
    return data.reshape(shape)
