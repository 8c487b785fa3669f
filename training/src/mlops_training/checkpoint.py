"""Checkpoints: state after an epoch, in the object store or in a folder, from which a killed run goes on."""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass
from typing import Any

import torch

from . import files, object_store
from .errors import StepError

_DIGEST_BYTES = hashlib.sha256().digest_size


@dataclass(frozen=True)
class Checkpoint:
    """One file that each epoch replaces: SHA-256 and state. It fits one recipe with one data set only."""

    place: str
    """`s3://bucket/key`, or a path under the I/O root."""
    fingerprint: str
    """Hash of recipe and data."""

    def load(self) -> dict[str, Any] | None:
        """The saved state, None if there is none.

        Raises StepError if it belongs to another recipe or other data, or is damaged.
        """
        content = self._read()
        if content is None:
            return None
        # PyTorch does not notice changed numbers.
        digest, saved = content[:_DIGEST_BYTES], content[_DIGEST_BYTES:]
        if hashlib.sha256(saved).digest() != digest:
            raise StepError(f"the checkpoint {self.place} is damaged. {self._remedy()}")
        fingerprint, state = torch.load(io.BytesIO(saved), map_location="cpu", weights_only=True)
        if fingerprint != self.fingerprint:
            raise StepError(
                f"the checkpoint {self.place} was made with other parameters or data. {self._remedy()}"
            )
        return state

    def save(self, state: dict[str, Any]) -> None:
        """Replaces the file, whole or not at all."""
        buffer = io.BytesIO()
        torch.save((self.fingerprint, state), buffer)
        content = hashlib.sha256(buffer.getbuffer()).digest() + buffer.getvalue()
        if self._in_store():
            object_store.write(self.place, content)
        else:
            files.write_output(self.place, content)

    def remove(self) -> None:
        """Removes the file, if there is one."""
        if self._in_store():
            object_store.remove(self.place)
        else:
            files.resolve(self.place).unlink(missing_ok=True)

    def _read(self) -> bytes | None:
        if self._in_store():
            return object_store.read(self.place)
        path = files.resolve(self.place)
        return path.read_bytes() if path.is_file() else None

    def _in_store(self) -> bool:
        return self.place.startswith("s3://")

    @staticmethod
    def _remedy() -> str:
        return "Remove it, or give this run another --run-key."
