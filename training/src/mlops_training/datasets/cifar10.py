"""CIFAR-10 in the archive of pickled batches that it is distributed as."""

from __future__ import annotations

import io
import pickle
import tarfile
import zlib

import numpy as np

from ..errors import StepError
from .source import Source
from .splits import Samples, Splits, divide

_FOLDER = "cifar-10-batches-py"
_SHAPE = (3, 32, 32)


class _ArrayUnpickler(pickle.Unpickler):
    """Reads arrays and plain values, nothing else: a pickle could otherwise run any code."""

    allowed = frozenset(
        {
            ("numpy", "dtype"),
            ("numpy", "ndarray"),
            ("numpy.core.multiarray", "_reconstruct"),
            ("numpy._core.multiarray", "_reconstruct"),
            ("_codecs", "encode"),
        }
    )

    def find_class(self, module: str, name: str) -> object:
        if (module, name) not in self.allowed:
            raise pickle.UnpicklingError(f"it names {module}.{name}, which no batch of pictures needs")
        # numpy moved it; the published file names the old place.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load(source: Source) -> Splits:
    """60,000 pictures, 3 x 32 x 32; the official 10,000 are the test split."""
    from torchvision.datasets import CIFAR10

    content = source.read(CIFAR10.filename, CIFAR10.url, CIFAR10.tgz_md5)
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            train = [_batch(archive, f"data_batch_{number}") for number in range(1, 6)]
            test = _batch(archive, "test_batch")
            classes = tuple(_unpickle(archive, "batches.meta")["label_names"])
    except (
        OSError,
        EOFError,
        KeyError,
        TypeError,
        ValueError,
        tarfile.TarError,
        zlib.error,
        pickle.PickleError,
    ) as error:
        raise StepError(f"data set {source.name}: {CIFAR10.filename} is damaged: {error}") from error
    samples = Samples(
        np.concatenate([part.images for part in train]), np.concatenate([part.labels for part in train])
    )
    return divide(source.name, source.version, classes, samples, test)


def _batch(archive: tarfile.TarFile, name: str) -> Samples:
    batch = _unpickle(archive, name)
    data = np.asarray(batch["data"])
    if data.ndim != 2 or data.shape[1] != 3 * 32 * 32 or data.dtype != np.uint8:
        raise ValueError(f"{name} holds {data.dtype} {data.shape}, wanted uint8 n x 3072")
    return Samples(data.reshape(-1, *_SHAPE), np.asarray(batch["labels"], dtype=np.int64))


def _unpickle(archive: tarfile.TarFile, name: str) -> dict[str, list[str]]:
    file = archive.extractfile(f"{_FOLDER}/{name}")
    if file is None:
        raise ValueError(f"{name} is not a file")
    return _ArrayUnpickler(file, encoding="latin1").load()
