"""Step `export_onnx`: turns a registered model into the ONNX file that is served."""

from __future__ import annotations

import hashlib
import io
import json
import warnings
from typing import TYPE_CHECKING

from . import datasets, registered, registry, tracking
from .errors import run_step
from .files import write_output
from .parameters import Command, Values, output

if TYPE_CHECKING:
    import numpy as np
    from torch import Tensor, nn

    from .datasets.splits import Splits

OPSET = 17
INPUT, LOGITS, PROBABILITIES = "input", "logits", "probabilities"
ONNX_ARTIFACT = "onnx/model.onnx"
METADATA_ARTIFACT = "onnx/metadata.json"
SAMPLES_ARTIFACT = "onnx/samples.json"
# Held-out samples whose answers are kept for the test of a deployment: the last ones, gate 2 looks at the first.
SAMPLES = 16

COMMAND = Command(
    "export_onnx",
    "Exports a registered model to ONNX, as artifacts of its run: onnx/model.onnx, onnx/metadata.json and, with what "
    "the registered model answers to held-out samples, onnx/samples.json.",
    (
        *registered.PARAMETERS,
        *datasets.PARAMETERS,
        output("onnx", "the ONNX file"),
        output("metadata", "JSON file: inputs, outputs, labels, hashes, see README.md"),
        output("onnx-sha256", "hash of the ONNX file"),
    ),
)


def export_onnx(values: Values) -> None:
    """The step."""
    splits = datasets.load(values)
    client = tracking.client()
    with tracking.told_clearly("exporting"):
        model = registry.find_version(client, values["registered_model"], str(values["model_version"]))
        network = registry.load(model)
        registered.check_fits(network, model.uri, splits)
        content = to_onnx(network, splits.shape)
        sha256 = hashlib.sha256(content).hexdigest()
        metadata = json.dumps(
            {
                "schema": 1,
                **registered.describe(model),
                "run_id": model.run_id,
                "onnx_sha256": sha256,
                "opset": OPSET,
                "inputs": [{"name": INPUT, "datatype": "FP32", "shape": [-1, *splits.shape]}],
                "outputs": [
                    {"name": name, "datatype": "FP32", "shape": [-1, len(splits.classes)]}
                    for name in (LOGITS, PROBABILITIES)
                ],
                "labels": list(splits.classes),
                "pixels": "0 to 1: a picture's bytes divided by 255; channels, height, width",
            },
            indent=1,
        )
        run = tracking.TrackedRun(client, client.get_run(model.run_id))
        run.artifact(
            SAMPLES_ARTIFACT,
            json.dumps({"schema": 1, **registered.describe(model), **answered(network, splits)}),
        )
        run.artifact(ONNX_ARTIFACT, content)
        run.artifact(METADATA_ARTIFACT, metadata)
        run.tag({"mlops.onnx_sha256": sha256})
    write_output(values["output_onnx"], content)
    write_output(values["output_metadata"], metadata + "\n")
    write_output(values["output_onnx_sha256"], sha256)
    print(f"{model.uri}: {len(content)} bytes of ONNX, SHA-256 {sha256}")


def answered(network: nn.Module, splits: Splits) -> dict[str, object]:
    """Held-out samples as the inference protocol of Triton and KServe states tensors, with the network's answers."""
    import torch

    from .fit import predict

    samples = splits.test.take(slice(-SAMPLES, None))
    logits = predict(network, torch.from_numpy(samples.images))
    return {
        "data": registered.describe_data(splits),
        "input": _tensor(INPUT, samples.images.astype("float32") / 255),
        "expected": {
            "outputs": [_tensor(LOGITS, logits.numpy()), _tensor(PROBABILITIES, logits.softmax(1).numpy())],
            "classes": logits.argmax(1).tolist(),
        },
        "labels": samples.labels.tolist(),
    }


def _tensor(name: str, array: np.ndarray) -> dict[str, object]:
    return {"name": name, "datatype": "FP32", "shape": list(array.shape), "data": array.ravel().tolist()}


def to_onnx(network: nn.Module, shape: tuple[int, int, int]) -> bytes:
    """An ONNX file with input pictures (any number) and outputs logits and probabilities."""
    import torch
    from torch import nn as torch_nn

    class WithProbabilities(torch_nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.network = network

        def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
            logits = self.network(images)
            return logits, logits.softmax(1)

    names = (INPUT, LOGITS, PROBABILITIES)
    buffer = io.BytesIO()
    with warnings.catch_warnings():
        # The newer exporter needs onnxscript and writes larger graphs; this one is pinned with torch.
        warnings.simplefilter("ignore", DeprecationWarning)
        torch.onnx.export(
            WithProbabilities().eval(),
            (torch.zeros(2, *shape),),
            buffer,
            dynamo=False,
            opset_version=OPSET,
            input_names=[INPUT],
            output_names=[LOGITS, PROBABILITIES],
            dynamic_axes={name: {0: "batch"} for name in names},
        )
    return buffer.getvalue()


if __name__ == "__main__":
    run_step(COMMAND, export_onnx)
