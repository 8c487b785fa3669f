"""Steps `search plan`, `search trial` and `search best`: an Optuna study whose trials run side by side.

The study has no store of its own. Its trials are MLflow runs that carry the study's name, so any number of
pods can work on it: `plan` asks Optuna, given the trials of earlier rounds, for a round of trials; `trial`
trains one of them; `best` picks the best of all. Only validation data is used.
"""

from __future__ import annotations

import json
import sys
from typing import TYPE_CHECKING, Any

from . import datasets, tracking
from .errors import WRONG_USAGE, StepError, UsageError, run_step
from .files import write_json, write_output
from .parameters import Command, Parameter, Values, output
from .recipe import PARAMETERS, hyperparameters, make_recipe, run_parameters

if TYPE_CHECKING:
    import optuna
    from mlflow.entities import Run

STUDY_TAG, ROUND_TAG, TRIAL_TAG = "mlops.study", "mlops.round", "mlops.trial"

_STUDY = (
    Parameter("study", "name of the study; one that is new for each search, such as a Workflow's UID"),
    tracking.EXPERIMENT,
)
_ROUND = Parameter("round", "number of the round, from 0", "integer", default=0, minimum=0)

PLAN = Command(
    "search plan",
    "Chooses the trials of one round, from what the rounds before it have found.",
    (
        *_STUDY,
        _ROUND,
        Parameter("trials", "trials in this round", "integer", default=4, minimum=1, maximum=1000),
        Parameter("seed", "of the sampler", "integer", default=0, minimum=0),
        output("plan", "JSON list of hyperparameters, one object a trial"),
    ),
)
TRIAL = Command(
    "search trial",
    "Trains one trial of a plan and logs its validation loss; nothing is registered.",
    (
        *_STUDY,
        _ROUND,
        Parameter("plan", "the plan's JSON list", "json"),
        Parameter("index", "which of the plan's trials, from 0", "integer", minimum=0),
        *(parameter for parameter in PARAMETERS if parameter.name != "hyperparameters"),
        output("validation-loss", "lowest of all epochs"),
    ),
)
BEST = Command(
    "search best",
    "Picks the trial with the lowest validation loss.",
    (
        *_STUDY,
        Parameter("expected", "how many finished trials there must be", "integer", default=1, minimum=1),
        output("hyperparameters", "JSON object, as train takes it"),
        output("result", "JSON file: the best trial and all others"),
    ),
)


def plan(values: Values) -> None:
    """The step."""
    client = tracking.client()
    with tracking.told_clearly("reading earlier trials"):
        runs = tracking.find_runs(client, values["experiment"], {STUDY_TAG: values["study"]})
    # Only earlier rounds count, so a second try of this step plans the same.
    earlier = [run for run in _finished(runs) if int(run.data.tags[ROUND_TAG]) < values["round"]]
    trials = _ask(earlier, values["trials"], values["seed"] + values["round"])
    for index, trial in enumerate(trials):
        print(f"trial {index}: {json.dumps(trial)}")
    write_json(values["output_plan"], trials)


def _ask(earlier: list[Run], count: int, seed: int) -> list[dict[str, Any]]:
    import optuna

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    # Trials of a round are drawn before any of them is measured: the sampler takes those for bad ones that
    # are still running, so that they do not all try the same.
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=True, n_startup_trials=4)
    study = optuna.create_study(sampler=sampler, direction="minimize")
    space = _space()
    for run in earlier:
        result = json.loads(run.data.tags[tracking.RESULT_TAG])
        study.add_trial(
            optuna.trial.create_trial(
                params=result["hyperparameters"], distributions=space, value=result["validation_loss"]
            )
        )
    return [dict(study.ask(space).params) for _ in range(count)]


def _space() -> dict[str, optuna.distributions.BaseDistribution]:
    from optuna.distributions import CategoricalDistribution, FloatDistribution

    return {
        "learning_rate": FloatDistribution(1e-4, 1e-2, log=True),
        "batch_size": CategoricalDistribution((32, 64, 128)),
        "dropout": FloatDistribution(0.0, 0.5),
        "weight_decay": FloatDistribution(1e-5, 1e-1, log=True),
    }


