"""Same seed, same weights: on a CPU with the same number of threads to the bit, on a GPU with the same kernels."""

from __future__ import annotations

import hashlib
import os

import torch

from .errors import UsageError


def seed_for(seed: int, *purpose: object) -> int:
    """A seed of 63 bits for one purpose, such as an epoch: independent of what was drawn before it, so that
    a resumed run draws what an uninterrupted one would have drawn."""
    text = f"{seed}/{'/'.join(str(part) for part in purpose)}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8]) >> 1


def available_cores() -> float:
    """CPU cores that this process may use: the container's limit, else those it is allowed on."""
    allowed = float(len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1)
    try:
        with open("/sys/fs/cgroup/cpu.max") as file:  # noqa: PTH123 (no path of ours)
            quota, period = file.read().split()
    except (OSError, ValueError):
        return allowed
    return allowed if quota == "max" else min(allowed, int(quota) / int(period))


def prepare(device: str, threads: int, *, strict: bool = True) -> torch.device:
    """Sets deterministic algorithms and threads (0: one a core), and returns the device of `auto|cpu|cuda`.

    Without `strict`, what a GPU can only do in another order each time is done and warned of, not refused.

    Raises UsageError if a GPU is asked for and there is none.
    """
    torch.set_num_threads(threads or max(1, int(available_cores())))
    torch.use_deterministic_algorithms(True, warn_only=not strict)
    torch.backends.cudnn.benchmark = False
    if device == "cuda" and not torch.cuda.is_available():
        raise UsageError("--device cuda: there is no GPU that PyTorch can use; take cpu or auto")
    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(device)
