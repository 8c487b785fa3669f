"""Samples as token numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import UsageError
from .samples import Sample

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_IGNORED = -100


@dataclass(frozen=True)
class Tokens:
    """A sample's numbers; those from `start` on are learnt and measured."""

    sample: Sample
    numbers: list[int]
    start: int

    @property
    def learnt(self) -> int:
        return len(self.numbers) - self.start


def tokenize(samples: Sequence[Sample], tokenizer: PreTrainedTokenizerBase, limit: int) -> list[Tokens]:
    """All samples in order; texts without a prompt are cut into pieces of the limit.

    Raises UsageError if samples with a prompt are longer than `limit` tokens, or nothing is left to learn.
    """
    tokens: list[Tokens] = []
    too_long: list[tuple[int, str]] = []
    for sample in samples:
        if not sample.prompt:
            tokens += _pieces(sample, tokenizer, limit)
            continue
        prompt = tokenizer.encode(sample.prompt)
        # An answer that ends: without the end token a model would learn to go on.
        numbers = [*prompt, *_continued(prompt, sample, tokenizer), tokenizer.eos_token_id]
        if len(numbers) > limit:
            too_long.append((len(numbers), sample.id))
        tokens.append(Tokens(sample, numbers, len(prompt)))
    if too_long:
        length, worst = max(too_long)
        raise UsageError(
            f"{len(too_long)} samples are longer than the context of {limit} tokens, the longest, {worst}, has "
            f"{length}; shorten the passages, raise --context-length, or take a base model with a longer context"
        )
    if not tokens:
        raise UsageError(
            "no text of the data set is two tokens long, so there is nothing to learn or measure"
        )
    return tokens


def check_vocabulary(model: PreTrainedModel, tokens: Sequence[Tokens]) -> None:
    """Raises UsageError if the tokenizer gives numbers that the model has no embedding of."""
    largest = max(max(each.numbers) for each in tokens)
    known = model.get_input_embeddings().num_embeddings
    if largest >= known:
        raise UsageError(
            f"the base model's tokenizer gives token number {largest}, its weights know {known} tokens: they are not "
            "of one model; put the tokenizer's own files beside the weights"
        )


def _continued(prompt: list[int], sample: Sample, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Numbers of the completion as they follow its prompt in one text.

    Alone it begins with another token where a tokenizer puts a space before every text (Llama's, Mistral's): one that
    no model says there, whose loss would be large for a base and nothing for its adapter.
    """
    whole = tokenizer.encode(sample.prompt + sample.completion)
    if whole[: len(prompt)] == prompt:
        return whole[len(prompt) :]
    return tokenizer.encode(sample.completion, add_special_tokens=False)


def _pieces(sample: Sample, tokenizer: PreTrainedTokenizerBase, limit: int) -> list[Tokens]:
    numbers = tokenizer.encode(sample.completion)
    parts = [numbers[start : start + limit] for start in range(0, len(numbers), limit)]
    # The first token of a text is decided by nothing.
    return [Tokens(sample, part, 1) for part in parts if len(part) > 1]


def completion_losses(model: PreTrainedModel, batch: Sequence[Tokens], device: torch.device) -> Tensor:
    """Of each sample, the sum over its learnt tokens of the negative log-likelihood in nats; float32."""
    import torch
    from torch.nn import functional

    longest = max(len(each.numbers) for each in batch)
    numbers = torch.zeros(len(batch), longest, dtype=torch.long)
    labels = torch.full((len(batch), longest), _IGNORED)
    mask = torch.zeros(len(batch), longest, dtype=torch.long)
    for row, each in enumerate(batch):
        length = len(each.numbers)
        numbers[row, :length] = torch.tensor(each.numbers)
        labels[row, each.start : length] = numbers[row, each.start : length]
        mask[row, :length] = 1
    logits = model(input_ids=numbers.to(device), attention_mask=mask.to(device)).logits
    losses = functional.cross_entropy(
        logits[:, :-1].flatten(0, 1).float(),
        labels[:, 1:].flatten().to(device),
        ignore_index=_IGNORED,
        reduction="none",
    )
    return losses.view(len(batch), -1).sum(1)


def measure(
    model: PreTrainedModel, tokens: Sequence[Tokens], device: torch.device, batch_size: int
) -> list[float]:
    """Loss of each sample, in the samples' order, in evaluation mode."""
    import torch

    model.eval()
    # Of like length, so that little is padded.
    order = sorted(range(len(tokens)), key=lambda index: len(tokens[index].numbers))
    losses = [0.0] * len(tokens)
    with torch.inference_mode():
        for start in range(0, len(order), batch_size):
            chosen = order[start : start + batch_size]
            sums = completion_losses(model, [tokens[index] for index in chosen], device).tolist()
            for index, loss in zip(chosen, sums, strict=True):
                losses[index] = loss
    return losses
