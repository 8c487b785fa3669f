"""Runs in MLflow. MLflow is imported on first use: it takes seconds."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from .errors import StepError, UsageError, first_line
from .parameters import Parameter
from .retry import patience, with_retries

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run


RUN_KEY_TAG = "mlops.run_key"
RESULT_TAG = "mlops.result"
_ERROR_TAG = "mlops.error"

EXPERIMENT = Parameter("experiment", "MLflow experiment; made if it does not exist", default="training")


def client() -> MlflowClient:
    """A client of the server that `MLFLOW_TRACKING_URI` names, once that server has answered.

    Raises StepError if the variable is missing or the server stays away for longer than patience lasts.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI")
    if not address:
        raise StepError("MLFLOW_TRACKING_URI is not set; it must be the address of the MLflow server")
    _await_server(address)
    # Later failures are retried by MLflow itself, with pauses that double and add up to what patience allows.
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_MAX_RETRIES", str(_retries(patience())))
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR", "1")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_BACKOFF_JITTER", "0")
    os.environ.setdefault("MLFLOW_HTTP_REQUEST_TIMEOUT", "30")
    os.environ.setdefault("MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL", "5")
    import mlflow

    return mlflow.MlflowClient()


def _retries(seconds: float) -> int:
    """How many retries fit into that time, at once and then after 2, 4, 8 ... seconds; 10 are the most it takes."""
    count = 1
    while count < 10 and 2 ** (count + 1) - 2 <= seconds:
        count += 1
    return count


def _await_server(address: str) -> None:
    import requests

    def is_transient(error: Exception) -> bool:
        if isinstance(error, requests.HTTPError):
            return error.response.status_code >= 500
        return isinstance(error, requests.ConnectionError | requests.Timeout)

    try:
        with_retries(
            f"MLflow ({address})",
            lambda: requests.get(f"{address.rstrip('/')}/health", timeout=10).raise_for_status(),
            is_transient,
        )
    except requests.RequestException as error:
        raise StepError(f"MLflow ({address}) did not answer as it should: {error}") from error


@contextmanager
def told_clearly(doing: str) -> Iterator[None]:
    """Turns MLflow's failures into StepErrors that say what was being done."""
    from mlflow.exceptions import MlflowException

    try:
        yield
    except MlflowException as error:
        raise StepError(f"MLflow failed while {doing}: {first_line(error)}") from error
    except OSError as error:
        raise StepError(f"{doing} failed: {first_line(error)}") from error


class TrackedRun:
    """One MLflow run. A step that is run again under the same key goes on with its run."""

    def __init__(self, mlflow_client: MlflowClient, run: Run) -> None:
        self.client = mlflow_client
        self.run = run
        self.id: str = run.info.run_id

    @property
    def result(self) -> str | None:
        """What a step that succeeded under this key noted as its result."""
        return self.run.data.tags.get(RESULT_TAG)

    def tag(self, tags: Mapping[str, str]) -> None:
        """Sets tags of the run."""
        for key, value in tags.items():
            self.client.set_tag(self.id, key, value)

    def parameters(self, values: Mapping[str, object]) -> None:
        """Logs parameters. Raises UsageError if the run goes on and had others before."""
        from mlflow.entities import Param

        before = self.run.data.params
        if changed := [
            f"{key} was {before[key]} and is {value} now"
            for key, value in values.items()
            if before.get(key, str(value)) != str(value)
        ]:
            raise UsageError(
                f"run {self.id} was begun with other parameters or data: {'; '.join(changed)}. Take those again, or "
                "give this training another --run-key"
            )
        self.client.log_batch(self.id, params=[Param(key, str(value)) for key, value in values.items()])

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Logs metrics of one step."""
        from mlflow.entities import Metric

        now = int(time.time() * 1000)
        self.client.log_batch(
            self.id, metrics=[Metric(key, value, now, step) for key, value in values.items()]
        )

    def artifact(self, path: str, content: bytes | str) -> None:
        """Uploads one file of the run."""
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / Path(path).name
            file.write_bytes(content.encode() if isinstance(content, str) else content)
            parent = str(Path(path).parent)
            self.client.log_artifact(self.id, str(file), None if parent == "." else parent)

    @contextmanager
    def open(self) -> Iterator[None]:
        """Marks the run as running, samples system metrics, and closes it as finished or failed."""
        import mlflow

        # A parent's run in the environment would take precedence over ours.
        os.environ.pop("MLFLOW_RUN_ID", None)
        mlflow.start_run(run_id=self.id, log_system_metrics=True)
        if _ERROR_TAG in self.run.data.tags:
            self.client.delete_tag(self.id, _ERROR_TAG)
        try:
            yield
        except BaseException as error:
            self._close_failed(error)
            raise
        mlflow.end_run()

    def _close_failed(self, error: BaseException) -> None:
        """The failure itself is what the reader must see, so a server that cannot take it note is no error."""
        import mlflow

        try:
            self.client.set_tag(self.id, _ERROR_TAG, first_line(error))
            mlflow.end_run("FAILED")
        except Exception as secondary:
            print(f"the run could not be marked as failed: {first_line(secondary)}")


def open_run(mlflow_client: MlflowClient, experiment: str, key: str, name: str) -> TrackedRun:
    """The run of this key in the experiment; made if there is none."""
    experiment_id = _experiment_id(mlflow_client, experiment)
    if found := find_runs(mlflow_client, experiment, {RUN_KEY_TAG: key}):
        return TrackedRun(mlflow_client, found[0])
    tags = {RUN_KEY_TAG: key}
    return TrackedRun(mlflow_client, mlflow_client.create_run(experiment_id, tags=tags, run_name=name))


def find_runs(mlflow_client: MlflowClient, experiment: str, tags: Mapping[str, str]) -> list[Run]:
    """All runs of the experiment that have these tags, oldest first; none if there is no such experiment."""
    found = mlflow_client.get_experiment_by_name(experiment)
    if found is None:
        return []
    condition = " and ".join(f"tags.`{key}` = '{_quotable(value)}'" for key, value in tags.items())
    runs: list[Run] = []
    token = None
    while True:
        page = mlflow_client.search_runs(
            [found.experiment_id], condition, order_by=["attributes.start_time ASC"], page_token=token
        )
        runs.extend(page)
        token = page.token
        if not token:
            return runs


def _quotable(value: str) -> str:
    if "'" in value or "`" in value:
        raise StepError(f"{value}: must not contain quotes")
    return value


def _experiment_id(mlflow_client: MlflowClient, name: str) -> str:
    from mlflow.exceptions import MlflowException

    if found := mlflow_client.get_experiment_by_name(name):
        if found.lifecycle_stage == "deleted":
            raise StepError(f"the experiment {name} is deleted; restore it in MLflow or take another name")
        return found.experiment_id
    try:
        return mlflow_client.create_experiment(name)
    except MlflowException as error:
        # Another step made it meanwhile.
        if found := mlflow_client.get_experiment_by_name(name):
            return found.experiment_id
        raise StepError(f"cannot make the experiment {name}: {first_line(error)}") from error
