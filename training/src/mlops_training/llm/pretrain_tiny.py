"""Step `llm.pretrain_tiny`: makes the tiny base model `tiny-docs` from nothing, for machines without a hub."""

from __future__ import annotations

import itertools
import time
from typing import TYPE_CHECKING

from ..errors import UsageError, run_step
from ..files import resolve, write_output
from ..parameters import Command, Parameter, Values, output

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

    from .fictions import Fictions, Part

COMMAND = Command(
    "llm.pretrain_tiny",
    "Pretrains the tiny base model on text about things that do not exist, and writes it in the usual files.",
    (
        Parameter("output-dir", "folder under the I/O root for the model's files and SHA256SUMS"),
        Parameter("steps", "batches", "integer", default=220, minimum=1, maximum=100_000),
        Parameter("seed", "of weights and text", "integer", default=0, minimum=0),
        Parameter("threads", "CPU threads; 0: one a core", "integer", default=0, minimum=0, maximum=512),
        output("revision", "what names these very files"),
    ),
)

_BATCH = 24
_TOKENIZER_TEXTS = 3000
_LEARNING_RATE = 3e-3
_WARM_UP = 20
# Of the steps: first only questions that have an answer, because without copying there is nothing to tell apart.
_ANSWERS_ONLY = 0.15
_UNKNOWN_SHARE = 0.35
# What the passages say is decided by nothing, so there is little to learn from it.
_PASSAGE_WEIGHT = 0.1
_PROGRESS_EVERY = 50


def pretrain_tiny(values: Values) -> None:
    """The step."""
    folder = resolve(values["output_dir"])
    if folder.exists() and any(folder.iterdir()):
        raise UsageError(f"--output-dir {folder} is not empty; name a new folder")
    from transformers.utils import logging

    from .. import determinism
    from . import base_files, tiny
    from .fictions import Fictions

    determinism.prepare("cpu", values["threads"])
    sample = itertools.islice(Fictions(values["seed"] + 1).texts(_UNKNOWN_SHARE), _TOKENIZER_TEXTS)
    tokenizer = tiny.make_tokenizer([*("".join(part.text for part in text) for text in sample), *_prompts()])
    model = tiny.make_model(tokenizer, values["seed"])
    _fit(model, tokenizer, Fictions(values["seed"]), values["steps"])
    folder.mkdir(parents=True, exist_ok=True)
    logging.disable_progress_bar()
    model.eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    revision = base_files.write_sums(folder)
    write_output(values["output_revision"], revision)
    count = sum(weights.numel() for weights in model.parameters())
    print(f"tiny-docs@{revision}: {count} parameters in {folder}")


def _prompts() -> list[str]:
    """The corpus's form, of training items, so that the tokenizer has its words."""
    from .corpus import generate
    from .prompt import completion

    items = generate(1000, seed=0)["train"]
    return [item.prompt + completion(item.answer) for item in items]


def _fit(model: LlamaForCausalLM, tokenizer: PreTrainedTokenizerFast, fictions: Fictions, steps: int) -> None:
    import torch
    from torch.nn import functional

    optimizer = torch.optim.AdamW(model.parameters(), _LEARNING_RATE, betas=(0.9, 0.95), weight_decay=0.0)
    started = time.monotonic()
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = _LEARNING_RATE * _rate(step, steps)
        unknown = 0.0 if step < _ANSWERS_ONLY * steps else _UNKNOWN_SHARE
        texts = list(itertools.islice(fictions.texts(unknown), _BATCH))
        tokens, weights = _batch(texts, tokenizer)
        logits = model(tokens).logits[:, :-1]
        losses = functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten(), reduction="none")
        wanted = weights[:, 1:].flatten()
        loss = (losses * wanted).sum() / wanted.sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        if (step + 1) % _PROGRESS_EVERY == 0:
            learnt = wanted == 1
            answers = float((losses.detach() * learnt).sum() / learnt.sum())
            spent = time.monotonic() - started
            print(
                f"step {step + 1} of {steps}: answers {answers:.3f} nats a token, {spent:.0f} s", flush=True
            )


def _rate(step: int, steps: int) -> float:
    """Warm-up, a plateau, then down to nothing."""
    return min(1.0, (step + 1) / _WARM_UP) * max(0.02, min(1.0, (steps - step) / (0.4 * steps)))


def _batch(texts: list[list[Part]], tokenizer: PreTrainedTokenizerFast) -> tuple[Tensor, Tensor]:
    """Token numbers and the weights of their losses, padded to the longest text."""
    import torch

    rows: list[tuple[list[int], list[float]]] = []
    for text in texts:
        tokens, weights = [tokenizer.bos_token_id], [0.0]
        for part in text:
            encoded = tokenizer.encode(part.text, add_special_tokens=False)
            tokens += encoded
            weights += [1.0 if part.learnt else _PASSAGE_WEIGHT] * len(encoded)
        rows.append(([*tokens, tokenizer.eos_token_id], [*weights, 1.0]))
    longest = max(len(tokens) for tokens, _ in rows)
    numbers = torch.full((len(rows), longest), tokenizer.eos_token_id)
    wanted = torch.zeros(len(rows), longest)
    for row, (tokens, weights) in enumerate(rows):
        numbers[row, : len(tokens)] = torch.tensor(tokens)
        wanted[row, : len(tokens)] = torch.tensor(weights)
    return numbers, wanted


if __name__ == "__main__":
    run_step(COMMAND, pretrain_tiny)
