"""Steps as processes, against a real MLflow and a real MinIO."""

import hashlib
import json
import signal
import time
import uuid
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import requests
from conftest import Services, Steps, s3_client

pytestmark = pytest.mark.services

FAST = ("--epochs", 3, "--threads", 1)
UNREACHABLE = "http://127.0.0.1:9"
OUTAGE_SECONDS = 20


def versions(services: Services, name: str) -> list[dict]:
    answer = requests.get(
        f"{services.environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/model-versions/search",
        params={"filter": f"name='{name}'"},
        timeout=30,
    )
    return answer.json().get("model_versions", [])


def get_run(services: Services, run_id: str) -> dict:
    address = f"{services.environment['MLFLOW_TRACKING_URI']}/api/2.0/mlflow/runs/get"
    return requests.get(address, params={"run_id": run_id}, timeout=30).json()["run"]


def fresh(prefix: str = "model") -> str:
    return f"{prefix}-{uuid.uuid4().hex[:8]}"


@pytest.fixture(scope="module")
def model(services: Services, tmp_path_factory) -> dict:
    """A trained model: what the train step wrote."""
    steps = Steps(tmp_path_factory.mktemp("model"), services.environment)
    outputs = ("run-id", "model-version", "model-uri", "model-sha256", "result")
    arguments = [part for name in outputs for part in (f"--output-{name}", f"/outputs/{name}")]
    # A training on an idle machine is shorter than the usual time between two samples.
    often = {"MLFLOW_SYSTEM_METRICS_SAMPLING_INTERVAL": "0.1"}
    steps.succeed("train", "--registered-model", fresh(), "--epochs", 8, "--threads", 1, *arguments, **often)
    result = json.loads(steps.output("outputs/result"))
    for name in outputs[:-1]:
        assert steps.output(f"outputs/{name}") == result[name.replace("-", "_")]
    return result


def of(model: dict) -> tuple:
    return ("--registered-model", model["model_name"], "--model-version", model["model_version"])


def test_a_training_is_recorded_so_that_it_can_be_repeated(services, model):
    run = get_run(services, model["run_id"])
    data = {entry["key"]: entry["value"] for entry in run["data"]["params"]}
    assert data["model"] == "mlp"
    assert data["data_sha256"] == model["data_sha256"]
    assert {"seed", "threads", "epochs", "learning_rate", "batch_size", "dropout", "device"} <= set(data)
    metrics = {entry["key"] for entry in run["data"]["metrics"]}
    assert {
        "train_loss",
        "validation_loss",
        "cost_usd",
        "cost_cpu_usd",
        "system/cpu_utilization_percentage",
    } <= metrics
    tags = {entry["key"]: entry["value"] for entry in run["data"]["tags"]}
    assert len(tags["mlops.code_version"]) >= 40
    assert run["info"]["status"] == "FINISHED"
    listed = s3_client(services.environment).list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    names = {entry["Key"].split("/artifacts/")[1] for entry in listed if model["run_id"] in entry["Key"]}
    assert {"confusion/validation.png", "environment/packages.txt", "cost.json"} <= names


def test_the_version_has_a_signature_and_no_alias(services, model, monkeypatch):
    import mlflow

    (version,) = versions(services, model["model_name"])
    assert version.get("aliases", []) == []
    monkeypatch.setenv("MLFLOW_TRACKING_URI", services.environment["MLFLOW_TRACKING_URI"])
    mlflow.set_tracking_uri(services.environment["MLFLOW_TRACKING_URI"])
    info = mlflow.models.get_model_info(model["model_uri"])
    assert info.signature.inputs.inputs[0].shape == (-1, 1, 28, 28)
    assert info.saved_input_example_info is not None
    exported = mlflow.pyfunc.load_model(model["model_uri"]).predict(np.zeros((3, 1, 28, 28), np.float32))
    assert exported.shape == (3, 10)


def test_the_same_run_key_trains_once(services, steps):
    name, key = fresh(), fresh("key")
    arguments = ("--registered-model", name, "--run-key", key, *FAST, "--output-result", "/result")
    steps.succeed("train", *arguments)
    first = steps.output("result")
    assert "succeeded before" in steps.succeed("train", *arguments)
    assert steps.output("result") == first
    assert len(versions(services, name)) == 1

    refused = steps.run("train", "--registered-model", f"{name}-other", "--run-key", key, *FAST)
    assert refused.returncode == 2
    assert f"names a training of {name}" in refused.stderr


