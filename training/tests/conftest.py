"""Real services and step processes for tests."""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

# As run_step sets it, before anything imports PyTorch.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from mlops_training.datasets.splits import Samples, Splits

TRAINING = Path(__file__).parent.parent
SERVE = TRAINING.parent / "tools" / "embedded" / "mlflow" / "serve.py"
BUCKETS = ("mlflow-artifacts", "model-registry", "datasets")


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for(condition: Callable[[], bool], what: str, seconds: float = 90) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s for {what}"
        time.sleep(0.05)


@dataclass
class Service:
    """A process that can be killed and started again with its data."""

    command: list[str]
    environment: dict[str, str]
    health: str
    log: Path
    process: subprocess.Popen | None = None

    def start(self) -> None:
        with self.log.open("ab") as log:
            environment = {**os.environ, **self.environment}
            self.process = subprocess.Popen(self.command, env=environment, stdout=log, stderr=log)
        wait_for(self.answers, f"{self.health}; its log is {self.log}")

    def answers(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log.read_text()[-2000:]
        try:
            with urllib.request.urlopen(self.health, timeout=5) as answer:
                return answer.status == 200
        except OSError:
            return False

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()


@dataclass
class Services:
    """A real MLflow with its artifacts in a real MinIO."""

    mlflow: Service
    minio: Service
    environment: dict[str, str] = field(default_factory=dict)


@dataclass
class Steps:
    """Runs steps as the processes that they are, under an I/O root of their own."""

    root: Path
    environment: dict[str, str]

    def start(self, step: str, *arguments: object, **environment: str) -> subprocess.Popen:
        module, *action = step.split()
        command = [sys.executable, "-u", "-m", f"mlops_training.{module}", *action, *map(str, arguments)]
        paths = {
            "PYTHONPATH": str(TRAINING / "src"),
            "MLOPS_IO_ROOT": str(self.root),
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        return subprocess.Popen(
            command,
            env={**os.environ, **self.environment, **paths, **environment},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, step: str, *arguments: object, **environment: str) -> subprocess.CompletedProcess[str]:
        process = self.start(step, *arguments, **environment)
        stdout, stderr = process.communicate(timeout=240)
        return subprocess.CompletedProcess(step, process.returncode, stdout, stderr)

    def succeed(self, step: str, *arguments: object, **environment: str) -> str:
        done = self.run(step, *arguments, **environment)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def output(self, name: str) -> str:
        return (self.root / name).read_text()


@pytest.fixture(scope="session")
def services(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Services]:
    folder = tmp_path_factory.mktemp("services")
    binary = shutil.which("minio")
    assert binary is not None, "minio is not on PATH; run `make setup`, then this after `. ./env`"
    user, password = "test-user", secrets.token_hex(16)
    store, tracker = f"http://127.0.0.1:{free_port()}", f"http://127.0.0.1:{free_port()}"
    keys = {"AWS_ACCESS_KEY_ID": user, "AWS_SECRET_ACCESS_KEY": password, "AWS_REGION": "us-east-1"}
    minio = Service(
        [binary, "server", str(folder / "minio"), "--address", store.removeprefix("http://"), "--quiet"],
        {"MINIO_ROOT_USER": user, "MINIO_ROOT_PASSWORD": password, "MINIO_UPDATE": "off"},
        f"{store}/minio/health/live",
        folder / "minio.log",
    )
    mlflow = Service(
        [
            sys.executable,
            str(SERVE),
            f"sqlite:///{folder / 'mlflow.db'}",
            f"s3://{BUCKETS[0]}",
            tracker.rpartition(":")[2],
        ],
        {**keys, "MLFLOW_S3_ENDPOINT_URL": store, "MLFLOW_DISABLE_TELEMETRY": "true", "DO_NOT_TRACK": "true"},
        f"{tracker}/health",
        folder / "mlflow.log",
    )
    environment = {**keys, "AWS_ENDPOINT_URL_S3": store, "MLFLOW_TRACKING_URI": tracker}
    try:
        minio.start()
        s3 = s3_client(environment)
        for bucket in BUCKETS:
            s3.create_bucket(Bucket=bucket)
        mlflow.start()
        yield Services(mlflow, minio, environment)
    finally:
        mlflow.kill()
        minio.kill()


def s3_client(environment: dict[str, str]):
    import boto3

    return boto3.client(
        "s3",
        endpoint_url=environment["AWS_ENDPOINT_URL_S3"],
        aws_access_key_id=environment["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=environment["AWS_SECRET_ACCESS_KEY"],
        region_name="us-east-1",
    )


@pytest.fixture
def steps(services: Services, tmp_path: Path) -> Steps:
    return Steps(tmp_path, services.environment)


def make_samples(count: int, seed: int = 0, side: int = 28, channels: int = 1, classes: int = 10) -> Samples:
    """Noise with a class-dependent bright column, so that there is something to learn."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 120, (count, channels, side, side), dtype=np.uint8)
    labels = random.integers(0, classes, count).astype(np.int64)
    for image, label in zip(images, labels, strict=True):
        image[:, :, 2 + 2 * label : 4 + 2 * label] = 255
    return Samples(images, labels)


@pytest.fixture
def small_splits() -> Splits:
    parts = [make_samples(count, seed) for seed, count in enumerate((96, 32, 32))]
    return Splits("digits", "test", tuple("0123456789"), *parts).check()
