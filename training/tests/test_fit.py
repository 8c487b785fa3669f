import json
import signal
import subprocess
import sys

import numpy as np
import pytest
import torch
from conftest import TRAINING

from mlops_training.augment import FOR_DATASET, augment
from mlops_training.checkpoint import Checkpoint
from mlops_training.datasets.splits import Samples
from mlops_training.determinism import prepare
from mlops_training.errors import StepError, UsageError
from mlops_training.fit import Hyperparameters, Recipe, Trainer, weights_sha256
from mlops_training.models import Architecture

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def deterministic():
    prepare("cpu", 1)
    yield
    torch.use_deterministic_algorithms(False)


def recipe(model="mlp", epochs=4, patience=0, **hyperparameters):
    architecture = Architecture(model, (1, 28, 28), 10, 0.2)
    chosen = Hyperparameters(batch_size=16, **hyperparameters)
    return Recipe(architecture, "digits", chosen, epochs, patience, seed=3, threads=1)


def fit(splits, which, checkpoint=None, **more):
    return Trainer(which, CPU).fit(splits.train, splits.validation, checkpoint, **more)


@pytest.mark.parametrize("model", ["mlp", "cnn", "resnet18"])
def test_same_seed_same_weights(small_splits, model):
    first, second = (fit(small_splits, recipe(model, epochs=2)) for _ in range(2))
    assert weights_sha256(first.model) == weights_sha256(second.model)


def test_another_seed_gives_other_weights(small_splits):
    other = Recipe(**{**recipe().__dict__, "seed": 4})
    assert weights_sha256(fit(small_splits, recipe()).model) != weights_sha256(fit(small_splits, other).model)


def test_it_learns(small_splits):
    fitted = fit(small_splits, recipe(epochs=30, learning_rate=3e-3))
    assert fitted.history[-1].validation_accuracy > 0.9


@pytest.fixture
def overfitted(small_splits):
    """A training whose validation loss rises soon, and the hash of its weights after each epoch."""
    # Labels that nothing predicts: the loss can only rise once the training data is learnt by heart.
    held_out = small_splits.validation
    noise = Samples(held_out.images, np.random.default_rng(1).permutation(held_out.labels))
    trainer = Trainer(recipe(epochs=200, patience=3, learning_rate=1e-2), CPU)
    kept = {}

    def keep(epoch):
        kept[epoch.number] = weights_sha256(trainer.model)

    return trainer.fit(small_splits.train, noise, on_epoch=keep), kept


def test_it_stops_when_validation_gets_worse(overfitted):
    fitted, _ = overfitted
    assert len(fitted.history) < 200
    assert fitted.best_epoch == len(fitted.history) - 3
    best = min(fitted.history, key=lambda epoch: epoch.validation_loss)
    assert best.number == fitted.best_epoch


def test_the_network_is_that_of_the_best_epoch(overfitted):
    fitted, kept = overfitted
    assert weights_sha256(fitted.model) == kept[fitted.best_epoch]


def test_a_loss_that_is_no_number_ends_training(small_splits):
    trainer = Trainer(recipe(), CPU)
    with torch.no_grad():
        trainer.model.network[1].weight[0, 0] = float("nan")
    with pytest.raises(StepError, match=r"not a number any more \(epoch 1, training, batch 1"):
        trainer.fit(small_splits.train, small_splits.validation)


def test_no_mixed_precision_on_a_cpu():
    assert not Trainer(recipe(), CPU).scaler.is_enabled()


def test_a_gpu_that_is_not_there_is_told():
    if torch.cuda.is_available():
        assert prepare("cuda", 1).type == "cuda"
    else:
        with pytest.raises(UsageError, match="there is no GPU"):
            prepare("cuda", 1)


def test_augmentation_keeps_shape_and_follows_its_generator():
    images = torch.rand(5, 1, 28, 28)
    first, second, third = (
        augment(images, FOR_DATASET["digits"], torch.Generator().manual_seed(seed)) for seed in (0, 0, 1)
    )
    assert first.shape == images.shape
    assert torch.equal(first, second)
    assert not torch.equal(first, third)
    assert not torch.equal(first, images)


