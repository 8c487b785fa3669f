"""The object store, through its S3 interface. Endpoint, region and credentials come from the AWS_* variables."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar
from urllib.parse import urlsplit

from .errors import StepError
from .retry import with_retries

if TYPE_CHECKING:
    from botocore.client import BaseClient

T = TypeVar("T")

_PART = 8 * 2**20


def split_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of `s3://bucket/key`; the key may be empty. Raises StepError for anything else."""
    parts = urlsplit(uri)
    if parts.scheme != "s3" or not parts.netloc:
        raise StepError(f"{uri}: not an address in the object store; it must look like s3://bucket/prefix")
    return parts.netloc, parts.path.lstrip("/")


def read(uri: str) -> bytes | None:
    """Content of an object, None if there is none."""
    bucket, key = split_uri(uri)

    def get() -> bytes | None:
        try:
            return _client().get_object(Bucket=bucket, Key=key)["Body"].read()
        except _client().exceptions.NoSuchKey:
            return None

    return _call(uri, get)


def download(uri: str, file: Path) -> bool:
    """Writes an object's content to a file, however large it is; False if there is no such object."""
    bucket, key = split_uri(uri)

    def get() -> bool:
        try:
            body = _client().get_object(Bucket=bucket, Key=key)["Body"]
        except _client().exceptions.NoSuchKey:
            return False
        with file.open("wb") as local:
            for part in body.iter_chunks(_PART):
                local.write(part)
        return True

    return _call(uri, get)


def write(uri: str, content: bytes) -> None:
    """Puts an object, replacing what was there."""
    bucket, key = split_uri(uri)
    _call(uri, lambda: _client().put_object(Bucket=bucket, Key=key, Body=content))


def remove(uri: str) -> None:
    """Removes an object; none is no error."""
    bucket, key = split_uri(uri)
    _call(uri, lambda: _client().delete_object(Bucket=bucket, Key=key))


def _call(uri: str, action: Callable[[], T]) -> T:
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        return with_retries(f"the object store ({_endpoint() or 'S3'})", action, _is_transient)
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code")
        raise StepError(f"{uri}: the object store refused ({code}); check bucket and credentials") from error
    except BotoCoreError as error:
        raise StepError(f"{uri}: {error}") from error


def _is_transient(error: Exception) -> bool:
    from botocore import exceptions

    if isinstance(error, exceptions.ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return status >= 500 or status == 429
    return isinstance(
        error,
        exceptions.HTTPClientError
        | exceptions.ConnectionError
        | exceptions.ResponseStreamingError
        | exceptions.IncompleteReadError,
    )


def _endpoint() -> str | None:
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or None


@cache
def _client() -> BaseClient:
    import boto3
    from botocore.config import Config

    # Its own retries are off: with_retries decides when to give up.
    config = Config(
        retries={"total_max_attempts": 1},
        connect_timeout=10,
        read_timeout=60,
        s3={"addressing_style": "path" if _endpoint() else "auto"},
    )
    region = os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return boto3.client("s3", endpoint_url=_endpoint(), region_name=region, config=config)
