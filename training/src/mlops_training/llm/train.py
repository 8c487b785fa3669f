"""Step `llm.train`: trains a LoRA adapter of a base model and registers it. It decides nothing and sets no alias."""

from __future__ import annotations

import tempfile
import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import recording, tracking
from ..errors import UsageError, run_step
from ..parameters import Command, Parameter, Values
from . import adapters, base, corpus, data
from .base import Base
from .samples import SPLITS, TextSplits

if TYPE_CHECKING:
    import torch
    from peft import PeftModel
    from transformers import PreTrainedTokenizerBase

    from .fit import Progress, Recipe, Round

COMMAND = Command(
    "llm.train",
    "Trains a LoRA adapter (QLoRA on a GPU) on the train split, stops early on the validation split, and registers it.",
    (
        *base.PARAMETERS,
        *data.PARAMETERS,
        Parameter("rank", "of the adapter's matrices", "integer", default=16, minimum=1),
        Parameter("maximum-rank", "largest rank that the servers load", "integer", default=16, minimum=1),
        Parameter("alpha", "the adapter is scaled by alpha / rank", "integer", default=32, minimum=1),
        Parameter("dropout", "before the adapter", "number", default=0.0, minimum=0, maximum=0.95),
        Parameter(
            "learning-rate",
            "of AdamW at its peak; 0: 0.003 for a base model of less than 100 MB, else 0.0002",
            "number",
            default=0,
            minimum=0,
            maximum=1e3,
        ),
        Parameter("batch-size", "samples a step", "integer", default=32, minimum=1, maximum=65_536),
        Parameter(
            "micro-batch-size",
            "samples on the device at once; fewer need less memory",
            "integer",
            default=32,
            minimum=1,
        ),
        Parameter("epochs", "most epochs", "integer", default=1, minimum=1, maximum=1000),
        Parameter(
            "round-steps",
            "steps between two looks at the validation data; 0: an epoch",
            "integer",
            default=50,
            minimum=0,
        ),
        Parameter(
            "patience",
            "rounds without a lower validation loss after which training ends; 0: never",
            "integer",
            default=5,
            minimum=0,
        ),
        Parameter("validation-samples", "most that are looked at; 0: all", "integer", default=400, minimum=0),
        Parameter(
            "context-length",
            "most tokens of a sample, the base model's at most",
            "integer",
            default=512,
            minimum=8,
        ),
        base.QUANTIZATION,
        Parameter("seed", "of weights, order and dropout", "integer", default=0, minimum=0),
        Parameter("device", "where to train", default="auto", choices=("auto", "cpu", "cuda")),
        Parameter("threads", "CPU threads; 0: one a core", "integer", default=0, minimum=0, maximum=512),
        tracking.EXPERIMENT,
        Parameter("registered-model", "name in MLflow's registry", default="docs-assistant-adapter"),
        recording.RUN_KEY,
        recording.CHECKPOINTS,
        *recording.outputs(
            "hash of the adapter's weights", "base model, losses, answers on validation data, cost"
        ),
    ),
)


def train(values: Values) -> None:
    """The step."""
    started = time.monotonic()
    problems = recording.problems(values)
    if values["rank"] > values["maximum_rank"]:
        problems.append(
            f"--rank {values['rank']}: the servers load adapters up to rank {values['maximum_rank']} only"
        )
    if problems:
        raise UsageError("; ".join(problems))
    splits = data.load(values)
    with base.obtain(values, values["base_model"], values["base_revision"]) as model:
        recording.once(
            values,
            f"{Path(model.name).name}-{splits.name}",
            lambda run, key: _train_and_register(values, splits, model, run, key, started),
        )