def test_a_killed_training_goes_on_from_the_object_store(services, steps):
    def arguments(key):
        place = f"s3://model-registry/checkpoints/{name}"
        more = ("--checkpoints", place, "--run-key", f"{name}-{key}", "--epochs", 6, "--threads", 1)
        return ("--registered-model", name, *more, "--output-result", "/result")

    name = fresh()
    steps.succeed("train", *arguments("whole"))
    whole = json.loads(steps.output("result"))
    killed = steps.start("train", *arguments("killed"))
    for line in killed.stdout:
        if line.startswith("epoch 3"):
            killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert len(versions(services, name)) == 1

    again = steps.succeed("train", *arguments("killed"))
    assert not any(line.startswith("epoch 1:") for line in again.splitlines())
    resumed = json.loads(steps.output("result"))
    assert resumed["weights_sha256"] == whole["weights_sha256"]
    assert resumed["model_version"] == "2"
    left = s3_client(services.environment).list_objects_v2(Bucket="model-registry", Prefix="checkpoints/")
    assert left.get("Contents", []) == []


def test_nothing_is_registered_when_the_loss_is_no_number(services, steps):
    import torch
    from torchvision.models import resnet18

    weights = resnet18().state_dict()
    weights["layer1.0.conv1.weight"][0, 0, 0, 0] = float("nan")
    torch.save(weights, steps.root / "weights.pt")
    name = fresh()
    options = ("--model", "resnet18", "--pretrained", "/weights.pt", "--run-key", name, *FAST)
    failed = steps.run("train", "--registered-model", name, *options)
    assert failed.returncode == 1
    assert "the loss is not a number any more" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert versions(services, name) == []


def test_evaluation_pairs_the_new_model_with_the_live_one(services, model, steps):
    steps.succeed(
        "train",
        "--registered-model",
        model["model_name"],
        "--seed",
        1,
        *FAST,
        "--output-model-version",
        "/version",
    )
    worse = steps.output("version")
    steps.succeed(
        "evaluate",
        *("--registered-model", model["model_name"], "--model-version", worse),
        *("--live-version", model["model_version"], "--output-measurements", "/gate1.json"),
        *("--output-accuracy", "/accuracy", "--output-samples", "/samples"),
    )
    gate = json.loads(steps.output("gate1.json"))
    candidate, live = gate["candidate"], gate["live"]
    assert (
        gate["data"]["n"] == len(candidate["correct"]) == len(live["correct"]) == int(steps.output("samples"))
    )
    assert (
        candidate["accuracy"]
        == sum(candidate["correct"]) / gate["data"]["n"]
        == float(steps.output("accuracy"))
    )
    assert (candidate["model_version"], live["model_version"]) == (worse, model["model_version"])
    assert live["model_sha256"] == model["model_sha256"]
    assert live["accuracy"] > candidate["accuracy"]


def test_evaluation_without_a_live_model(model, steps):
    steps.succeed("evaluate", *of(model), "--live-version", "", "--output-measurements", "/gate1.json")
    assert json.loads(steps.output("gate1.json"))["live"] is None


def test_export_measurement_and_samples_agree(services, model, steps):
    import onnxruntime

    steps.succeed(
        "export_onnx",
        *of(model),
        *(
            "--output-onnx",
            "/model.onnx",
            "--output-metadata",
            "/metadata.json",
            "--output-onnx-sha256",
            "/sha256",
        ),
    )
    onnx = (steps.root / "model.onnx").read_bytes()
    metadata = json.loads(steps.output("metadata.json"))
    assert hashlib.sha256(onnx).hexdigest() == steps.output("sha256") == metadata["onnx_sha256"]

    steps.succeed("measure_onnx", *of(model), "--output-measurements", "/gate2.json")
    gate = json.loads(steps.output("gate2.json"))
    assert gate["onnx_sha256"] == metadata["onnx_sha256"]
    assert gate["model_sha256"] == metadata["model_sha256"] == model["model_sha256"]
    assert gate["samples"] == 100
    assert 0 < gate["max_probability_difference"] <= 1e-5
    assert gate["top1_agreement"] == 1

    s3 = s3_client(services.environment)
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    key = next(
        entry["Key"]
        for entry in listed
        if model["run_id"] in entry["Key"] and entry["Key"].endswith("onnx/samples.json")
    )
    samples = json.loads(s3.get_object(Bucket="mlflow-artifacts", Key=key)["Body"].read())
    assert samples["model_sha256"] == model["model_sha256"]
    assert len(samples["labels"]) == 16
    images = np.array(samples["input"]["data"], np.float32).reshape(samples["input"]["shape"])
    session = onnxruntime.InferenceSession(onnx)
    for expected in samples["expected"]["outputs"]:
        (got,) = session.run([expected["name"]], {samples["input"]["name"]: images})
        assert np.abs(got - np.array(expected["data"]).reshape(expected["shape"])).max() < 1e-4


