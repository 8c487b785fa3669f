"""Registered models: MLflow's registry, and what proves that a model's files are those that were registered."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .errors import StepError, first_line
from .tracking import TrackedRun, told_clearly

if TYPE_CHECKING:
    import numpy as np
    from mlflow import MlflowClient
    from mlflow.entities.model_registry import ModelVersion

    from .models import Architecture, Classifier

SHA256_TAG = "mlops.model_sha256"

_MODEL_NAME = "model"
_WEIGHTS = "weights.pt"
_ARCHITECTURE = "architecture.json"


@dataclass(frozen=True)
class RegisteredModel:
    """One version in MLflow's registry."""

    name: str
    version: str
    uri: str
    """`models:/NAME/VERSION`."""
    run_id: str
    sha256: str
    """Of the model's files, see `folder_sha256`."""


def register(
    run: TrackedRun,
    name: str,
    model: Classifier,
    architecture: Architecture,
    example: np.ndarray,
    tags: Mapping[str, str],
) -> RegisteredModel:
    """Uploads a model with signature and input example, and registers it as the next version of `name`.

    The version appears last and whole: what fails before leaves files of the run, but no version. Done again
    for the same run it returns the version that is there.
    """
    if (found := version_of_run(run, name)) is not None:
        return found
    info = _upload(model, architecture, example)
    with tempfile.TemporaryDirectory() as folder:
        import mlflow

        local = mlflow.artifacts.download_artifacts(info.model_uri, dst_path=folder)
        sha256 = folder_sha256(Path(local))
    ensure_registered_model(run.client, name)
    created = run.client.create_model_version(
        name, info.artifact_path, run.id, tags={**tags, SHA256_TAG: sha256}, model_id=info.model_id
    )
    return RegisteredModel(name, str(created.version), f"models:/{name}/{created.version}", run.id, sha256)


def _upload(model: Classifier, architecture: Architecture, example: np.ndarray) -> Any:  # noqa: ANN401 (ModelInfo)
    import mlflow.pytorch
    import numpy as np
    import torch
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    signature = ModelSignature(
        inputs=Schema([TensorSpec(np.dtype(np.float32), (-1, *architecture.shape))]),
        outputs=Schema([TensorSpec(np.dtype(np.float32), (-1, architecture.classes))]),
    )
    with tempfile.TemporaryDirectory() as folder:
        # The weights again, as tensors alone: from them this package makes its own network, and neither
        # reading them nor MLflow's exported graph (pt2) runs code, as a pickle would.
        torch.save(model.state_dict(), Path(folder) / _WEIGHTS)
        (Path(folder) / _ARCHITECTURE).write_text(json.dumps(asdict(architecture)))
        return mlflow.pytorch.log_model(
            model,
            name=_MODEL_NAME,
            signature=signature,
            input_example=example,
            serialization_format="pt2",
            extra_files=[f"{folder}/{name}" for name in (_WEIGHTS, _ARCHITECTURE)],
            # Named, because MLflow would find them out by loading the model in a process of its own.
            pip_requirements=[f"torch=={_release(torch)}", "numpy"],
        )


def _release(module: Any) -> str:  # noqa: ANN401 (any package)
    return module.__version__.partition("+")[0]


def ensure_registered_model(mlflow_client: MlflowClient, name: str) -> None:
    """Makes the registered model unless there is one."""
    from mlflow.exceptions import MlflowException

    try:
        mlflow_client.create_registered_model(name)
    except MlflowException as error:
        if error.error_code != "RESOURCE_ALREADY_EXISTS":
            raise


def version_of_run(run: TrackedRun, name: str) -> RegisteredModel | None:
    """What this run has registered under the name, if it has."""
    versions = run.client.search_model_versions(f"run_id='{run.id}'")
    mine = [version for version in versions if version.name == name]
    return _registered(mine[0]) if mine else None


def _registered(version: ModelVersion) -> RegisteredModel:
    sha256 = version.tags.get(SHA256_TAG)
    if sha256 is None:
        raise StepError(
            f"version {version.version} of {version.name} has no tag {SHA256_TAG}: it was not registered by "
            "the train step, so nothing proves what it is; train it again"
        )
    uri = f"models:/{version.name}/{version.version}"
    return RegisteredModel(version.name, str(version.version), uri, version.run_id, sha256)


def find_version(mlflow_client: MlflowClient, name: str, version: str) -> RegisteredModel:
    """A registered version by number. Raises StepError if there is none."""
    from mlflow.exceptions import MlflowException

    try:
        return _registered(mlflow_client.get_model_version(name, version))
    except MlflowException as error:
        raise StepError(f"version {version} of model {name}: {first_line(error)}") from error


def load(registered: RegisteredModel) -> Classifier:
    """The network of a registered version, on the CPU in eval mode.

    Raises StepError if its files are not those that were registered, or it has no signature.
    """
    import mlflow.artifacts
    import torch
    from mlflow.models import Model

    from .models import Architecture, build

    with told_clearly(f"downloading {registered.uri}"), tempfile.TemporaryDirectory() as folder:
        local = Path(mlflow.artifacts.download_artifacts(registered.uri, dst_path=folder))
        found = folder_sha256(local)
        if found != registered.sha256:
            raise StepError(
                f"{registered.uri}: the files have the hash {found}, registered was {registered.sha256}; "
                "they were changed, so they are not used. Train the model again."
            )
        if Model.load(str(local)).signature is None:
            raise StepError(f"{registered.uri} has no signature; train it again with the train step")
        extra = local / "extra_files"
        described = json.loads((extra / _ARCHITECTURE).read_text())
        model = build(Architecture(**{**described, "shape": tuple(described["shape"])}))
        model.load_state_dict(torch.load(extra / _WEIGHTS, map_location="cpu", weights_only=True))
        return model.eval()


def folder_sha256(folder: Path) -> str:
    """Hash of a folder: of a line `SHA256  PATH` for each file, sorted by path (as `sha256sum` prints them).

    `registered_model_meta` is left out: MLflow's client adds it to downloads of registered models.
    """
    files = sorted(
        (file.relative_to(folder).as_posix(), file) for file in folder.rglob("*") if file.is_file()
    )
    lines = [
        f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {path}\n"
        for path, file in files
        if path != "registered_model_meta"
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()
