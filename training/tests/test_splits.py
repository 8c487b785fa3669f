import numpy as np
import pytest
from conftest import make_samples

from mlops_training import datasets
from mlops_training.datasets.splits import Samples, Splits, divide
from mlops_training.errors import StepError

CLASSES = tuple("0123456789")


@pytest.fixture(scope="module")
def digits():
    return datasets.load(
        {"dataset": "digits", "dataset_version": "v1", "datasets_bucket": None, "data_dir": None}
    )


def test_digits_are_all_there_and_disjoint(digits):
    assert digits.shape == (1, 28, 28)
    assert len(digits.train) + len(digits.validation) + len(digits.test) == 1797
    seen = [set(part.digests()) for part in (digits.train, digits.validation, digits.test)]
    assert not seen[0] & seen[1]
    assert not seen[0] & seen[2]
    assert not seen[1] & seen[2]


def test_digits_have_every_class_in_every_split(digits):
    for part in (digits.train, digits.validation, digits.test):
        assert set(part.labels.tolist()) == set(range(10))


def test_a_picture_that_occurs_twice_is_in_one_split():
    samples = make_samples(200)
    twice = Samples(np.concatenate([samples.images] * 2), np.concatenate([samples.labels] * 2))
    splits = divide("x", "v1", CLASSES, twice)
    assert len(splits.train) + len(splits.validation) + len(splits.test) == 400


def test_a_picture_of_the_official_test_set_is_dropped_from_training():
    samples, test = make_samples(200, 0), make_samples(50, 1)
    leaking = Samples(
        np.concatenate([samples.images, test.images[:5]]), np.concatenate([samples.labels, test.labels[:5]])
    )
    splits = divide("x", "v1", CLASSES, leaking, test)
    assert len(splits.train) + len(splits.validation) == 200


def test_a_leak_is_found():
    train, validation, test = (make_samples(20, seed) for seed in range(3))
    leaking = Samples(np.concatenate([test.images[:2], train.images[2:]]), train.labels)
    with pytest.raises(StepError, match="2 pictures are both in train and test"):
        Splits("x", "v1", CLASSES, leaking, validation, test).check()


def test_all_defects_are_told_at_once():
    train, validation = make_samples(20), make_samples(20, 1, side=24)
    labels = Samples(make_samples(5, 2).images, np.full(5, 10, dtype=np.int64))
    with pytest.raises(StepError, match=r"validation pictures are .* test has labels outside of 0 to 9"):
        Splits("x", "v1", CLASSES, train, validation, labels).check()


def test_the_hash_covers_pixels_and_labels(small_splits):
    def changed(images=None, labels=None):
        train = Samples(
            small_splits.train.images if images is None else images,
            small_splits.train.labels if labels is None else labels,
        )
        return Splits("digits", "test", CLASSES, train, small_splits.validation, small_splits.test).sha256()

    other_images = small_splits.train.images.copy()
    other_images[0, 0, 0, 0] ^= 1
    other_labels = small_splits.train.labels.copy()
    other_labels[0] = (other_labels[0] + 1) % 10
    assert changed() == small_splits.sha256()
    assert len({small_splits.sha256(), changed(images=other_images), changed(labels=other_labels)}) == 3


def test_the_split_of_a_picture_does_not_depend_on_the_others():
    samples = make_samples(100)
    held_out = set(divide("x", "v1", CLASSES, samples).test.digests())
    fewer = divide("x", "v1", CLASSES, samples.take(slice(0, 60)))
    assert set(fewer.test.digests()) <= held_out


def test_wrong_shapes_are_refused():
    with pytest.raises(StepError, match="wanted: uint8, samples x channels x height x width"):
        Samples(np.zeros((3, 28, 28), np.uint8), np.zeros(3, np.int64))
    with pytest.raises(StepError, match="3 pictures but labels of shape"):
        Samples(np.zeros((3, 1, 28, 28), np.uint8), np.zeros(2, np.int64))
