"""Step `train`: trains a model and registers it as a new version. It sets no alias: those follow decisions
that are made elsewhere."""

from __future__ import annotations

import json
import time
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from . import datasets, recording, registry, tracking
from .errors import UsageError, run_step
from .files import resolve
from .parameters import Command, Parameter, Values
from .recipe import PARAMETERS as RECIPE_PARAMETERS
from .recipe import hyperparameters, make_recipe, run_parameters

if TYPE_CHECKING:
    import torch

    from .datasets.splits import Splits
    from .fit import Fitted, Recipe

COMMAND = Command(
    "train",
    "Trains a model on the train split, stops early on the validation split, and registers it in MLflow.",
    (
        *RECIPE_PARAMETERS,
        tracking.EXPERIMENT,
        Parameter("registered-model", "name in MLflow's registry", default="digits-classifier"),
        recording.RUN_KEY,
        recording.CHECKPOINTS,
        Parameter(
            "pretrained",
            "s3:// address or path of a torchvision resnet18 state_dict to start from",
            optional=True,
        ),
        *recording.outputs("hash of the model's files", "best epoch, validation accuracy, cost"),
    ),
)


def train(values: Values) -> None:
    """The step."""
    started = time.monotonic()
    if found := recording.problems(values):
        raise UsageError("; ".join(found))
    hyperparameters(values["model"], values["hyperparameters"])
    splits = datasets.load(values)
    from . import determinism

    device = determinism.prepare(values["device"], values["threads"])
    recipe = make_recipe(values, splits)
    recording.once(
        values,
        f"{values['model']}-{splits.name}",
        lambda run, key: _train_and_register(values, splits, recipe, device, run, key, started),
    )


def _train_and_register(
    values: Values,
    splits: Splits,
    recipe: Recipe,
    device: torch.device,
    run: tracking.TrackedRun,
    key: str,
    started: float,
) -> dict[str, Any]:
    from .augment import FOR_DATASET
    from .fit import Trainer, weights_sha256

    parameters = run_parameters(recipe, splits, device)
    recording.describe(run, parameters)
    run.artifact("augmentation.json", json.dumps(asdict(FOR_DATASET[recipe.dataset]), indent=1))
    checkpoint = recording.checkpoint(values, key, parameters)
    trainer = Trainer(recipe, device, _pretrained(values))
    fitted = trainer.fit(splits.train, splits.validation, checkpoint, lambda epoch: _log_epoch(run, epoch))
    best = fitted.history[fitted.best_epoch - 1]
    _log_confusion(run, fitted, splits)
    example = splits.validation.images[:2].astype("float32") / 255
    registered = registry.register(
        run,
        values["registered_model"],
        fitted.model,
        recipe.architecture,
        example,
        {
            "model": values["model"],
            "dataset": splits.name,
            "data_sha256": str(parameters["data_sha256"]),
            "weights_sha256": weights_sha256(fitted.model),
        },
    )
    trained = sum(epoch.seconds for epoch in fitted.history)
    elapsed = time.monotonic() - started + trainer.earlier_seconds
    cost = recording.log_cost(run, trained, device, elapsed)
    if checkpoint:
        checkpoint.remove()
    return {
        "run_id": run.id,
        "model_name": registered.name,
        "model_version": registered.version,
        "model_uri": registered.uri,
        "model_sha256": registered.sha256,
        "weights_sha256": weights_sha256(fitted.model),
        "data_sha256": parameters["data_sha256"],
        "epochs": len(fitted.history),
        "best_epoch": fitted.best_epoch,
        "validation_accuracy": best.validation_accuracy,
        "validation_loss": best.validation_loss,
        "cost_usd": cost,
    }


def _pretrained(values: Values) -> dict[str, torch.Tensor] | None:
    from . import object_store
    from .fit import read_weights

    place = values["pretrained"]
    if place is None:
        return None
    if values["model"] != "resnet18":
        raise UsageError("--pretrained: only resnet18 can start from other weights")
    if place.startswith("s3://"):
        content = object_store.read(place)
    else:
        path = resolve(place)
        content = path.read_bytes() if path.is_file() else None
    if content is None:
        raise UsageError(f"--pretrained {place}: there is no such file")
    return read_weights(content)


def _log_epoch(run: tracking.TrackedRun, epoch: Any) -> None:  # noqa: ANN401 (Epoch, imported lazily)
    figures = {field.name: getattr(epoch, field.name) for field in fields(epoch) if field.name != "number"}
    print(
        f"epoch {epoch.number}: train loss {epoch.train_loss:.4f}, validation loss {epoch.validation_loss:.4f}, "
        f"accuracy {epoch.validation_accuracy:.4f}, {epoch.seconds:.1f} s",
        flush=True,
    )
    run.metrics(figures, epoch.number)


def _log_confusion(run: tracking.TrackedRun, fitted: Fitted, splits: Splits) -> None:
    import torch

    from .confusion import confusion_matrix, picture
    from .fit import predict

    held_out = splits.validation
    predicted = predict(fitted.model, torch.from_numpy(held_out.images)).argmax(1).numpy()
    matrix = confusion_matrix(held_out.labels, predicted, len(splits.classes))
    run.artifact("confusion/validation.png", picture(matrix, splits.classes, "Validation split"))


if __name__ == "__main__":
    run_step(COMMAND, train)
