"""Steps of language models as processes, against a real MLflow and a real MinIO."""

import hashlib
import json
import math
import shutil
import signal

import pytest
from conftest import Services, Steps, s3_client
from test_steps import UNREACHABLE, fresh, get_run, versions

from mlops_training.llm import corpus
from mlops_training.llm.prompt import REFUSAL, make_prompt
from mlops_training.llm.samples import SPLITS

pytestmark = pytest.mark.services

DATA = ("--datasets-bucket", "datasets")
FAST = {
    "--datasets-bucket": "datasets",
    "--threads": 1,
    "--rank": 4,
    "--round-steps": 4,
    "--validation-samples": 32,
    "--learning-rate": 0.005,
}


def fast(**others: object) -> tuple:
    """Options of a short training, and others instead or besides."""
    given = FAST | {f"--{name.replace('_', '-')}": value for name, value in others.items()}
    return tuple(part for option in given.items() for part in option)


@pytest.fixture(scope="module")
def bucket(services: Services, tmp_path_factory) -> Steps:
    """A barely trained base model and a small corpus in the bucket of data sets."""
    steps = Steps(tmp_path_factory.mktemp("bucket"), services.environment)
    steps.succeed(
        "llm.pretrain_tiny", "--output-dir", "/base", "--steps", 2, "--output-revision", "/revision"
    )
    put_base(services, steps, "tiny-docs")
    steps.succeed("llm.make_corpus", *DATA, "--items", 600)
    return steps


def put_base(services: Services, steps: Steps, name: str, **damaged: bytes) -> None:
    s3, revision = s3_client(services.environment), steps.output("revision")
    for file in (steps.root / "base").iterdir():
        content = damaged.get(file.name.partition(".")[0], file.read_bytes())
        s3.put_object(Bucket="datasets", Key=f"base-models/{name}/{revision}/{file.name}", Body=content)
    s3.put_object(Bucket="datasets", Key=f"base-models/{name}/current", Body=f"{revision}\n".encode())


def without_a_number(steps: Steps) -> dict[str, bytes]:
    """The base model's weights with a NaN among them, and the sums of its files."""
    from safetensors.torch import load, save

    weights = load((steps.root / "base" / "model.safetensors").read_bytes())
    weights["model.norm.weight"][0] = math.nan
    content = save(weights, {"format": "pt"})
    lines = (steps.root / "base" / "SHA256SUMS").read_text().splitlines()
    sums = dict(reversed(line.split("  ")) for line in lines)
    sums["model.safetensors"] = hashlib.sha256(content).hexdigest()
    return {"model": content, "SHA256SUMS": "".join(f"{v}  {k}\n" for k, v in sums.items()).encode()}


@pytest.fixture(scope="module")
def adapter(services: Services, bucket: Steps) -> dict:
    """A trained adapter: what the train step wrote."""
    bucket.succeed("llm.train", "--registered-model", fresh("adapter"), *fast(), "--output-result", "/result")
    return json.loads(bucket.output("result"))


def of(adapter: dict) -> tuple:
    return ("--registered-model", adapter["model_name"], "--model-version", adapter["model_version"])


def test_a_training_records_base_data_curve_and_cost(services, bucket, adapter):
    (version,) = versions(services, adapter["model_name"])
    tags = {entry["key"]: entry["value"] for entry in version["tags"]}
    assert tags["base_model"] == "tiny-docs"
    assert tags["base_revision"] == bucket.output("revision") == adapter["base"]["revision"]
    assert tags["mlops.sha256"] == adapter["model_sha256"]
    assert tags["data_sha256"] == adapter["data_sha256"]
    assert version.get("aliases", []) == []
    run = get_run(services, adapter["run_id"])
    metrics = {entry["key"] for entry in run["data"]["metrics"]}
    assert {"train_loss", "validation_loss", "tokens_per_second", "cost_usd", "validation_refusal"} <= metrics
    assert {"base_revision", "quantization", "rank", "seed"} <= {
        entry["key"] for entry in run["data"]["params"]
    }
    s3 = s3_client(services.environment)
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    keys = [entry["Key"] for entry in listed if adapter["run_id"] in entry["Key"]]
    names = {key.split("/artifacts/")[1]: key for key in keys}
    assert {
        "adapter/adapter_config.json",
        "adapter/tokenizer.json",
        "environment/packages.txt",
    } <= names.keys()
    weights = s3.get_object(Bucket="mlflow-artifacts", Key=names["adapter/adapter_model.safetensors"])[
        "Body"
    ].read()
    assert hashlib.sha256(weights).hexdigest() == adapter["model_sha256"]


