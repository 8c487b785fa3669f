"""Bounded retries: a service that is away for a while does not fail a step, one that stays away does."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from typing import TypeVar

from . import environment
from .errors import StepError, without_passwords

T = TypeVar("T")

_LONGEST_PAUSE = 5.0


def patience() -> float:
    """Seconds for which an unreachable service is waited for: `MLOPS_RETRY_SECONDS`, by default 90.

    Raises UsageError if that is not a number of at least 0.
    """
    return environment.numbers({"seconds": "MLOPS_RETRY_SECONDS"}).get("seconds", 90.0)


def with_retries(what: str, action: Callable[[], T], is_transient: Callable[[Exception], bool]) -> T:
    """Result of `action`, tried again while it fails for a transient reason and patience lasts.

    Raises StepError naming `what` and the last reason once patience is over; other failures at once, as they are.
    """
    deadline = time.monotonic() + patience()
    pause = 0.5
    while True:
        try:
            return action()
        except Exception as error:
            if not is_transient(error):
                raise
            if time.monotonic() + pause > deadline:
                raise StepError(
                    f"{what} is not reachable (tried for {patience():g} s): {error}\n"
                    "Check that it runs and that its address is right, then run this step again."
                ) from error
            message = without_passwords(f"{what} is not reachable, trying again: {error}")
            print(message, file=sys.stderr, flush=True)
        time.sleep(pause)
        pause = min(pause * 2, _LONGEST_PAUSE)
