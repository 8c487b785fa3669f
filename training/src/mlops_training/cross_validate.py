"""Command `cross_validate`: how well a model does on data that it has not seen, over several divisions.

It answers whether a recipe is good, and needs neither MLflow nor the object store.
"""

from __future__ import annotations

import json
import time

from . import datasets
from .errors import run_step
from .files import write_json
from .parameters import Command, Parameter, Values, output
from .recipe import PARAMETERS, make_recipe

COMMAND = Command(
    "cross_validate",
    "Trains on all but one part of the data and tests on that part, for each part, and reports the accuracies.",
    (
        *PARAMETERS,
        Parameter("folds", "parts", "integer", default=5, minimum=2, maximum=50),
        output("result", "JSON file: accuracy and training seconds of each fold, their mean and minimum"),
    ),
)


def cross_validate(values: Values) -> None:
    """The command."""
    from sklearn.model_selection import StratifiedKFold

    from . import determinism

    whole = datasets.load(values)
    samples = whole.whole()
    device = determinism.prepare(values["device"], values["threads"])
    recipe = make_recipe(values, whole)
    folds = StratifiedKFold(values["folds"], shuffle=True, random_state=0).split(
        samples.images, samples.labels
    )
    accuracies: list[float] = []
    seconds: list[float] = []
    cpu_seconds: list[float] = []
    for number, (rest, test) in enumerate(folds, start=1):
        start, cpu_start = time.monotonic(), time.process_time()
        accuracies.append(_fold(whole, samples, rest, test, recipe, device))
        seconds.append(round(time.monotonic() - start, 2))
        cpu_seconds.append(round(time.process_time() - cpu_start, 2))
        print(
            f"fold {number}: accuracy {accuracies[-1]:.4f}, {seconds[-1]} s, CPU {cpu_seconds[-1]} s",
            flush=True,
        )
    result = {
        "model": values["model"],
        "dataset": whole.name,
        "accuracies": accuracies,
        "mean_accuracy": sum(accuracies) / len(accuracies),
        "min_accuracy": min(accuracies),
        "training_seconds": seconds,
        # On a machine that does other work, too, the better measure: of all threads together.
        "training_cpu_seconds": cpu_seconds,
        "threads": recipe.threads,
    }
    write_json(values["output_result"], result)
    print(json.dumps(result))


def _fold(whole, samples, rest, test, recipe, device) -> float:  # noqa: ANN001 (types are imported lazily)
    """Accuracy on `test` of a network trained on nine tenths of `rest`; the tenth tells when to stop."""
    import torch
    from sklearn.model_selection import train_test_split

    from .fit import Trainer, measure

    train, validation = train_test_split(rest, test_size=0.1, random_state=0, stratify=samples.labels[rest])
    parts = [samples.take(index) for index in (train, validation, test)]
    splits = datasets.Splits(whole.name, whole.version, whole.classes, *parts).check()
    fitted = Trainer(recipe, device).fit(splits.train, splits.validation)
    held_out = splits.test
    return measure(fitted.model, torch.from_numpy(held_out.images), torch.from_numpy(held_out.labels))[1]


if __name__ == "__main__":
    run_step(COMMAND, cross_validate)
