"""Measures candidate and live under load through the gateway, by vLLM's own benchmark, and decides nothing.

    python apps/steps/benchmark/measure_performance.py --model NAME --candidate SERVED [--live SERVED] \
        --samples FILE --output-loads PATH

The prompts are those of the evaluation. They are sent in slices, now to the candidate and now to live, in the order
ABBA, so that whatever else the machine does meets both alike. Beside the clients' figures stand the servers' own. Exit
status: 0 done, 1 failed, 2 wrong input.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import math
import os
import re
import socket
import sys
import tempfile
import threading
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

REQUEST_TIMEOUT_SECONDS = 60
METRICS_INTERVAL_SECONDS = 1.0


class InputProblem(Exception):
    """Input that cannot be used: trying again does not help."""


def main(argv: list[str]) -> int:
    arguments = parse(argv)
    try:
        loads = measure(arguments)
        target = under_root(arguments.output_loads)
        target.parent.mkdir(parents=True, exist_ok=True)
        partial = target.with_name(f".{target.name}.partial")
        partial.write_text(json.dumps(loads, indent=2) + "\n", encoding="utf-8")
        partial.replace(target)
    except InputProblem as problem:
        print(f"measure-performance: error: {problem}", file=sys.stderr)
        return 2
    except (OSError, RuntimeError) as problem:
        print(f"measure-performance: error: {problem}", file=sys.stderr)
        return 1
    return 0


def parse(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="measure-performance", description=__doc__.split("\n", 1)[0])
    parser.add_argument("--model", required=True, help="stable name that clients ask")
    parser.add_argument("--candidate", required=True, help="served name that MODEL-candidate must mean")
    parser.add_argument("--live", default="", help="served name that MODEL-live must mean; empty: nothing is live")
    parser.add_argument("--samples", required=True, help="file that `llm.evaluation_samples` wrote")
    parser.add_argument("--prompts", type=positive, default=1200, help="requests to each of the two")
    parser.add_argument("--slices", type=positive, default=6, help="parts into which each one's requests are cut")
    parser.add_argument("--concurrency", type=positive, default=10, help="clients that ask at the same time")
    parser.add_argument("--maximum-tokens", type=positive, default=64, help="longest answer, in tokens")
    parser.add_argument("--output-loads", required=True, help="where the figures go (JSON)")
    return parser.parse_args(argv)


def positive(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be at least 1")
    return value


def measure(arguments: argparse.Namespace) -> dict[str, Any]:
    gateway = required("MLOPS_GATEWAY_URL").rstrip("/")
    machine = json.loads(required("MLOPS_LLM_MACHINE"))
    replicas = expand(required("MLOPS_VLLM_URLS"))
    if not replicas:
        raise RuntimeError("no replica of vLLM is running")
    prompts = read_prompts(arguments.samples, arguments.prompts)
    subjects = {"candidate": arguments.candidate}
    if arguments.live:
        subjects["live"] = arguments.live
    names = {subject: f"{arguments.model}-{subject}" for subject in subjects}
    for subject, served in subjects.items():
        assert_served(gateway, names[subject], served)
    watcher = ServerMetrics(replicas)
    slices: dict[str, list[dict[str, Any]]] = {subject: [] for subject in subjects}
    with watcher:
        for number, part in enumerate(cut(prompts, arguments.slices)):
            order = list(subjects) if number % 2 == 0 else list(reversed(subjects))
            for subject in order:
                result = run_benchmark(gateway, names[subject], part, arguments)
                slices[subject].append(result)
                report(number, subjects[subject], result)
    for subject, served in subjects.items():
        assert_served(gateway, names[subject], served)
    loads = {subject: load_of(slices[subject]) for subject in subjects}
    return {
        "schema": 1,
        "tool": f"vllm bench serve {vllm_version()}",
        "conditions": {
            "machine": {"cpu": cpu_of(machine), **machine, "replicas": len(replicas)},
            "server": server_version(replicas[0]),
            "concurrency": arguments.concurrency,
            "prompts_sha256": hashlib.sha256(
                json.dumps([prompts, arguments.maximum_tokens]).encode()
            ).hexdigest(),
        },
        "candidate": {"served_name": arguments.candidate, "load": loads["candidate"]},
        "live": {"served_name": arguments.live, "load": loads["live"]} if arguments.live else None,
        "servers": watcher.summary(),
    }


# --- input ------------------------------------------------------------------------------------------------------------


def required(name: str) -> str:
    value = os.environ.get(name, "")
    if not value:
        raise InputProblem(f"environment variable {name} is not set; in the pipelines namespace the ConfigMap sets it")
    return value


def under_root(path: str) -> Path:
    """A path below the I/O root: `/` in a pod, a folder elsewhere."""
    return Path(os.environ.get("MLOPS_IO_ROOT") or "/") / path.lstrip("/")


def read_prompts(path: str, count: int) -> list[str]:
    """As many prompts as are wanted; samples that are fewer are asked again and again."""
    try:
        lines = under_root(path).read_text(encoding="utf-8").splitlines()
        prompts = [json.loads(line)["prompt"] for line in lines if line.strip()]
    except (OSError, ValueError, KeyError, TypeError) as problem:
        raise InputProblem(f"{path} holds no samples: {problem}") from problem
    if not prompts:
        raise InputProblem(f"{path} holds no samples")
    return [prompts[index % len(prompts)] for index in range(count)]


def expand(text: str) -> list[str]:
    """`http://a:8000,http://b:8000`, or `dns+http://name:8000`, where each address of the name is a replica."""
    urls: set[str] = set()
    for entry in filter(None, (part.strip() for part in text.split(","))):
        if not entry.startswith("dns+"):
            urls.add(entry.rstrip("/"))
            continue
        url = urllib.parse.urlsplit(entry.removeprefix("dns+"))
        try:
            found = socket.getaddrinfo(url.hostname, url.port, socket.AF_INET, socket.SOCK_STREAM)
        except socket.gaierror:
            continue
        urls.update(f"{url.scheme}://{address[4][0]}:{url.port}" for address in found)
    return sorted(urls)


def cut(prompts: list[str], slices: int) -> list[list[str]]:
    size = math.ceil(len(prompts) / slices)
    return [prompts[start : start + size] for start in range(0, len(prompts), size)]


# --- servers ----------------------------------------------------------------------------------------------------------


def get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
        return answer.read().decode()


def assert_served(gateway: str, name: str, expected: str) -> None:
    """What is measured must be what was meant, before and after."""
    body = json.dumps({"model": name, "prompt": "?", "max_tokens": 1, "temperature": 0}).encode()
    request = urllib.request.Request(
        f"{gateway}/v1/completions", body, {"content-type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=REQUEST_TIMEOUT_SECONDS) as answer:
            served = answer.headers.get("x-mlops-model-version", "")
    except urllib.error.HTTPError as problem:
        raise RuntimeError(f"{name} at {gateway} answers {problem.code}: {problem.read()[:300]!r}") from problem
    if served != expected:
        raise InputProblem(
            f"{name} was answered by {served or 'an unknown version'}, not by {expected}: it was displaced or promoted "
            "meanwhile; measure again"
        )


def server_version(url: str) -> str:
    return f"vllm {json.loads(get(f'{url}/version'))['version']}"


def vllm_version() -> str:
    from importlib.metadata import version

    return version("vllm")


def cpu_of(machine: dict[str, Any]) -> str:
    """Clients and servers share the machine where there is no accelerator; else its node is known by that."""
    if machine.get("accelerator"):
        return f"of a node with {machine['accelerator']}"
    found = re.search(r"^model name\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(encoding="utf-8"), re.MULTILINE)
    return found.group(1).strip() if found else "unknown"


def samples_of(text: str, name: str) -> list[float]:
    """Values of a metric, whatever its labels."""
    return [float(value) for value in re.findall(rf"^{re.escape(name)}(?:{{.*}})? (\S+)$", text, re.MULTILINE)]


class ServerMetrics:
    """What the servers say of themselves while they are measured; a replica that cannot be asked is left out."""

    PEAKS = {
        "kv_cache_usage": "vllm:kv_cache_usage_perc",
        "running": "vllm:num_requests_running",
        "waiting": "vllm:num_requests_waiting",
        "gpu_utilisation_percent": "DCGM_FI_DEV_GPU_UTIL",
    }
    COUNTERS = {
        "prefix_cache_queries": "vllm:prefix_cache_queries_total",
        "prefix_cache_hits": "vllm:prefix_cache_hits_total",
        "preemptions": "vllm:num_preemptions_total",
    }

    def __init__(self, replicas: list[str]) -> None:
        self._urls = replicas
        self._peaks: dict[str, dict[str, float]] = {url: {} for url in replicas}
        self._first: dict[str, dict[str, float]] = {}
        self._last: dict[str, dict[str, float]] = {}
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> None:
        self._read()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._thread.join()
        self._read()

    def _watch(self) -> None:
        while not self._ended.wait(METRICS_INTERVAL_SECONDS):
            self._read()

    def _read(self) -> None:
        for url in self._urls:
            try:
                text = get(f"{url}/metrics")
            except OSError:
                continue
            for name, metric in self.PEAKS.items():
                values = samples_of(text, metric)
                if values:
                    self._peaks[url][name] = max(self._peaks[url].get(name, 0.0), *values)
            counters = {name: sum(samples_of(text, metric)) for name, metric in self.COUNTERS.items()}
            self._first.setdefault(url, counters)
            self._last[url] = counters

    def summary(self) -> list[dict[str, Any]]:
        return [
            {
                "replica": url,
                "peaks": self._peaks[url],
                "counts": {name: self._last[url][name] - self._first[url][name] for name in self._last.get(url, {})},
            }
            for url in self._urls
        ]


# --- load -------------------------------------------------------------------------------------------------------------


def run_benchmark(gateway: str, name: str, prompts: list[str], arguments: argparse.Namespace) -> dict[str, Any]:
    """One slice by `vllm bench serve`, within this process: importing it takes longer than a slice."""
    from vllm.benchmarks.serve import add_cli_args
    from vllm.benchmarks.serve import main as benchmark
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "prompts.jsonl"
        data.write_text("".join(json.dumps({"prompt": prompt}) + "\n" for prompt in prompts), encoding="utf-8")
        parser = FlexibleArgumentParser()
        add_cli_args(parser)
        return benchmark(
            parser.parse_args(
                [
                    "--backend=openai",
                    f"--base-url={gateway}",
                    "--endpoint=/v1/completions",
                    f"--model={name}",
                    # The servers count tokens; a tokenizer here would have to be the base model's.
                    "--skip-tokenizer-init",
                    "--dataset-name=custom",
                    f"--dataset-path={data}",
                    "--disable-shuffle",
                    f"--num-prompts={len(prompts)}",
                    f"--max-concurrency={arguments.concurrency}",
                    "--temperature=0",
                    f"--extra-body={json.dumps({'max_tokens': arguments.maximum_tokens})}",
                    "--save-detailed",
                    "--disable-tqdm",
                ]
            )
        )


def report(number: int, served: str, result: dict[str, Any]) -> None:
    completed, seconds = result["completed"], result["duration"]
    print(
        f"measure-performance: slice {number + 1}, {served}: {completed} answers in {seconds:.1f} s", file=sys.stderr
    )


def load_of(slices: list[dict[str, Any]]) -> dict[str, Any]:
    """All requests of one model together, from the detailed results of its slices.

    A stream that broke off is an error of the benchmark's own: the gateway ends it without its last chunk.
    """
    latencies: list[float] = []
    first: list[float] = []
    between: list[float] = []
    requests = tokens = 0
    for result in slices:
        requests += len(result["errors"])
        for index, error in enumerate(result["errors"]):
            if error:
                continue
            latencies.append(result["latencies"][index])
            first.append(result["ttfts"][index])
            between.extend(result["itls"][index])
            tokens += result["output_lens"][index]
    succeeded = len(latencies)
    seconds = sum(result["duration"] for result in slices)
    return {
        "requests": requests,
        "succeeded": succeeded,
        "requests_per_second": succeeded / seconds,
        "output_tokens_per_second": tokens / seconds,
        "latency_seconds": percentiles(latencies),
        "time_to_first_token_seconds": percentiles(first),
        "inter_token_seconds": percentiles(between),
    }


def percentiles(values: list[float]) -> dict[str, float | None]:
    return {name: quantile(values, share) for name, share in (("p50", 0.5), ("p95", 0.95), ("p99", 0.99))}


def quantile(values: list[float], share: float) -> float | None:
    """By linear interpolation between the two nearest values; null without any."""
    if not values:
        return None
    ordered = sorted(values)
    position = share * (len(ordered) - 1)
    low = math.floor(position)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (position - low)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
