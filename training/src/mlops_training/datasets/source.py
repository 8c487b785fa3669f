"""Where the files of a data set come from: a folder, the bucket, or the address that publishes them."""

from __future__ import annotations

import hashlib
import socket
import tempfile
from dataclasses import dataclass
from pathlib import Path

from .. import files, object_store
from ..errors import StepError, UsageError

_SUMS = "SHA256SUMS"


@dataclass(frozen=True)
class Source:
    """Finds files of one version of one data set."""

    name: str
    version: str
    bucket: str | None
    folder: str | None
    remedy: str = (
        "Get the file where it can be downloaded and put it into the bucket of data sets as {path}, then run this "
        "step again with --datasets-bucket; the data set digits needs no files."
    )
    """What to do where a file cannot be had; `{path}` stands for its place in the bucket."""

    def read(self, file: str, url: str | None, md5: str | None) -> bytes:
        """Content of a file, checked: against `SHA256SUMS` beside it if there is one, a download against `md5`.

        Raises StepError if the file cannot be had, UsageError if its sum is wrong.
        """
        tried: list[str] = []
        for place in self._places():
            content = self._from(place, file)
            if content is not None:
                self._check_sum(place, file, content)
                return content
            tried.append(f"{place}/{file}: not there")
        if url is not None and md5 is not None:
            try:
                return _download(url, file, md5)
            except Exception as error:
                tried.append(f"download: {error}")
        raise StepError(
            f"data set {self.name}: cannot get {file}:\n"
            + "".join(f"  {line}\n" for line in tried)
            + self.remedy.format(path=f"{self.name}/{self.version}/{file}")
        )

    def _places(self) -> list[str]:
        path = f"{self.name}/{self.version}"
        places = [f"{self.folder.rstrip('/')}/{path}"] if self.folder else []
        return places + ([f"s3://{self.bucket}/{path}"] if self.bucket else [])

    def _from(self, place: str, file: str) -> bytes | None:
        if place.startswith("s3://"):
            return object_store.read(f"{place}/{file}")
        path = files.resolve(f"{place}/{file}")
        return path.read_bytes() if path.is_file() else None

    def _check_sum(self, place: str, file: str, content: bytes) -> None:
        sums = self._from(place, _SUMS)
        if sums is None:
            return
        wanted = [line.split()[0] for line in sums.decode().splitlines() if line.split()[1:] == [file]]
        if wanted == [hashlib.sha256(content).hexdigest()]:
            return
        reason = "it has another sum than" if wanted else "it is not named in"
        raise UsageError(f"{place}/{file}: {reason} {_SUMS} beside it; put the right file there")


def _download(url: str, file: str, md5: str) -> bytes:
    from torchvision.datasets.utils import download_url

    previous = socket.getdefaulttimeout()
    socket.setdefaulttimeout(20)
    try:
        with tempfile.TemporaryDirectory() as folder:
            download_url(url, folder, file, md5)
            return (Path(folder) / file).read_bytes()
    finally:
        socket.setdefaulttimeout(previous)