def test_the_loss_is_measured_by_document_and_against_the_base(bucket, adapter):
    bucket.succeed("llm.measure_loss", *of(adapter), *DATA, "--threads", 1, "--output-measurements", "/loss")
    measured = json.loads(bucket.output("loss"))
    assert measured["model_sha256"] == adapter["model_sha256"]
    assert measured["base"] == adapter["base"]
    assert measured["data"]["sha256"] == adapter["data_sha256"]
    assert len({sample["document"] for sample in measured["samples"]}) >= 30
    tokens = sum(sample["tokens"] for sample in measured["samples"])
    losses = {
        which: sum(sample[which] for sample in measured["samples"]) / tokens
        for which in ("candidate", "base")
    }
    assert losses["candidate"] < losses["base"] - 0.5


def test_an_adapter_is_not_measured_on_another_base(bucket, adapter):
    failed = bucket.run("llm.measure_loss", *of(adapter), *DATA, "--base-revision", "f" * 40)
    assert failed.returncode == 2
    assert "asked for is tiny-docs@ffff" in failed.stderr


def test_a_folder_of_another_base_is_not_taken_for_the_adapters_own(bucket, adapter):
    own = bucket.run("llm.measure_loss", *of(adapter), *DATA, "--threads", 1, "--base-dir", "/base")
    assert own.returncode == 0, own.stderr
    other = bucket.root / "other"
    shutil.copytree(bucket.root / "base", other)
    damaged = without_a_number(bucket)
    (other / "model.safetensors").write_bytes(damaged["model"])
    (other / "SHA256SUMS").write_bytes(damaged["SHA256SUMS"])
    failed = bucket.run("llm.measure_loss", *of(adapter), *DATA, "--base-dir", "/other")
    assert failed.returncode == 2
    assert (
        f"the adapter was trained on tiny-docs@{adapter['base']['revision']}, asked for is" in failed.stderr
    )


def test_a_changed_adapter_is_not_measured(services, bucket, adapter):
    s3 = s3_client(services.environment)
    listed = s3.list_objects_v2(Bucket="mlflow-artifacts")["Contents"]
    (key,) = (
        entry["Key"]
        for entry in listed
        if adapter["run_id"] in entry["Key"] and entry["Key"].endswith("adapter_model.safetensors")
    )
    content = s3.get_object(Bucket="mlflow-artifacts", Key=key)["Body"].read()
    try:
        s3.put_object(Bucket="mlflow-artifacts", Key=key, Body=content[:-1])
        failed = bucket.run("llm.measure_loss", *of(adapter), *DATA)
    finally:
        s3.put_object(Bucket="mlflow-artifacts", Key=key, Body=content)
    assert failed.returncode == 2
    assert "it was changed or is corrupted" in failed.stderr


def test_a_killed_training_goes_on_from_the_object_store(services, bucket):
    def arguments(key):
        place = ("--checkpoints", "s3://model-registry/checkpoints/adapters", "--run-key", f"{name}-{key}")
        return ("--registered-model", name, *place, *fast(), "--output-result", "/killed")

    name = fresh("adapter")
    bucket.succeed("llm.train", *arguments("whole"))
    whole = json.loads(bucket.output("killed"))
    killed = bucket.start("llm.train", *arguments("killed"))
    for line in killed.stdout:
        if line.startswith("step 8"):
            killed.send_signal(signal.SIGKILL)
    assert killed.wait() == -signal.SIGKILL
    assert len(versions(services, name)) == 1
    again = bucket.succeed("llm.train", *arguments("killed"))
    assert not any(line.startswith("step 4:") for line in again.splitlines())
    assert json.loads(bucket.output("killed"))["model_sha256"] == whole["model_sha256"]
    assert "succeeded before" in bucket.succeed("llm.train", *arguments("killed"))
    assert len(versions(services, name)) == 2


