"""Loaders on small files in the formats that the data sets are distributed in."""

import gzip
import hashlib
import io
import pickle
import struct
import tarfile

import numpy as np
import pytest
from PIL import Image

from mlops_training import datasets
from mlops_training.datasets import source
from mlops_training.datasets.imagenette import SIDE
from mlops_training.datasets.mnist import parse_idx
from mlops_training.errors import StepError, UsageError

RANDOM = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(url, file, md5):
        raise OSError("no network in this test")

    monkeypatch.setattr(source, "_download", refuse)


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    return tmp_path / "data"


def load(name):
    values = {"dataset": name, "dataset_version": "v1", "datasets_bucket": None, "data_dir": "/data"}
    return datasets.load(values)


def put(folder, name, file, content):
    path = folder / name / "v1" / file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def idx(array):
    header = bytes([0, 0, 8, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape)
    return gzip.compress(header + array.tobytes())


def put_mnist(folder, side=28, labels=60):
    for part, count in (("train", 60), ("t10k", 20)):
        images = RANDOM.integers(0, 256, (count, side, side), dtype=np.uint8)
        put(folder, "mnist", f"{part}-images-idx3-ubyte.gz", idx(images))
        classes = RANDOM.integers(0, 10, min(count, labels), dtype=np.uint8)
        put(folder, "mnist", f"{part}-labels-idx1-ubyte.gz", idx(classes))


def archive(members):
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return buffer.getvalue()


def cifar(data=None, meta=None):
    def batch(count):
        images = RANDOM.integers(0, 256, (count, 3072), dtype=np.uint8) if data is None else data
        return pickle.dumps(
            {"data": images, "labels": [index % 10 for index in range(len(images))]}, protocol=2
        )

    names = [f"data_batch_{number}" for number in range(1, 6)] + ["test_batch"]
    members = {f"cifar-10-batches-py/{name}": batch(20) for name in names}
    labels = {"label_names": [f"class{index}" for index in range(10)]}
    members["cifar-10-batches-py/batches.meta"] = pickle.dumps(labels, protocol=2) if meta is None else meta
    return archive(members)


def test_mnist(folder):
    put_mnist(folder)
    splits = load("mnist")
    assert splits.shape == (1, 28, 28)
    assert len(splits.train) + len(splits.validation) == 60
    assert len(splits.test) == 20


def test_mnist_of_another_shape_is_refused(folder):
    put_mnist(folder, side=30)
    with pytest.raises(StepError, match=r"holds \(60, 30, 30\), wanted n x \(28, 28\)"):
        load("mnist")


def test_mnist_with_labels_missing_is_refused(folder):
    put_mnist(folder, labels=59)
    with pytest.raises(StepError, match=r"60 pictures but labels of shape \(59,\)"):
        load("mnist")


@pytest.mark.parametrize(
    "content",
    [b"", b"\0\0\x08\x01", b"\0\0\x08\x01\0\0\0\x05ab", b"\0\0\x0d\x01\0\0\0\x01a"],
    ids=["empty", "header cut", "too short", "floats"],
)
def test_what_is_no_idx_file_is_told(content):
    with pytest.raises(ValueError, match="it "):
        parse_idx(content)


def test_a_cut_archive_is_told(folder):
    put_mnist(folder)
    file = folder / "mnist/v1/train-images-idx3-ubyte.gz"
    file.write_bytes(file.read_bytes()[:200])
    with pytest.raises(StepError, match=r"train-images-idx3-ubyte\.gz is damaged"):
        load("mnist")


def test_cifar10(folder):
    put(folder, "cifar10", "cifar-10-python.tar.gz", cifar())
    splits = load("cifar10")
    assert splits.shape == (3, 32, 32)
    assert len(splits.train) + len(splits.validation) == 100
    assert len(splits.test) == 20
    assert splits.classes[3] == "class3"


def test_cifar10_of_another_shape_is_refused(folder):
    put(folder, "cifar10", "cifar-10-python.tar.gz", cifar(np.zeros((20, 784), np.uint8)))
    with pytest.raises(StepError, match=r"holds uint8 \(20, 784\), wanted uint8 n x 3072"):
        load("cifar10")


def test_a_pickle_that_would_run_code_is_refused(folder, tmp_path):
    class Malicious:
        def __reduce__(self):
            return (open, (str(tmp_path / "touched"), "w"))

    put(folder, "cifar10", "cifar-10-python.tar.gz", cifar(meta=pickle.dumps(Malicious())))
    with pytest.raises(StepError, match="which no batch of pictures needs"):
        load("cifar10")
    assert not (tmp_path / "touched").exists()


def imagenette(folders=("n01440764", "n02102040"), parts=("train", "val")):
    members = {}
    for part in parts:
        for wnid in folders:
            for index in range(12):
                buffer = io.BytesIO()
                pixels = RANDOM.integers(0, 256, (180, 160, 3), dtype=np.uint8)
                Image.fromarray(pixels).save(buffer, "JPEG")
                members[f"imagenette2-160/{part}/{wnid}/{part}_{index}.JPEG"] = buffer.getvalue()
    return archive(members)


def test_imagenette(folder):
    put(folder, "imagenette", "imagenette2-160.tgz", imagenette())
    splits = load("imagenette")
    assert splits.shape == (3, SIDE, SIDE)
    assert splits.classes[0] == "tench"
    assert set(splits.test.labels.tolist()) == {0, splits.classes.index("English springer")}


@pytest.mark.parametrize("defect", [{"folders": ("n00000001",)}, {"parts": ("train",)}])
def test_imagenette_with_other_classes_or_parts_is_refused(folder, defect):
    put(folder, "imagenette", "imagenette2-160.tgz", imagenette(**defect))
    with pytest.raises(StepError, match=r"imagenette2-160\.tgz is damaged"):
        load("imagenette")


def test_sums_beside_the_files_are_checked(folder):
    put(folder, "cifar10", "cifar-10-python.tar.gz", content := cifar())
    line = f"{hashlib.sha256(content).hexdigest()}  cifar-10-python.tar.gz\n"
    put(folder, "cifar10", "SHA256SUMS", line.encode())
    load("cifar10")
    put(folder, "cifar10", "cifar-10-python.tar.gz", cifar())
    with pytest.raises(UsageError, match="another sum than SHA256SUMS"):
        load("cifar10")
    put(folder, "cifar10", "SHA256SUMS", b"")
    with pytest.raises(UsageError, match="not named in SHA256SUMS"):
        load("cifar10")


def test_missing_files_say_where_to_put_them(folder):
    with pytest.raises(StepError) as error:
        load("mnist")
    for part in (
        "/data/mnist/v1/train-images",
        "no network",
        "mnist/v1/train-images-idx3-ubyte.gz, then run",
    ):
        assert part in str(error.value)
