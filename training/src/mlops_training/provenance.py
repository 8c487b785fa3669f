"""Where a run comes from, so that it can be repeated: code and packages."""

from __future__ import annotations

import importlib.metadata
import os
import platform
import subprocess
from pathlib import Path


def code_version() -> str:
    """`MLOPS_REVISION`, which images set; else the commit of the checkout, marked if it has changes; else unknown."""
    if revision := os.environ.get("MLOPS_REVISION"):
        return revision
    try:
        commit = _git("rev-parse", "HEAD")
        return f"{commit}-modified" if _git("status", "--porcelain", "--", ".") else commit
    except (OSError, subprocess.SubprocessError):
        return "unknown"


def packages() -> str:
    """Every installed package as `name==version`, a line each, sorted."""
    found = {
        f"{package.metadata['Name']}=={package.version}" for package in importlib.metadata.distributions()
    }
    return "".join(f"{line}\n" for line in sorted(found, key=str.lower))


def machine() -> dict[str, str]:
    """Interpreter and processor."""
    return {
        "python": platform.python_version(),
        "platform": platform.platform(),
        "machine": platform.machine(),
    }


def _git(*arguments: str) -> str:
    folder = Path(__file__).parent
    result = subprocess.run(
        ["git", *arguments], cwd=folder, check=True, capture_output=True, text=True, timeout=20
    )
    return result.stdout.strip()
