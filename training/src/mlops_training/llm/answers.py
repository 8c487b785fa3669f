"""Greedy answers of a model to held-out prompts, compared with the reference by fixed rules."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .corpus import Item
from .prompt import is_refusal

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

# More than any reference of the corpus has.
_LONGEST = 48


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
    device: torch.device,
    batch_size: int,
) -> list[str]:
    """What the model says after each prompt, up to its first line's end, without spaces around."""
    import torch

    model.eval()
    tokenizer.padding_side = "left"
    tokenizer.pad_token = tokenizer.pad_token or tokenizer.eos_token
    answers: list[str] = []
    for start in range(0, len(prompts), batch_size):
        batch = tokenizer(list(prompts[start : start + batch_size]), return_tensors="pt", padding=True)
        with torch.inference_mode():
            numbers = model.generate(
                input_ids=batch["input_ids"].to(device),
                attention_mask=batch["attention_mask"].to(device),
                max_new_tokens=_LONGEST,
                do_sample=False,
                use_cache=True,
                pad_token_id=tokenizer.pad_token_id,
            )
        texts = tokenizer.batch_decode(numbers[:, batch["input_ids"].shape[1] :], skip_special_tokens=True)
        answers += [text.strip().partition("\n")[0].strip() for text in texts]
    return answers


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
