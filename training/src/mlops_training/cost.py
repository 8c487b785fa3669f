"""What a run cost: what was reserved for it, for as long as it ran, at rates given from outside."""

from __future__ import annotations

import resource
import sys
from dataclasses import dataclass

from . import environment

_SECONDS_PER_HOUR = 3600
_RATES = {
    "gpu": "MLOPS_COST_GPU_HOUR",
    "cpu_core": "MLOPS_COST_CPU_HOUR",
    "memory_gib": "MLOPS_COST_MEMORY_GIB_HOUR",
}
_RESERVED = {"cpu": "MLOPS_CPU_CORES", "memory": "MLOPS_MEMORY_GIB"}


@dataclass(frozen=True)
class Rates:
    """US dollars an hour. Memory's default is an assumption: about what clouds ask for general-purpose machines."""

    gpu: float = 0.25
    cpu_core: float = 0.05
    memory_gib: float = 0.005

    @staticmethod
    def from_environment() -> Rates:
        """`MLOPS_COST_GPU_HOUR`, `MLOPS_COST_CPU_HOUR`, `MLOPS_COST_MEMORY_GIB_HOUR`, or the defaults.

        Raises UsageError naming each that is not a number of at least 0.
        """
        return Rates(**environment.numbers(_RATES))


@dataclass(frozen=True)
class Reservation:
    """What a run had for itself, used or not."""

    cpu_cores: float
    memory_gib: float
    gpus: int


@dataclass(frozen=True)
class Cost:
    """US dollars of a run."""

    cpu: float
    memory: float
    gpu: float

    @property
    def total(self) -> float:
        return self.cpu + self.memory + self.gpu


def check_environment() -> None:
    """Raises UsageError naming each variable of rates and of what is reserved that is not a number of at least 0."""
    environment.numbers(_RATES | _RESERVED)


def cost_of(seconds: float, reserved: Reservation, rates: Rates) -> Cost:
    """Seconds of wall-clock time, times what was reserved, times the rates."""
    hours = seconds / _SECONDS_PER_HOUR
    return Cost(
        cpu=hours * reserved.cpu_cores * rates.cpu_core,
        memory=hours * reserved.memory_gib * rates.memory_gib,
        gpu=hours * reserved.gpus * rates.gpu,
    )


def reservation(available_cores: float, gpus: int) -> Reservation:
    """`MLOPS_CPU_CORES` and `MLOPS_MEMORY_GIB`, which a pod's template takes from its requests; else the cores
    that the process may use, and the most memory that it held.

    Raises UsageError naming each that is not a number of at least 0.
    """
    given = environment.numbers(_RESERVED)
    return Reservation(given.get("cpu", available_cores), given.get("memory", peak_memory_gib()), gpus)


def peak_memory_gib() -> float:
    """Most memory that this process held at once."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Kibibytes on Linux, bytes on macOS.
    return peak / (2**30 if sys.platform == "darwin" else 2**20)


def cpu_seconds_used() -> float:
    """CPU time of this process so far, in all its threads."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime
