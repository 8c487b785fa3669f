"""Step `functional_samples`: held-out samples with the registered model's answers, for a deployment's test."""

from __future__ import annotations

from . import datasets, registered, registry, tracking
from .errors import StepError, run_step
from .export_onnx import INPUT, LOGITS, PROBABILITIES
from .files import write_json
from .parameters import Command, Parameter, Values, output

COMMAND = Command(
    "functional_samples",
    "Writes held-out samples and what the registered model answers to them.",
    (
        *registered.PARAMETERS,
        *datasets.PARAMETERS,
        Parameter("samples", "number of samples", "integer", default=16, minimum=1, maximum=1000),
        output("samples", "JSON file, see README.md"),
    ),
)


def functional_samples(values: Values) -> None:
    """The step."""
    import torch

    from .fit import predict

    splits = datasets.load(values)
    client = tracking.client()
    with tracking.told_clearly("answering samples"):
        model = registry.find_version(client, values["registered_model"], str(values["model_version"]))
        network = registry.load(model)
    registered.check_fits(network, model.uri, splits)
    wanted = values["samples"]
    if len(splits.test) < wanted:
        raise StepError(f"{wanted} held-out samples asked for, {splits.name} has {len(splits.test)}")
    # The last ones: gate 2 looks at the first.
    samples = splits.test.take(slice(-wanted, None))
    logits = predict(network, torch.from_numpy(samples.images))
    images = samples.images.astype("float32") / 255
    write_json(
        values["output_samples"],
        {
            "schema": 1,
            **registered.describe(model),
            "data": registered.describe_data(splits),
            "input": _tensor(INPUT, images),
            "expected": {
                "outputs": [
                    _tensor(LOGITS, logits.numpy()),
                    _tensor(PROBABILITIES, logits.softmax(1).numpy()),
                ],
                "classes": logits.argmax(1).tolist(),
            },
            "labels": samples.labels.tolist(),
        },
    )
    print(f"{model.uri}: {wanted} samples with answers")


def _tensor(name: str, array) -> dict[str, object]:  # noqa: ANN001 (numpy array)
    """As the inference protocol of Triton and KServe states tensors."""
    return {"name": name, "datatype": "FP32", "shape": list(array.shape), "data": array.ravel().tolist()}


if __name__ == "__main__":
    run_step(COMMAND, functional_samples)
