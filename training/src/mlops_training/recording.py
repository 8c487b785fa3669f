"""What every training leaves in its MLflow run: where it comes from, and what it cost."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

from . import cost, provenance

if TYPE_CHECKING:
    from collections.abc import Mapping

    import torch

    from .tracking import TrackedRun


def describe(run: TrackedRun, parameters: Mapping[str, object]) -> None:
    """Parameters, code version, packages and machine, so that the run can be repeated."""
    run.parameters(parameters)
    run.tag({"mlops.code_version": provenance.code_version()})
    run.artifact("environment/packages.txt", provenance.packages())
    run.artifact("environment/machine.json", json.dumps(provenance.machine(), indent=1))


def log_cost(run: TrackedRun, trained: float, device: torch.device, seconds: float) -> float:
    """Logs and returns the cost in US dollars: of the seconds of this process and, after a kill, of what earlier ones
    trained; `trained` are the seconds of training in all of them."""
    from . import determinism

    rates = cost.Rates.from_environment()
    reserved = cost.reservation(determinism.available_cores(), 1 if device.type == "cuda" else 0)
    seconds = max(seconds, trained)
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
