"""The tiny base model: a Llama of about 0.8 million parameters with a tokenizer of its own.

A model of this size does not find out by itself, within a minute, how to copy from its context. So its first two
layers start as the circuit that larger ones are known to develop (induction heads): heads that look one and two
tokens back, then heads that look for the place where the same two tokens stood before. Training does the rest.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

VOCABULARY = 1536
CONTEXT = 1024
START, END = "<s>", "</s>"

_WIDTH = 128
_HEADS = 2
_HEAD = _WIDTH // _HEADS
_LAYERS = 3
_ROPE_BASE = 10_000.0
# Standard deviation of embeddings; what the first layers write has the same size.
_SCALE = 0.06
# How sharply heads look at the token that they look for, chosen so that it gets nearly all of the attention.
_POSITION_SHARPNESS = 6.0
_CONTENT_SHARPNESS = 2.0
# Rotations slower than this, in radians a token, leave what a head compares as it is over a passage.
_SLOW = 0.03


def make_tokenizer(texts: Iterable[str]) -> PreTrainedTokenizerFast:
    """A byte-level BPE tokenizer, trained on `texts`, that puts the start token before every prompt."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [pre_tokenizers.Digits(individual_digits=False), pre_tokenizers.ByteLevel(add_prefix_space=False)]
    )
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY,
            special_tokens=[START, END],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        ),
    )
    tokenizer.post_processor = processors.TemplateProcessing(
        single=f"{START} $A", special_tokens=[(START, tokenizer.token_to_id(START))]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=START,
        eos_token=END,
        pad_token=END,
        model_max_length=CONTEXT,
        clean_up_tokenization_spaces=False,
    )


def make_model(tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """An untrained model in training mode; the same for the same seed."""
    from transformers import LlamaConfig, LlamaForCausalLM

    torch.manual_seed(seed)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=VOCABULARY,
            hidden_size=_WIDTH,
            intermediate_size=2 * _WIDTH,
            num_hidden_layers=_LAYERS,
            num_attention_heads=_HEADS,
            num_key_value_heads=_HEADS,
            max_position_embeddings=CONTEXT,
            rope_theta=_ROPE_BASE,
            tie_word_embeddings=True,
            # The first layer's heads find their place by it.
            attention_bias=True,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    with torch.no_grad():
        _prepare_to_copy(model)
    return model.train()


def _prepare_to_copy(model: LlamaForCausalLM) -> None:
    model.model.embed_tokens.weight.normal_(0, _SCALE)
    for number, layer in enumerate(model.model.layers):
        layer.mlp.down_proj.weight.zero_()
        if number >= 2:
            layer.self_attn.o_proj.weight.zero_()
    read = _orthogonal()[:_HEAD]
    directions = _orthogonal()
    write = [directions[head * _HEAD : (head + 1) * _HEAD] for head in range(_HEADS)]
    _look_back(model.model.layers[0].self_attn, read, write)
    _look_for_the_same(model.model.layers[1].self_attn, read, write)


def _look_back(attention: torch.nn.Module, read: Tensor, write: list[Tensor]) -> None:
    """Head 0 copies a part of the token before, head 1 of the one before that."""
    rate = _rotations()
    half = len(rate)
    for head, place in enumerate(write):
        rows = slice(head * _HEAD, (head + 1) * _HEAD)
        angle = -rate * (head + 1)
        attention.k_proj.bias[rows] = _POSITION_SHARPNESS * torch.cat([torch.ones(half), torch.zeros(half)])
        attention.q_proj.bias[rows] = _POSITION_SHARPNESS * torch.cat([angle.cos(), angle.sin()])
        attention.q_proj.weight[rows] *= 0.3
        attention.k_proj.weight[rows] *= 0.3
        attention.v_proj.weight[rows] = read
        attention.o_proj.weight[:, rows] = 1.5 * _SCALE * place.T


def _look_for_the_same(attention: torch.nn.Module, read: Tensor, write: list[Tensor]) -> None:
    """Where the last two tokens stood before, what came next is copied."""
    rate = _rotations()
    slow = [pair for pair in range(len(rate)) if rate[pair] < _SLOW]
    slow += [pair + len(rate) for pair in slow]
    for head in range(_HEADS):
        rows = slice(head * _HEAD, (head + 1) * _HEAD)
        query, key = torch.zeros(_HEAD, _WIDTH), torch.zeros(_HEAD, _WIDTH)
        order = torch.randperm(_HEAD)
        for index, component in enumerate(slow):
            direction = order[index]
            last_token = index % 2 == 0
            query[component] = read[direction] if last_token else write[0][direction]
            key[component] = write[0][direction] if last_token else write[1][direction]
        attention.q_proj.weight[rows] = _CONTENT_SHARPNESS * query
        attention.k_proj.weight[rows] = _CONTENT_SHARPNESS * key
        copied = _orthogonal()[:_HEAD]
        attention.v_proj.weight[rows] = copied
        attention.o_proj.weight[:, rows] = 2 * _SCALE * copied.T


def _rotations() -> Tensor:
    """Radians a token by which each pair of a head's components is rotated."""
    return _ROPE_BASE ** (-2 * torch.arange(_HEAD // 2) / _HEAD)


def _orthogonal() -> Tensor:
    return torch.linalg.qr(torch.randn(_WIDTH, _WIDTH)).Q
