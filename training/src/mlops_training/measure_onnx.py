"""Step `measure_onnx`: what gate 2 decides on. It measures the ONNX file as it lies in the run's artifacts."""

from __future__ import annotations

import hashlib
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from . import datasets, registered, registry, tracking
from .errors import StepError, run_step
from .export_onnx import INPUT, LOGITS, ONNX_ARTIFACT, PROBABILITIES
from .files import write_json, write_output
from .parameters import Command, Parameter, Values, output

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

COMMAND = Command(
    "measure_onnx",
    "Compares the exported ONNX file with the registered model on held-out samples.",
    (
        *registered.PARAMETERS,
        *datasets.PARAMETERS,
        Parameter("samples", "held-out samples to compare on", "integer", default=100, minimum=1),
        output("measurements", "JSON file, see README.md"),
        output("onnx-sha256", "hash of the file that was measured"),
    ),
)


@dataclass(frozen=True)
class Comparison:
    """How far ONNX Runtime's answers are from PyTorch's."""

    samples: int
    max_probability_difference: float | None
    """None: one of them is not a finite number. Whether that matters is the gate's to say."""
    max_logit_difference: float | None
    top1_agreement: float
    """Share of samples with the same most probable class; an answer that is not finite has none."""


def measure_onnx(values: Values) -> None:
    """The step."""
    splits = datasets.load(values)
    client = tracking.client()
    with tracking.told_clearly("measuring the ONNX file"):
        model = registry.find_version(client, values["registered_model"], str(values["model_version"]))
        network = registry.load(model)
        registered.check_fits(network, model.uri, splits)
        content = _artifact(model)
        wanted = values["samples"]
        if len(splits.test) < wanted:
            raise StepError(f"{wanted} held-out samples asked for, {splits.name} has {len(splits.test)}")
        comparison = compare(network, content, splits.test.images[:wanted])
        run = tracking.TrackedRun(client, client.get_run(model.run_id))
        measured = asdict(comparison)
        run.metrics({f"onnx_{key}": value for key, value in measured.items() if value is not None})
    sha256 = hashlib.sha256(content).hexdigest()
    write_json(
        values["output_measurements"],
        {
            "schema": 1,
            **registered.describe(model),
            "onnx_sha256": sha256,
            "data": registered.describe_data(splits),
            **measured,
        },
    )
    write_output(values["output_onnx_sha256"], sha256)
    print(
        f"{model.uri}: probabilities differ by at most {_shown(comparison.max_probability_difference)}, logits by "
        f"{_shown(comparison.max_logit_difference)}, same class in {comparison.top1_agreement:.2%} of {wanted}"
    )


def compare(network: nn.Module, onnx: bytes, images: np.ndarray) -> Comparison:
    """Runs uint8 pictures through both, in float32 on the CPU. Raises StepError if the file cannot be run."""
    import numpy as np
    import onnxruntime
    import torch

    from .fit import predict

    # Products in TensorFloat-32 would differ in the third digit.
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False
    logits = predict(network.float(), torch.from_numpy(images))
    try:
        session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        got_logits, got = session.run([LOGITS, PROBABILITIES], {INPUT: images.astype(np.float32) / 255})
    except Exception as error:
        raise StepError(f"ONNX Runtime cannot run the exported file: {error}") from error
    if got.shape != tuple(logits.shape) or got_logits.shape != got.shape:
        raise StepError(
            f"the exported file answers {got_logits.shape} and {got.shape}, the network {tuple(logits.shape)}; "
            "export again"
        )
    probabilities = logits.softmax(1).numpy()
    same = (
        (got.argmax(1) == probabilities.argmax(1))
        & np.isfinite(got).all(1)
        & np.isfinite(probabilities).all(1)
    )
    return Comparison(
        samples=len(images),
        max_probability_difference=_largest_difference(got, probabilities),
        max_logit_difference=_largest_difference(got_logits, logits.numpy()),
        top1_agreement=float(same.mean()),
    )


def _largest_difference(a: np.ndarray, b: np.ndarray) -> float | None:
    """None if a value is not finite, so that two infinities are not taken to be equal."""
    import numpy as np

    if not (np.isfinite(a).all() and np.isfinite(b).all()):
        return None
    return float(np.abs(a - b).max())


def _shown(difference: float | None) -> str:
    return "no finite number" if difference is None else f"{difference:.2e}"


def _artifact(model: registry.RegisteredModel) -> bytes:
    import mlflow.artifacts

    with tempfile.TemporaryDirectory() as folder:
        path = mlflow.artifacts.download_artifacts(
            run_id=model.run_id, artifact_path=ONNX_ARTIFACT, dst_path=folder
        )
        return Path(path).read_bytes()


if __name__ == "__main__":
    run_step(COMMAND, measure_onnx)
