"""Step `evaluate`: what gate 1 decides on. It measures and decides nothing."""

from __future__ import annotations

from . import datasets, registered, registry, tracking
from .errors import run_step
from .files import write_json, write_output
from .parameters import Command, Parameter, Values, output

COMMAND = Command(
    "evaluate",
    "Measures a registered model, and the one that is live, on the same held-out samples.",
    (
        *registered.PARAMETERS,
        *datasets.PARAMETERS,
        Parameter(
            "live-version",
            "version of the same name that serves now; none: there is no opponent",
            "integer",
            optional=True,
            minimum=1,
        ),
        output("measurements", "JSON file, see README.md"),
        output("accuracy", "share of correct answers of the new model"),
        output("samples", "number of held-out samples"),
    ),
)


def evaluate(values: Values) -> None:
    """The step."""
    splits = datasets.load(values)
    client = tracking.client()
    name = values["registered_model"]
    with tracking.told_clearly("evaluating"):
        candidate = registry.find_version(client, name, str(values["model_version"]))
        measured, predicted = _measure(candidate, splits)
        live = None
        if values["live_version"] is not None:
            live, _ = _measure(registry.find_version(client, name, str(values["live_version"])), splits)
        run = tracking.TrackedRun(client, client.get_run(candidate.run_id))
        _log(run, splits, predicted, measured["accuracy"])
    write_json(
        values["output_measurements"],
        {
            "schema": 1,
            "data": {**registered.describe_data(splits), "n": len(splits.test)},
            "candidate": measured,
            "live": live,
        },
    )
    write_output(values["output_accuracy"], str(measured["accuracy"]))
    write_output(values["output_samples"], str(len(splits.test)))
    opponent = (
        "no model is live"
        if live is None
        else f"live version {live['model_version']}: {live['accuracy']:.4f}"
    )
    print(
        f"version {candidate.version}: {measured['accuracy']:.4f} of {len(splits.test)} samples; {opponent}"
    )


def _measure(model: registry.RegisteredModel, splits: datasets.Splits):  # noqa: ANN202
    import torch

    from .fit import predict

    network = registry.load(model)
    registered.check_fits(network, model.uri, splits)
    predicted = predict(network, torch.from_numpy(splits.test.images)).argmax(1).numpy()
    correct = predicted == splits.test.labels
    return {
        **registered.describe(model),
        "accuracy": float(correct.mean()),
        "correct": correct.astype(int).tolist(),
    }, predicted


def _log(run: tracking.TrackedRun, splits, predicted, accuracy: float) -> None:  # noqa: ANN001
    from .confusion import confusion_matrix, picture

    matrix = confusion_matrix(splits.test.labels, predicted, len(splits.classes))
    run.metrics({"test_accuracy": accuracy})
    run.artifact("confusion/test.png", picture(matrix, splits.classes, "Test split"))


if __name__ == "__main__":
    run_step(COMMAND, evaluate)