def test_only_flips_mirror():
    half = torch.zeros(64, 3, 32, 32)
    half[:, :, :, 24:] = 1
    for name, mirrors in (("cifar10", True), ("mnist", False)):
        changed = augment(half[:, :1], FOR_DATASET[name], torch.Generator().manual_seed(0))
        left = changed[..., :16].sum(dim=(1, 2, 3)) > changed[..., 16:].sum(dim=(1, 2, 3))
        assert bool(left.any()) is mirrors


RESUMED = """
import json, sys
sys.path.insert(0, "tests")
from conftest import make_samples
from test_fit import fit, recipe
from mlops_training.checkpoint import Checkpoint
from mlops_training.datasets.splits import Splits
from mlops_training.determinism import prepare
from mlops_training.fit import weights_sha256
prepare("cpu", 1)
parts = [make_samples(count, seed) for seed, count in enumerate((96, 32, 32))]
splits = Splits("digits", "test", tuple("0123456789"), *parts)
checkpoint = Checkpoint(sys.argv[2], "fingerprint") if sys.argv[2] else None
fitted = fit(splits, recipe(sys.argv[1], epochs=8), checkpoint, on_epoch=lambda epoch: print(epoch.number, flush=True))
print(json.dumps([weights_sha256(fitted.model), [epoch.validation_loss for epoch in fitted.history]]))
"""


def start(model, place, root):
    return subprocess.Popen(
        [sys.executable, "-c", RESUMED, model, place],
        cwd=TRAINING,
        env={
            "PYTHONPATH": "src",
            "MLOPS_IO_ROOT": str(root),
            "OMP_WAIT_POLICY": "PASSIVE",
            "PYTHONDONTWRITEBYTECODE": "1",
        },
        stdout=subprocess.PIPE,
        text=True,
    )


@pytest.mark.parametrize("model", ["mlp", "resnet18"])
def test_a_killed_training_goes_on_to_the_same_weights(model, tmp_path):
    whole = start(model, "", tmp_path).communicate()[0].splitlines()
    assert whole[:-1] == [str(number) for number in range(1, 9)]

    killed = start(model, "/state.pt", tmp_path)
    for line in killed.stdout:
        if line.strip() == "4":
            killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL

    rest = start(model, "/state.pt", tmp_path).communicate()[0].splitlines()
    assert int(rest[0]) in (4, 5, 6)
    assert json.loads(rest[-1]) == json.loads(whole[-1])


def test_a_checkpoint_of_another_recipe_is_refused(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    Checkpoint("/state.pt", "one").save({"a": 1})
    assert Checkpoint("/state.pt", "one").load() == {"a": 1}
    with pytest.raises(StepError, match="made with other parameters or data"):
        Checkpoint("/state.pt", "two").load()


def test_a_damaged_checkpoint_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    (tmp_path / "state.pt").write_bytes(b"garbage")
    with pytest.raises(StepError, match="is damaged"):
        Checkpoint("/state.pt", "one").load()


def test_a_checkpoint_is_damaged_if_a_single_byte_is_another(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    checkpoint = Checkpoint("/state.pt", "one")
    checkpoint.save({"weights": torch.ones(64)})
    file = tmp_path / "state.pt"
    whole = file.read_bytes()
    for place in range(0, len(whole), 7):
        damaged = bytearray(whole)
        damaged[place] ^= 1
        file.write_bytes(damaged)
        with pytest.raises(StepError, match="is damaged"):
            checkpoint.load()


def test_what_earlier_processes_took_is_known(small_splits, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    checkpoint = Checkpoint("/state.pt", "one")
    earlier = fit(small_splits, recipe(epochs=2), checkpoint)
    trainer = Trainer(recipe(epochs=4), CPU)
    trainer.fit(small_splits.train, small_splits.validation, checkpoint)
    assert trainer.earlier_seconds == sum(epoch.seconds for epoch in earlier.history) > 0
