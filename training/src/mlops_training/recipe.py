"""What is trained and how: from a step's parameters to all that decides the weights."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from . import datasets
from .errors import UsageError
from .parameters import Parameter, Values

if TYPE_CHECKING:
    import torch

    from .datasets.splits import Splits
    from .fit import Recipe

PARAMETERS = (
    Parameter("model", "architecture", default="mlp", choices=("mlp", "cnn", "resnet18")),
    *datasets.PARAMETERS,
    Parameter("epochs", "most epochs", "integer", default=30, minimum=1, maximum=10_000),
    Parameter(
        "patience",
        "epochs without a lower validation loss after which training ends; 0: never",
        "integer",
        default=10,
        minimum=0,
    ),
    Parameter(
        "hyperparameters", "JSON object, see README.md; those not named keep defaults", "json", default={}
    ),
    Parameter("seed", "of weights, order and augmentation", "integer", default=0, minimum=0),
    Parameter("device", "where to train", default="auto", choices=("auto", "cpu", "cuda")),
    Parameter("threads", "CPU threads; 0: one a core", "integer", default=0, minimum=0, maximum=512),
)
"""Parameters of every step that trains."""


def hyperparameters(model: str, given: object) -> dict[str, float | int]:
    """Hyperparameters of a model with its defaults. Raises UsageError naming all that is wrong."""
    from .fit import Hyperparameters

    defaults = {
        "mlp": {"learning_rate": 3e-3, "batch_size": 32},
        "cnn": {"learning_rate": 1e-3, "batch_size": 64, "dropout": 0.25},
        "resnet18": {"learning_rate": 1e-3, "batch_size": 64, "weight_decay": 0.01},
    }
    if not isinstance(given, dict):
        raise UsageError("--hyperparameters: must be a JSON object")
    chosen = asdict(Hyperparameters(**defaults[model]))
    problems = []
    for name, value in given.items():
        if name not in chosen:
            problems.append(f"unknown hyperparameter {name}; there are {', '.join(chosen)}")
            continue
        low, high = _BOUNDS[name]
        if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
            problems.append(f"{name}: must be a number from {low:g} to {high:g}")
        elif name == "batch_size" and value != int(value):
            problems.append(f"{name}: must be a whole number")
        else:
            chosen[name] = type(chosen[name])(value)
    if problems:
        raise UsageError("--hyperparameters: " + "; ".join(problems))
    return chosen


_BOUNDS = {
    "learning_rate": (1e-8, 1e3),
    "batch_size": (2, 65_536),
    "dropout": (0, 0.95),
    "weight_decay": (0, 10),
    "label_smoothing": (0, 0.9),
}


def make_recipe(values: Values, splits: Splits) -> Recipe:
    """The recipe that a step's parameters ask for. Raises UsageError."""
    import torch

    from .fit import Hyperparameters, Recipe
    from .models import Architecture

    chosen = Hyperparameters(**hyperparameters(values["model"], values["hyperparameters"]))
    return Recipe(
        architecture=Architecture(values["model"], splits.shape, len(splits.classes), chosen.dropout),
        dataset=splits.name,
        hyperparameters=chosen,
        epochs=values["epochs"],
        patience=values["patience"],
        seed=values["seed"],
        threads=torch.get_num_threads(),
    )


def run_parameters(recipe: Recipe, splits: Splits, device: torch.device) -> dict[str, object]:
    """What MLflow shows as the run's parameters."""
    flat = {**asdict(recipe), **asdict(recipe.hyperparameters)}
    for nested in ("architecture", "hyperparameters"):
        del flat[nested]
    return {
        **flat,
        "model": recipe.architecture.name,
        "dataset_version": splits.version,
        "data_sha256": splits.sha256(),
        "train_samples": len(splits.train),
        "validation_samples": len(splits.validation),
        "test_samples": len(splits.test),
        "device": device.type,
        "optimizer": "AdamW, cosine",
    }