def _train_and_register(
    values: Values, splits: TextSplits, model: Base, run: tracking.TrackedRun, key: str, started: float
) -> dict[str, Any]:
    from .. import determinism
    from .fit import Trainer, add_adapter
    from .tokens import check_vocabulary, tokenize

    device = determinism.prepare(values["device"], values["threads"], strict=False)
    recipe = _recipe(values, model)
    parameters = _parameters(values, recipe, splits, model, device)
    recording.describe(run, parameters)
    tokenizer = base.load_tokenizer(model)
    network = base.load_model(model, device, values["quantization"])
    limit = base.context_length(network, values["context_length"])
    # All of them, so that what the later steps could not read is told before anything is trained.
    tokens = {split: tokenize(splits.part(split), tokenizer, limit) for split in SPLITS}
    check_vocabulary(network, [each for split in SPLITS for each in tokens[split]])
    held_out = set(splits.validation[: values["validation_samples"] or None])
    validation = [each for each in tokens["validation"] if each.sample in held_out]
    checkpoint = recording.checkpoint(values, key, parameters)
    adapter = add_adapter(network, recipe)
    trainer = Trainer(adapter, recipe, device)
    trained = trainer.fit(tokens["train"], validation, checkpoint, lambda each: _log_round(run, each))
    longest = max(each.learnt for each in tokens["validation"])
    rates = _answer_rates(values, adapter, tokenizer, longest, device)
    run.metrics({f"validation_{name}": rate for name, rate in rates.items() if rate is not None})
    with tempfile.TemporaryDirectory() as folder:
        adapters.save(adapter, tokenizer, model, Path(folder))
        tags = {"dataset": splits.name, "data_sha256": str(parameters["data_sha256"])}
        registered = adapters.register(run, values["registered_model"], Path(folder), model, tags)
    elapsed = time.monotonic() - started + trainer.earlier_seconds
    cost = recording.log_cost(run, sum(each.seconds for each in trained.history), device, elapsed)
    if checkpoint:
        checkpoint.remove()
    print(f"{registered.uri}: adapter of {model.id}, SHA-256 {registered.sha256}", flush=True)
    return {
        "run_id": run.id,
        "model_name": registered.name,
        "model_version": registered.version,
        "model_uri": registered.uri,
        "model_sha256": registered.sha256,
        "base": {"name": model.name, "revision": model.revision},
        "data_sha256": parameters["data_sha256"],
        **_figures(trained),
        **{f"validation_{name}": rate for name, rate in rates.items()},
        "cost_usd": cost,
    }


# The usual rate for billions of parameters; a tiny model needs far larger steps to learn anything in an epoch.
_LEARNING_RATE, _TINY_LEARNING_RATE = 2e-4, 3e-3
_TINY_BYTES = 100_000_000


def _learning_rate(values: Values, model: Base) -> float:
    size = sum(file.stat().st_size for file in model.folder.glob("*.safetensors"))
    return values["learning_rate"] or (_TINY_LEARNING_RATE if size < _TINY_BYTES else _LEARNING_RATE)


def _recipe(values: Values, model: Base) -> Recipe:
    import torch

    from .fit import Recipe

    return Recipe(
        rank=values["rank"],
        alpha=values["alpha"],
        dropout=values["dropout"],
        learning_rate=_learning_rate(values, model),
        batch_size=values["batch_size"],
        micro_batch_size=min(values["micro_batch_size"], values["batch_size"]),
        epochs=values["epochs"],
        round_steps=values["round_steps"],
        patience=values["patience"],
        seed=values["seed"],
        threads=torch.get_num_threads(),
    )


def _parameters(
    values: Values, recipe: Recipe, splits: TextSplits, model: Base, device: torch.device
) -> dict[str, object]:
    """What MLflow shows as the run's parameters, and what a checkpoint must have been made with."""
    return {
        **asdict(recipe),
        "base_model": model.name,
        "base_revision": model.revision,
        "quantization": values["quantization"],
        "precision": str(base.precision(device)).removeprefix("torch."),
        "context_length": values["context_length"],
        "dataset": splits.name,
        "dataset_version": splits.version,
        "data_sha256": splits.sha256(),
        "train_samples": len(splits.train),
        "validation_samples": len(splits.validation[: values["validation_samples"] or None]),
        "test_samples": len(splits.test),
        "device": device.type,
        "optimizer": "AdamW, warm-up and cosine",
    }


def _log_round(run: tracking.TrackedRun, done: Round) -> None:
    print(
        f"step {done.last_step}: train loss {done.train_loss:.4f}, validation loss {done.validation_loss:.4f}, "
        f"{done.tokens_per_second:.0f} tokens a second, {done.seconds:.1f} s",
        flush=True,
    )
    run.metrics({name: value for name, value in asdict(done).items() if name != "last_step"}, done.last_step)


def _figures(trained: Progress) -> dict[str, float | int]:
    best = trained.history[trained.best - 1]
    return {
        "steps": trained.history[-1].last_step,
        "best_step": best.last_step,
        "train_loss": best.train_loss,
        "validation_loss": best.validation_loss,
    }


# Enough to see whether it answers at all; the gates ask more.
_ANSWERS = 200


def _answer_rates(
    values: Values,
    model: PeftModel,
    tokenizer: PreTrainedTokenizerBase,
    longest: int,
    device: torch.device,
) -> dict[str, float | None]:
    """`longest` are the tokens of the longest reference."""
    from .answers import answer, rates

    if values["dataset"] != corpus.NAME:
        return {}
    items = data.load_corpus(values)["validation"][:_ANSWERS]
    prompts = [item.prompt for item in items]
    answers = answer(model, tokenizer, prompts, longest, device, values["micro_batch_size"])
    found = asdict(rates(items, answers))
    shown = ", ".join(f"{name} {rate:.3f}" for name, rate in found.items() if rate is not None)
    print(f"answers to {len(items)} validation questions: {shown}", flush=True)
    return found


if __name__ == "__main__":
    run_step(COMMAND, train)
