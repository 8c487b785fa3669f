"""Numbers that the environment gives."""

from __future__ import annotations

import math
import os

from .errors import UsageError


def numbers(names: dict[str, str]) -> dict[str, float]:
    """Values of those variables that are set, by the keys of `names`.

    Raises UsageError naming each that is not a number of at least 0.
    """
    values: dict[str, float] = {}
    problems: list[str] = []
    for key, name in names.items():
        text = os.environ.get(name)
        if not text:
            continue
        try:
            values[key] = float(text)
        except ValueError:
            values[key] = -1
        if not 0 <= values[key] < math.inf:
            problems.append(f"{name}={text}: must be a number of at least 0")
    if problems:
        raise UsageError("\n".join(problems))
    return values
