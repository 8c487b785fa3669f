"""Parameters of steps that work on a registered model, and what they say about it in their files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .errors import StepError
from .parameters import Parameter

if TYPE_CHECKING:
    from torch import nn

    from .datasets.splits import Splits
    from .llm.samples import TextSplits
    from .registry import RegisteredModel

PARAMETERS = (
    Parameter("registered-model", "name in MLflow's registry", default="digits-classifier"),
    Parameter("model-version", "number of the version", "integer", minimum=1),
)


def describe(model: RegisteredModel) -> dict[str, str]:
    """Name, version and hash: what a decision about this very model is bound to."""
    return {"model_name": model.name, "model_version": model.version, "model_sha256": model.sha256}


def describe_data(splits: Splits | TextSplits) -> dict[str, object]:
    """What was measured on; the hash covers all splits."""
    return {"name": splits.name, "version": splits.version, "sha256": splits.sha256(), "split": "test"}


def check_fits(model: nn.Module, name: str, splits: Splits) -> None:
    """Raises StepError if the model does not take the data set's pictures or answers other classes."""
    import torch

    from .fit import predict

    try:
        classes = predict(model, torch.from_numpy(splits.test.images[:1])).shape[1]
    except RuntimeError as error:
        raise StepError(f"{name} does not take pictures of {splits.shape}: {error}") from error
    if classes != len(splits.classes):
        raise StepError(f"{name} answers {classes} classes, data set {splits.name} has {len(splits.classes)}")