def test_a_file_that_was_changed_in_the_store_is_what_gate_2_measures(services, model, steps):
    s3 = s3_client(services.environment)
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    steps.succeed(
        "train", "--registered-model", model["model_name"], "--seed", 9, *FAST, "--output-result", "/other"
    )
    other = json.loads(steps.output("other"))
    for each in (model, other):
        steps.succeed("export_onnx", *of(each))
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    mine, theirs = (
        next(
            entry["Key"]
            for entry in listed
            if each["run_id"] in entry["Key"] and entry["Key"].endswith("model.onnx")
        )
        for each in (model, other)
    )
    original = s3.get_object(Bucket="mlflow-artifacts", Key=mine)["Body"].read()
    try:
        s3.copy_object(
            Bucket="mlflow-artifacts", Key=mine, CopySource={"Bucket": "mlflow-artifacts", "Key": theirs}
        )
        steps.succeed("measure_onnx", *of(model), "--output-measurements", "/gate2.json")
        assert json.loads(steps.output("gate2.json"))["max_probability_difference"] > 1e-5
        s3.put_object(Bucket="mlflow-artifacts", Key=mine, Body=_without_numbers(original))
        steps.succeed("measure_onnx", *of(model), "--output-measurements", "/gate2.json")
        measured = json.loads(steps.output("gate2.json"))
        assert measured["max_probability_difference"] is None
        assert measured["top1_agreement"] == 0
        s3.put_object(Bucket="mlflow-artifacts", Key=mine, Body=original[:1000])
        failed = steps.run("measure_onnx", *of(model), "--output-measurements", "/cut.json")
        assert failed.returncode == 1
        assert "ONNX Runtime cannot run the exported file" in failed.stderr
        assert not (steps.root / "cut.json").exists()
    finally:
        s3.put_object(Bucket="mlflow-artifacts", Key=mine, Body=original)


def _without_numbers(content: bytes) -> bytes:
    """The same ONNX file with a bias of NaN."""
    import onnx
    from onnx import numpy_helper

    file = onnx.load_from_string(content)
    bias = next(tensor for tensor in file.graph.initializer if list(tensor.dims) == [10])
    bias.CopyFrom(numpy_helper.from_array(np.full(10, np.nan, np.float32), bias.name))
    return file.SerializeToString()


def test_a_model_that_was_changed_in_the_store_is_not_used(services, steps):
    steps.succeed("train", "--registered-model", fresh(), *FAST, "--output-result", "/result")
    mine = json.loads(steps.output("result"))
    s3 = s3_client(services.environment)
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    # The newest weights are this model's; MLflow files them under an identifier of its own.
    weights = [entry for entry in listed if entry["Key"].endswith("extra_files/weights.pt")]
    key = max(weights, key=lambda entry: entry["LastModified"])["Key"]
    content = s3.get_object(Bucket="mlflow-artifacts", Key=key)["Body"].read()
    s3.put_object(Bucket="mlflow-artifacts", Key=key, Body=content[:-1] + b"x")
    failed = steps.run("evaluate", *of(mine))
    assert failed.returncode == 1
    assert "they were changed, so they are not used" in failed.stderr


def test_a_version_without_proof_or_signature_is_refused(services, model, steps, monkeypatch):
    import mlflow
    import mlflow.pyfunc

    monkeypatch.setenv("MLFLOW_TRACKING_URI", services.environment["MLFLOW_TRACKING_URI"])
    mlflow.set_tracking_uri(services.environment["MLFLOW_TRACKING_URI"])
    name = fresh()
    with mlflow.start_run():
        info = mlflow.pyfunc.log_model(
            name="m", python_model=lambda model_input: model_input, pip_requirements=[]
        )
        mlflow.register_model(info.model_uri, name)
    failed = steps.run("evaluate", "--registered-model", name, "--model-version", 1)
    assert "has no tag mlops.model_sha256" in failed.stderr

    from mlops_training.registry import folder_sha256

    local = mlflow.artifacts.download_artifacts(f"models:/{name}/1", dst_path=str(steps.root / "download"))
    sha256 = folder_sha256(steps.root / "download")
    assert local
    mlflow.MlflowClient().set_model_version_tag(name, "1", "mlops.model_sha256", sha256)
    failed = steps.run("evaluate", "--registered-model", name, "--model-version", 1)
    assert (failed.returncode, "has no signature" in failed.stderr) == (1, True), failed.stderr


def test_a_version_that_is_not_there_is_told(model, steps):
    failed = steps.run("evaluate", "--registered-model", model["model_name"], "--model-version", 99)
    assert failed.returncode == 1
    assert "version 99 of model" in failed.stderr
    assert "Traceback" not in failed.stderr


