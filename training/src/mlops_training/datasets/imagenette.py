"""Imagenette, ten classes of ImageNet, in the archive of JPEG files (160 pixels) that it is distributed as."""

from __future__ import annotations

import io
import tarfile
import zlib
from pathlib import PurePosixPath

import numpy as np
from PIL import Image, ImageOps

from ..errors import StepError
from .source import Source
from .splits import Samples, Splits, divide

SIDE = 128


def load(source: Source) -> Splits:
    """13,394 pictures, 3 x 128 x 128 (the middle square, reduced); the official validation set is the test split."""
    from torchvision.datasets import Imagenette

    url, md5 = Imagenette._ARCHIVES["160px"]
    names = {wnid: labels[0] for wnid, labels in Imagenette._WNID_TO_CLASS.items()}
    folders = sorted(names)
    file = PurePosixPath(url).name
    try:
        train, test = _read(source.read(file, url, md5), folders)
    except (OSError, EOFError, ValueError, tarfile.TarError, zlib.error) as error:
        raise StepError(f"data set {source.name}: {file} is damaged: {error}") from error
    return divide(source.name, source.version, tuple(names[folder] for folder in folders), train, test)


def _read(content: bytes, folders: list[str]) -> tuple[Samples, Samples]:
    """Pictures of `train` and `val`, each in the archive's order."""
    images: dict[str, list[np.ndarray]] = {"train": [], "val": []}
    labels: dict[str, list[int]] = {"train": [], "val": []}
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        for member in archive:
            parts = PurePosixPath(member.name).parts
            if not member.isfile() or len(parts) != 4 or not parts[3].endswith(".JPEG"):
                continue
            _, part, folder, _ = parts
            file = archive.extractfile(member)
            if part not in images or folder not in folders or file is None:
                raise ValueError(f"{member.name} is in no class of Imagenette")
            images[part].append(_square(file.read()))
            labels[part].append(folders.index(folder))
    if not images["train"] or not images["val"]:
        raise ValueError("it has no pictures in train or in val")
    train, test = (
        Samples(np.stack(images[part]), np.array(labels[part], dtype=np.int64)) for part in ("train", "val")
    )
    return train, test


def _square(jpeg: bytes) -> np.ndarray:
    picture = ImageOps.fit(
        Image.open(io.BytesIO(jpeg)).convert("RGB"), (SIDE, SIDE), Image.Resampling.BILINEAR
    )
    return np.ascontiguousarray(np.asarray(picture).transpose(2, 0, 1))
