"""What every training has: a run of its own in MLflow that says where it comes from and what it cost, a checkpoint
from which it goes on, and its outputs."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from . import cost, provenance, tracking
from .errors import UsageError
from .files import write_output
from .parameters import Parameter, Values, output

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    import torch

    from .checkpoint import Checkpoint
    from .tracking import TrackedRun

RUN_KEY = Parameter(
    "run-key",
    "names this training: run again with the same key, it goes on where it was; a Workflow's UID fits",
    optional=True,
)
CHECKPOINTS = Parameter(
    "checkpoints",
    "s3://BUCKET/PREFIX or folder under the I/O root where the state of training is kept; needs a run key",
    optional=True,
)


def outputs(model_sha256: str, result: str) -> tuple[Parameter, ...]:
    """What a training writes; the arguments say what is hashed, and what the result holds."""
    return (
        output("run-id", "MLflow run"),
        output("model-version", "number of the registered version"),
        output("model-uri", "models:/NAME/VERSION"),
        output("model-sha256", model_sha256),
        output("result", f"JSON: all of these, {result}"),
    )


def problems(values: Values) -> list[str]:
    """What is wrong with the parameters that every training has."""
    if values["checkpoints"] and not values["run_key"]:
        return ["--checkpoints needs --run-key, which names the checkpoint"]
    return []


def once(values: Values, name: str, work: Callable[[TrackedRun, str], dict[str, Any]]) -> None:
    """Has the work done in the run of the run key, unless it was done there before, and writes its result's outputs.

    The work gets the run, which is open, and the key; without a run key it gets one of its own.

    Raises UsageError if the key is that of another model's training, or the cost could not be told in the end.
    """
    cost.check_environment()
    client = tracking.client()
    key = values["run_key"] or os.urandom(8).hex()
    with tracking.told_clearly("opening the run"):
        run = tracking.open_run(client, values["experiment"], key, name)
    if run.result is not None:
        result = json.loads(run.result)
        if result["model_name"] != values["registered_model"]:
            raise UsageError(
                f"--run-key {key} names a training of {result['model_name']}, which has succeeded (run {run.id}): give "
                f"the training of {values['registered_model']} a key of its own"
            )
        print(f"run {run.id} succeeded before under the key {key}", flush=True)
    else:
        with tracking.told_clearly("tracking the run"), run.open():
            result = work(run, key)
            run.tag({tracking.RESULT_TAG: json.dumps(result)})
    for each in ("run_id", "model_version", "model_uri", "model_sha256"):
        write_output(values[f"output_{each}"], result[each])
    write_output(values["output_result"], json.dumps(result, indent=1) + "\n")


def checkpoint(values: Values, key: str, parameters: Mapping[str, object]) -> Checkpoint | None:
    """Where this training keeps its state, which fits these parameters alone; None if it keeps none."""
    from .checkpoint import Checkpoint

    if not values["checkpoints"]:
        return None
    fingerprint = hashlib.sha256(json.dumps(parameters, sort_keys=True).encode()).hexdigest()
    return Checkpoint(f"{values['checkpoints'].rstrip('/')}/{key}.pt", fingerprint)


def describe(run: TrackedRun, parameters: Mapping[str, object]) -> None:
    """Parameters, code version, packages and machine, so that the run can be repeated."""
    run.parameters(parameters)
    run.tag({"mlops.code_version": provenance.code_version()})
    run.artifact("environment/packages.txt", provenance.packages())
    run.artifact("environment/machine.json", json.dumps(provenance.machine(), indent=1))


def log_cost(run: TrackedRun, trained: float, device: torch.device, seconds: float) -> float:
    """Logs and returns the cost in US dollars of the seconds that this process took and, after a kill, earlier ones
    trained; `trained` are those of training among them."""
    from . import determinism

    rates = cost.Rates.from_environment()
    reserved = cost.reservation(determinism.available_cores(), 1 if device.type == "cuda" else 0)
    price = cost.cost_of(seconds, reserved, rates)
    run.metrics(
        {
            "duration_seconds": seconds,
            "training_seconds": trained,
            "cpu_seconds_used": cost.cpu_seconds_used(),
            "cost_cpu_usd": price.cpu,
            "cost_memory_usd": price.memory,
            "cost_gpu_usd": price.gpu,
            "cost_usd": price.total,
        }
    )
    run.artifact("cost.json", json.dumps({"rates_usd_per_hour": asdict(rates), "reserved": asdict(reserved)}))
    return price.total