def trial(values: Values) -> None:
    """The step."""
    chosen = _chosen(values)
    hyperparameters(values["model"], chosen)
    splits = datasets.load(values)
    from . import determinism
    from .fit import Trainer

    device = determinism.prepare(values["device"], values["threads"])
    recipe = make_recipe({**values, "hyperparameters": chosen}, splits)
    client = tracking.client()
    name = f"{values['study']}-{values['round']}-{values['index']}"
    with tracking.told_clearly("opening the run"):
        run = tracking.open_run(client, values["experiment"], f"search/{name}", name)
    if run.result is None:
        with tracking.told_clearly("tracking the trial"), run.open():
            run.tag(
                {
                    STUDY_TAG: values["study"],
                    ROUND_TAG: str(values["round"]),
                    TRIAL_TAG: str(values["index"]),
                }
            )
            run.parameters(run_parameters(recipe, splits, device))
            fitted = Trainer(recipe, device).fit(splits.train, splits.validation)
            best = fitted.history[fitted.best_epoch - 1]
            run.metrics(
                {
                    "validation_loss": best.validation_loss,
                    "validation_accuracy": best.validation_accuracy,
                }
            )
            result = {
                "hyperparameters": chosen,
                "validation_loss": best.validation_loss,
                "validation_accuracy": best.validation_accuracy,
                "best_epoch": fitted.best_epoch,
            }
            run.tag({tracking.RESULT_TAG: json.dumps(result)})
    else:
        result = json.loads(run.result)
    print(
        f"{name}: validation loss {result['validation_loss']:.4f}, accuracy {result['validation_accuracy']:.4f}"
    )
    write_output(values["output_validation_loss"], str(result["validation_loss"]))


def _chosen(values: Values) -> dict[str, Any]:
    trials, index = values["plan"], values["index"]
    if not isinstance(trials, list) or index >= len(trials) or not isinstance(trials[index], dict):
        raise UsageError(f"--plan: has no trial {index}; it must be the JSON list that search plan wrote")
    return trials[index]


def best(values: Values) -> None:
    """The step."""
    client = tracking.client()
    with tracking.told_clearly("reading the trials"):
        runs = tracking.find_runs(client, values["experiment"], {STUDY_TAG: values["study"]})
    finished = _finished(runs)
    if len(finished) < values["expected"]:
        raise StepError(
            f"study {values['study']}: {len(finished)} of {values['expected']} trials are finished; "
            "look at the trials that failed, then run them again"
        )
    results = [_summary(run) for run in finished]
    chosen = min(results, key=lambda result: (result["validation_loss"], result["round"], result["trial"]))
    print(f"best of {len(results)}: {json.dumps(chosen)}")
    write_output(values["output_hyperparameters"], json.dumps(chosen["hyperparameters"]))
    write_json(values["output_result"], {"best": chosen, "trials": results})


def _finished(runs: list[Run]) -> list[Run]:
    """In the order of their numbers, whichever ended first: the sampler depends on the order."""
    done = [run for run in runs if tracking.RESULT_TAG in run.data.tags]
    return sorted(done, key=lambda run: (int(run.data.tags[ROUND_TAG]), int(run.data.tags[TRIAL_TAG])))


def _summary(run: Run) -> dict[str, Any]:
    return {
        "run_id": run.info.run_id,
        "round": int(run.data.tags[ROUND_TAG]),
        "trial": int(run.data.tags[TRIAL_TAG]),
        **json.loads(run.data.tags[tracking.RESULT_TAG]),
    }


_ACTIONS = {"plan": (PLAN, plan), "trial": (TRIAL, trial), "best": (BEST, best)}


def main(arguments: list[str]) -> None:
    """Runs the action that the first argument names."""
    if not arguments or arguments[0] not in _ACTIONS:
        print(f"search: error: the first argument must be {', '.join(_ACTIONS)}", file=sys.stderr)
        sys.exit(WRONG_USAGE)
    run_step(*_ACTIONS[arguments[0]], arguments[1:])


if __name__ == "__main__":
    main(sys.argv[1:])