def test_a_key_keeps_its_parameters_and_forgets_its_failures(services, bucket):
    key, name = fresh("key"), fresh("adapter")
    arguments = ("--registered-model", name, "--run-key", key, "--checkpoints", "/checkpoints")
    (bucket.root / "checkpoints").mkdir()
    (bucket.root / "checkpoints" / f"{key}.pt").write_bytes(b"none")
    failed = bucket.run("llm.train", *arguments, *fast())
    assert failed.returncode == 1
    assert "is damaged" in failed.stderr
    (bucket.root / "checkpoints" / f"{key}.pt").unlink()
    failed = bucket.run("llm.train", *arguments, *fast(rank=2))
    assert failed.returncode == 2
    assert "was begun with other parameters or data: rank was 4 and is 2 now" in failed.stderr
    bucket.succeed("llm.train", *arguments, *fast(), "--output-run-id", "/run")
    tags = {entry["key"] for entry in get_run(services, bucket.output("run"))["data"]["tags"]}
    assert "mlops.result" in tags
    assert "mlops.error" not in tags


def long_item() -> bytes:
    """A line whose passage no context holds."""
    context, question = "word " * 600, "What?"
    prompt = make_prompt(context, question)
    return corpus.to_lines([corpus.Item("long", "long", context, question, REFUSAL, True, prompt)])


def test_nothing_is_registered_of_what_cannot_be_trained(services, bucket):
    name = fresh("adapter")
    put_base(services, bucket, "no-tokenizer", tokenizer=b"{}")
    put_base(services, bucket, "damaged", model=b"none")
    put_base(services, bucket, "not-a-number", **without_a_number(bucket))
    s3 = s3_client(services.environment)
    whole = {
        split: s3.get_object(Bucket="datasets", Key=f"docs-qa/v1/{split}.jsonl")["Body"].read()
        for split in SPLITS
    }
    versions_of_data = {
        "empty": {"train": b""},
        "twice": {"train": whole["test"]},
        "long": {"test": whole["test"] + long_item()},
        "damaged": {},
    }
    for version, changed in versions_of_data.items():
        for split, content in {**whole, **changed}.items():
            s3.put_object(Bucket="datasets", Key=f"docs-qa/{version}/{split}.jsonl", Body=content)
    sums = "".join(f"{'0' * 64}  {split}.jsonl\n" for split in SPLITS)
    s3.put_object(Bucket="datasets", Key="docs-qa/damaged/SHA256SUMS", Body=sums.encode())
    cases = (
        ({"rank": 32}, "the servers load adapters up to rank 16 only"),
        ({"base_model": "no-tokenizer"}, "tokenizer.json is damaged"),
        ({"base_model": "damaged"}, "model.safetensors is damaged"),
        ({"base_model": "unknown"}, "without --base-revision its exact revision is unknown"),
        ({"dataset_version": "empty"}, "the train split is empty"),
        ({"dataset_version": "twice"}, "documents are both in train and test"),
        (
            {"dataset_version": "long"},
            "1 samples are longer than the context of 512 tokens, the longest, long",
        ),
        ({"dataset_version": "damaged"}, "train.jsonl: it has another sum than SHA256SUMS"),
        ({"context_length": 20}, "longer than the context of 20 tokens"),
        ({"base_model": "not-a-number"}, "the loss is not a number any more"),
    )
    dear = bucket.run("llm.train", "--registered-model", name, *fast(), MLOPS_COST_CPU_HOUR="dear")
    assert (dear.returncode, "MLOPS_COST_CPU_HOUR=dear: must be a number" in dear.stderr) == (2, True)
    for options, problem in cases:
        failed = bucket.run("llm.train", "--registered-model", name, *fast(**options))
        assert failed.returncode == 2, (options, failed.stderr)
        assert problem in failed.stderr
        assert "Traceback" not in failed.stderr
    assert versions(services, name) == []


def test_an_object_store_that_stays_away_is_told(bucket):
    failed = bucket.run(
        "llm.evaluation_samples", *DATA, AWS_ENDPOINT_URL_S3=UNREACHABLE, MLOPS_RETRY_SECONDS="2"
    )
    assert failed.returncode == 1
    assert "is not reachable (tried for 2 s)" in failed.stderr
