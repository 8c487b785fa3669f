"""Files that a step reads and writes. All paths lie under the I/O root, so that a step's command is the same
in a pod (root `/`) and as a local process (root: a folder of that step)."""

from __future__ import annotations

import json
import os
from pathlib import Path

from .errors import StepError


def resolve(path: str) -> Path:
    """`path` under `MLOPS_IO_ROOT`, by default `/`. Raises StepError if it points out of the root."""
    root = Path(os.environ.get("MLOPS_IO_ROOT") or "/").resolve()
    resolved = (root / path.lstrip("/")).resolve()
    if not resolved.is_relative_to(root):
        raise StepError(f"{path}: lies outside of the I/O root {root}; name a path within it")
    return resolved


def write_output(path: str | None, value: str | bytes) -> None:
    """Writes one output of the step, whole or not at all. None: nobody wants it."""
    if path is None:
        return
    file = resolve(path)
    data = value.encode() if isinstance(value, str) else value
    partial = file.with_name(f".{file.name}.partial")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        partial.write_bytes(data)
        partial.replace(file)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StepError(f"cannot write the output {file}: {error.strerror or error}") from error


def write_json(path: str | None, value: object) -> None:
    """Writes `value` as JSON; NaN and infinities are errors, because no other reader takes them."""
    write_output(path, json.dumps(value, allow_nan=False) + "\n")


def read_json(path: str) -> object:
    """What a JSON file of an earlier step says. Raises StepError if it is missing or damaged."""
    file = resolve(path)
    try:
        return json.loads(file.read_text())
    except OSError as error:
        raise StepError(
            f"cannot read {file}: {error.strerror}; did the step that writes it succeed?"
        ) from error
    except ValueError as error:
        raise StepError(f"{file} is not JSON: {error}") from error
