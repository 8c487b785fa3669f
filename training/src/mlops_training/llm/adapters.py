"""Adapters in MLflow: folder `adapter/` of a run's artifacts, and a version of a registered model."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .. import registry
from ..errors import StepError, UsageError
from ..tracking import TrackedRun, told_clearly

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

    from .base import Base

FOLDER = "adapter"
CONFIG = "adapter_config.json"
WEIGHTS = "adapter_model.safetensors"
SHA256_TAG = "mlops.sha256"
"""Of the weights' file: what decisions about an adapter are bound to."""
BASE_TAGS = ("base_model", "base_revision")


def save(model: PeftModel, tokenizer: PreTrainedTokenizerBase, base: Base, folder: Path) -> None:
    """Writes the adapter's files, the base model's exact name, and its tokenizer."""
    config = model.peft_config["default"]
    # Where the base lay on this machine is of no use to others.
    config.base_model_name_or_path, config.revision = base.name, base.revision
    # Otherwise the base's name is looked up on the hub, to see whether its embeddings grew; ours never do.
    model.save_pretrained(folder, save_embedding_layers=False)
    # A form with nothing filled in.
    (folder / "README.md").unlink(missing_ok=True)
    tokenizer.save_pretrained(folder)


def weights_sha256(folder: Path) -> str:
    """Hash of the weights' file."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def register(
    run: TrackedRun, name: str, folder: Path, base: Base, tags: Mapping[str, str]
) -> registry.RegisteredModel:
    """Uploads an adapter's files and registers them as the next version of `name`.

    The version appears last and whole: what fails before leaves files of the run, but no version. Done again
    for the same run it returns the version that is there.
    """
    if (found := registry.version_of_run(run, name)) is not None:
        return found
    sha256 = weights_sha256(folder)
    run.client.log_artifacts(run.id, str(folder), FOLDER)
    with tempfile.TemporaryDirectory() as copy:
        uploaded = Path(run.client.download_artifacts(run.id, FOLDER, copy))
        if weights_sha256(uploaded) != sha256:
            raise StepError(f"the adapter of run {run.id} arrived damaged in MLflow; run this step again")
    registry.ensure_registered_model(run.client, name)
    created = run.client.create_model_version(
        name,
        f"{run.run.info.artifact_uri}/{FOLDER}",
        run.id,
        tags={
            **tags,
            **dict(zip(BASE_TAGS, (base.name, base.revision), strict=True)),
            SHA256_TAG: sha256,
            registry.SHA256_TAG: sha256,
        },
    )
    version = str(created.version)
    return registry.RegisteredModel(name, version, f"models:/{name}/{version}", run.id, sha256)


@contextmanager
def downloaded(
    client: MlflowClient, name: str, version: str
) -> Iterator[tuple[registry.RegisteredModel, Path]]:
    """A registered adapter and its files in a folder, for as long as the block lasts.

    Raises UsageError if files are missing or not those that were registered.
    """
    registered = registry.find_version(client, name, version)
    with tempfile.TemporaryDirectory() as copy:
        with told_clearly(f"downloading the adapter of {registered.uri}"):
            folder = Path(client.download_artifacts(registered.run_id, FOLDER, copy))
        for file in (CONFIG, WEIGHTS):
            if not (folder / file).is_file():
                raise UsageError(f"{registered.uri}: {FOLDER}/{file} is missing; train the adapter again")
        if (found := weights_sha256(folder)) != registered.sha256:
            raise UsageError(
                f"{registered.uri}: {FOLDER}/{WEIGHTS} has the hash {found}, registered was {registered.sha256}; "
                "it was changed or is corrupted, so it is not used. Train the adapter again."
            )
        yield registered, folder


def base_of(folder: Path) -> tuple[str, str]:
    """Name and revision of the base model that an adapter was trained on. Raises UsageError if it does not say."""
    try:
        config = json.loads((folder / CONFIG).read_text())
        name, revision = config["base_model_name_or_path"], config["revision"]
    except (ValueError, KeyError, TypeError) as error:
        raise UsageError(f"{CONFIG} is damaged: {error}") from error
    if not name or not revision:
        raise UsageError(f"{CONFIG} does not name the base model and its exact revision")
    return name, revision
