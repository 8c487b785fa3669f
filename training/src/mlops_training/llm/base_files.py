"""Files of a base model, and what proves that they are those of its revision."""

from __future__ import annotations

import hashlib
from pathlib import Path

from ..errors import UsageError

SUMS = "SHA256SUMS"
# In the order of the problems that are told.
_REQUIRED = (("config.json",), ("tokenizer_config.json",), ("tokenizer.json", "tokenizer.model"))
_WEIGHTS = ".safetensors"


def write_sums(folder: Path) -> str:
    """Writes SHA256SUMS over the folder's files, and returns the revision that follows from it."""
    names = sorted(file.name for file in folder.iterdir() if file.is_file() and file.name != SUMS)
    lines = [f"{_sha256(folder / name)}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(lines))
    return revision_of("".join(lines).encode())


def revision_of(sums: bytes) -> str:
    """A revision like one of Git: the first 40 hexadecimal digits of the SHA-256 of SHA256SUMS."""
    return hashlib.sha256(sums).hexdigest()[:40]


def named_in(sums: bytes) -> dict[str, str]:
    """SHA-256 by file, of what `sha256sum` prints. Raises UsageError for anything else."""
    wanted: dict[str, str] = {}
    for line in sums.decode(errors="replace").splitlines():
        digest, _, name = line.partition("  ")
        if len(digest) != 64 or not name or "/" in name or name.startswith("."):
            raise UsageError(f"{SUMS} of the base model is damaged: {line[:100]}")
        wanted[name] = digest
    return wanted


def check(folder: Path) -> None:
    """Raises UsageError naming each file that is missing or, where there is a SHA256SUMS, damaged."""
    there = {file.name for file in folder.iterdir()} if folder.is_dir() else set()
    problems: list[str] = []
    for choices in _REQUIRED:
        if not there.intersection(choices):
            problems.append(f"{' or '.join(choices)} is missing")
    if not any(name.endswith(_WEIGHTS) for name in there):
        problems.append(f"weights (*{_WEIGHTS}) are missing")
    if SUMS in there:
        for name, digest in named_in((folder / SUMS).read_bytes()).items():
            if name not in there:
                problems.append(f"{name} is named in {SUMS} and missing")
            elif _sha256(folder / name) != digest:
                problems.append(f"{name} is damaged: it has another sum than in {SUMS}")
    if problems:
        raise UsageError(f"the base model in {folder} cannot be used: " + "; ".join(problems))


def _sha256(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, "sha256").hexdigest()
