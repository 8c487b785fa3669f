"""How a step fails: with one clear message on standard error and an exit code that is not 0."""

from __future__ import annotations

import logging
import os
import re
import sys
from collections.abc import Callable, Sequence

from .parameters import Command, Values


class StepError(Exception):
    """A failure that its reader can act on: what failed, why, and what to do next."""


class UsageError(StepError):
    """Parameters that a step cannot run with. The message lists every problem."""


FAILED = 1
WRONG_USAGE = 2


def run_step(
    command: Command, action: Callable[[Values], None], arguments: Sequence[str] | None = None
) -> None:
    """Parses the command line, runs the step and ends the process: 0 done, 1 failed, 2 wrong parameters."""
    arguments = sys.argv[1:] if arguments is None else arguments
    if "--help" in arguments:
        print(command.usage())
        sys.exit(0)
    values, problems = command.parse(arguments)
    if problems:
        _report(command, "wrong parameters; see --help\n" + "\n".join(f"  {problem}" for problem in problems))
        sys.exit(WRONG_USAGE)
    _prepare_libraries()
    try:
        action(values)
    except UsageError as error:
        _report(command, str(error))
        sys.exit(WRONG_USAGE)
    except StepError as error:
        _report(command, str(error))
        sys.exit(FAILED)
    except KeyboardInterrupt:
        _report(command, "interrupted")
        sys.exit(130)


def without_passwords(text: str) -> str:
    """The text without the user and password of the addresses in it."""
    return re.sub(r"//[^/@\s]*@", "//", text)


def first_line(error: BaseException) -> str:
    """The first line of an error's message: what MLflow adds below is its caller's traceback."""
    return without_passwords((str(error).splitlines() or [type(error).__name__])[0])


def _report(command: Command, message: str) -> None:
    print(without_passwords(f"{command.name}: error: {message}"), file=sys.stderr)


def _prepare_libraries() -> None:
    """Settings that libraries read when they are imported."""
    # Threads that spin while they wait for each other take the cores from whoever they wait for: on two busy
    # cores an epoch took 24 s instead of 3.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("DO_NOT_TRACK", "true")
    # Its links to a run's page would name addresses that only the cluster resolves.
    os.environ.setdefault("MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT", "true")
    os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
    # Needed before CUDA starts, for matrix products whose order of sums does not change.
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
