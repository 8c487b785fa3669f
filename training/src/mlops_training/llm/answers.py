"""Greedy answers of a model to held-out prompts, compared with the reference by fixed rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .base import context_length
from .corpus import Item
from .prompt import is_refusal

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True)
class AnswerRates:
    """Shares, None where there was nothing to count."""

    exact_match: float | None
    """Of the questions with an answer: those answered by the reference, letter by letter but for spaces around."""
    refusal: float | None
    """Of the questions without an answer: those that were refused."""
    false_refusal: float | None
    """Of the questions with an answer: those that were refused."""


def answer(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[str],
    longest: int,
    device: torch.device,
    batch_size: int,
) -> list[str]:
    """What the model says after each prompt, up to its first line's end, without spaces around.

    At most `longest` tokens, and fewer where the model's context ends before.
    """
    model.eval()
    numbers = [tokenizer.encode(prompt) for prompt in prompts]
    answers: list[str] = []
    for start in range(0, len(numbers), batch_size):
        batch = numbers[start : start + batch_size]
        most = max(map(len, batch)) + longest
        if most == context_length(model, most):
            answers += _generate(model, tokenizer, batch, longest, device)
            continue
        # Each by itself, or the longest prompt would cut the others' answers short.
        for prompt in batch:
            room = context_length(model, len(prompt) + longest) - len(prompt)
            answers += _generate(model, tokenizer, [prompt], room, device)
    return answers


def _generate(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    prompts: Sequence[list[int]],
    longest: int,
    device: torch.device,
) -> list[str]:
    import torch

    width = max(map(len, prompts))
    # Padded here: many tokenizers have no token for it, and theirs goes with the adapter as it came.
    padding = [[tokenizer.eos_token_id] * (width - len(prompt)) for prompt in prompts]
    inputs = torch.tensor([[*left, *prompt] for left, prompt in zip(padding, prompts, strict=True)])
    mask = torch.tensor(
        [[0] * len(left) + [1] * len(prompt) for left, prompt in zip(padding, prompts, strict=True)]
    )
    with torch.inference_mode():
        generated = model.generate(
            input_ids=inputs.to(device),
            attention_mask=mask.to(device),
            max_new_tokens=longest,
            do_sample=False,
            use_cache=True,
            # The model's own configuration may name another one than it was trained to end with.
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.eos_token_id,
        )
    texts = tokenizer.batch_decode(generated[:, width:], skip_special_tokens=True)
    return [text.strip().partition("\n")[0].strip() for text in texts]


def rates(items: Sequence[Item], answers: Sequence[str]) -> AnswerRates:
    """How the answers compare."""
    pairs = list(zip(items, answers, strict=True))
    positive = [(item, text) for item, text in pairs if not item.negative]
    negative = [text for item, text in pairs if item.negative]
    return AnswerRates(
        exact_match=_share([text == item.answer for item, text in positive]),
        refusal=_share([is_refusal(text) for text in negative]),
        false_refusal=_share([is_refusal(text) for _, text in positive]),
    )


def _share(hits: list[bool]) -> float | None:
    return sum(hits) / len(hits) if hits else None