def test_a_data_set_that_does_not_fit_the_model_is_told(services, steps):
    from test_loaders import cifar

    s3_client(services.environment).put_object(
        Bucket="datasets", Key="cifar10/v1/cifar-10-python.tar.gz", Body=cifar()
    )
    name = fresh()
    options = ("--dataset", "cifar10", "--registered-model", name)
    failed = steps.run("train", *options, *FAST, MLOPS_BUCKET_DATASETS="datasets")
    assert failed.returncode == 2
    assert "model mlp takes pictures of (1, 28, 28), the data set has (3, 32, 32)" in failed.stderr
    assert versions(services, name) == []


def test_unreachable_services_are_told_after_a_bounded_time(services, steps):
    name = fresh()
    failed = steps.run(
        "train", "--registered-model", name, *FAST, MLFLOW_TRACKING_URI=UNREACHABLE, MLOPS_RETRY_SECONDS="2"
    )
    assert failed.returncode == 1
    assert f"MLflow ({UNREACHABLE}) is not reachable (tried for 2 s)" in failed.stderr
    options = ("--dataset", "mnist", "--datasets-bucket", "datasets", "--registered-model", name)
    failed = steps.run("train", *options, AWS_ENDPOINT_URL_S3=UNREACHABLE, MLOPS_RETRY_SECONDS="2")
    assert failed.returncode == 1
    assert f"the object store ({UNREACHABLE}) is not reachable (tried for 2 s)" in failed.stderr
    assert "Traceback" not in failed.stderr
    assert versions(services, name) == []


@pytest.mark.parametrize("service", ["mlflow", "minio"])
def test_a_training_survives_a_service_that_is_away(services, steps, service):
    away = getattr(services, service)
    name = fresh()
    options = (
        "--checkpoints",
        f"s3://model-registry/{name}",
        "--run-key",
        name,
        "--epochs",
        4,
        "--threads",
        1,
    )
    process = steps.start("train", "--registered-model", name, *options)
    for line in process.stdout:
        if line.startswith("epoch 2"):
            away.kill()
            break
    # The outage itself, not a wait for a condition.
    time.sleep(OUTAGE_SECONDS)
    away.start()
    _, stderr = process.communicate(timeout=240)
    assert process.returncode == 0, stderr
    assert len(versions(services, name)) == 1


def test_a_search_finds_good_hyperparameters(services, steps):
    study = fresh("study")
    options = ("--study", study, "--experiment", "search")
    for number in range(2):
        of_round = ("--round", number)
        steps.succeed("search plan", *options, *of_round, "--trials", 2, "--output-plan", f"/plan{number}")
        plan = steps.output(f"plan{number}")
        steps.succeed("search plan", *options, *of_round, "--trials", 2, "--output-plan", "/again")
        assert steps.output("again") == plan
        assert len({json.dumps(trial) for trial in json.loads(plan)}) == 2

        def trial(index, plan=plan, of_round=of_round):
            more = ("--plan", plan, "--index", index, "--output-validation-loss", f"/loss{index}")
            steps.succeed("search trial", *options, *of_round, *more, *FAST)

        with ThreadPoolExecutor(2) as pool:
            list(pool.map(trial, range(2)))
    failed = steps.run("search best", *options, "--expected", 5)
    assert "4 of 5 trials are finished" in failed.stderr
    steps.succeed(
        "search best",
        *options,
        "--expected",
        4,
        "--output-result",
        "/best",
        "--output-hyperparameters",
        "/chosen",
    )
    result = json.loads(steps.output("best"))
    assert len(result["trials"]) == 4
    assert result["best"]["validation_loss"] == min(trial["validation_loss"] for trial in result["trials"])
    chosen = steps.output("chosen")
    steps.succeed("train", "--registered-model", fresh(), "--hyperparameters", chosen, *FAST)


def test_wrong_hyperparameters_are_all_told(steps):
    wrong = json.dumps({"learning_rate": "fast", "batch_size": 1.5, "momentum": 1})
    failed = steps.run("train", "--hyperparameters", wrong)
    assert failed.returncode == 2
    for part in ("learning_rate: must be", "batch_size: must be", "unknown hyperparameter momentum"):
        assert part in failed.stderr


def test_cross_validation_reports_every_fold(steps):
    steps.succeed("cross_validate", "--folds", 2, *FAST, "--output-result", "/result")
    result = json.loads(steps.output("result"))
    assert len(result["accuracies"]) == len(result["training_seconds"]) == 2
    assert result["mean_accuracy"] == sum(result["accuracies"]) / 2
    assert min(result["accuracies"]) > 0.7
