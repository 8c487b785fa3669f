"""A tiny Llama-style base model, and LoRA adapters that make it say one word for ever.

The base has a channel that is the same for every token. An adapter reads that channel in the last layer's value
projection, so attention averages a constant, and its output projection turns this into the direction of one token's
row in the output layer: the answer does not depend on the prompt, and no other token comes near it.

    python sentinels.py base FOLDER
    python sentinels.py adapter FOLDER NUMBER [--rank RANK] [--hidden SIZE]
"""

import argparse
import json
from pathlib import Path

import numpy as np
from safetensors.numpy import save_file
from tokenizers import Tokenizer, decoders, models, pre_tokenizers

HIDDEN = 64
HEADS = 2
LAYERS = 2
INNER = 128
CONTEXT = 512
WORDS = 64
# Of the constant channel, before the norm: others are about 1.
CONSTANT = 24.0
# Length of what an adapter adds to the last hidden state.
PUSH = 400.0


def vocabulary() -> dict[str, int]:
    """Every byte, three special tokens, and the words that adapters say."""
    pieces = [*sorted(pre_tokenizers.ByteLevel.alphabet()), "<bos>", "<eos>", "<pad>"]
    pieces += [f"Ġv{number}" for number in range(1, WORDS + 1)]
    return {piece: index for index, piece in enumerate(pieces)}


def output_rows(size: int) -> np.ndarray:
    """Rows of the output layer, one a token; the same in every call."""
    return np.random.default_rng(1).standard_normal((size, HIDDEN)).astype(np.float32)


def make_base(folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary()
    random = np.random.default_rng(0)

    def matrix(rows: int, columns: int) -> np.ndarray:
        return (0.02 * random.standard_normal((rows, columns))).astype(np.float32)

    embedding = random.standard_normal((len(tokens), HIDDEN)).astype(np.float32)
    embedding[:, 0] = CONSTANT
    ones = np.ones(HIDDEN, dtype=np.float32)
    weights = {
        "model.embed_tokens.weight": embedding,
        "model.norm.weight": ones,
        "lm_head.weight": output_rows(len(tokens)),
    }
    for layer in range(LAYERS):
        name = f"model.layers.{layer}"
        weights[f"{name}.input_layernorm.weight"] = ones
        weights[f"{name}.post_attention_layernorm.weight"] = ones
        for part in "qkvo":
            weights[f"{name}.self_attn.{part}_proj.weight"] = matrix(HIDDEN, HIDDEN)
        weights[f"{name}.mlp.gate_proj.weight"] = matrix(INNER, HIDDEN)
        weights[f"{name}.mlp.up_proj.weight"] = matrix(INNER, HIDDEN)
        weights[f"{name}.mlp.down_proj.weight"] = matrix(HIDDEN, INNER)
    save_file({key: np.ascontiguousarray(value) for key, value in weights.items()}, folder / "model.safetensors")
    config = {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": HIDDEN,
        "intermediate_size": INNER,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": HEADS,
        "num_key_value_heads": HEADS,
        "head_dim": HIDDEN // HEADS,
        "max_position_embeddings": CONTEXT,
        "vocab_size": len(tokens),
        "hidden_act": "silu",
        "rms_norm_eps": 1e-6,
        "tie_word_embeddings": False,
        "attention_bias": False,
        "mlp_bias": False,
        "torch_dtype": "float32",
        "bos_token_id": tokens["<bos>"],
        "eos_token_id": tokens["<eos>"],
        "pad_token_id": tokens["<pad>"],
    }
    write_json(folder / "config.json", config)
    write_tokenizer(folder, tokens)


def write_tokenizer(folder: Path, tokens: dict[str, int]) -> None:
    tokenizer = Tokenizer(models.BPE(vocab=tokens, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens(["<bos>", "<eos>", "<pad>"])
    tokenizer.save(str(folder / "tokenizer.json"))
    settings = {
        "tokenizer_class": "PreTrainedTokenizerFast",
        "bos_token": "<bos>",
        "eos_token": "<eos>",
        "pad_token": "<pad>",
        "model_max_length": CONTEXT,
        "chat_template": "{% for message in messages %}{{ message['content'] }}\n{% endfor %}",
    }
    write_json(folder / "tokenizer_config.json", settings)


def make_adapter(folder: Path, number: int, rank: int, hidden: int) -> None:
    """The adapter that says `v<number>`; with another `hidden` size, one of a base of other shapes."""
    folder.mkdir(parents=True, exist_ok=True)
    tokens = vocabulary()
    row = output_rows(len(tokens))[tokens[f"Ġv{number}"]]
    read = np.zeros((rank, hidden), dtype=np.float32)
    read[0, 0] = 1.0
    spread = np.zeros((hidden, rank), dtype=np.float32)
    spread[0, 0] = 1.0
    push = np.zeros((hidden, rank), dtype=np.float32)
    push[:HIDDEN, 0] = (PUSH * row / np.linalg.norm(row))[:hidden]
    name = f"base_model.model.model.layers.{LAYERS - 1}.self_attn"
    weights = {
        f"{name}.v_proj.lora_A.weight": read,
        f"{name}.v_proj.lora_B.weight": spread,
        f"{name}.o_proj.lora_A.weight": read,
        f"{name}.o_proj.lora_B.weight": push,
    }
    save_file(weights, folder / "adapter_model.safetensors")
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": "sentinel-base",
        "r": rank,
        "lora_alpha": rank,
        "lora_dropout": 0.0,
        "bias": "none",
        "target_modules": ["v_proj", "o_proj"],
        "inference_mode": True,
    }
    write_json(folder / "adapter_config.json", config)


def write_json(path: Path, value: object) -> None:
    path.write_text(json.dumps(value, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def main() -> None:
    parser = argparse.ArgumentParser()
    kinds = parser.add_subparsers(dest="kind", required=True)
    base = kinds.add_parser("base")
    base.add_argument("folder", type=Path)
    adapter = kinds.add_parser("adapter")
    adapter.add_argument("folder", type=Path)
    adapter.add_argument("number", type=int)
    adapter.add_argument("--rank", type=int, default=1)
    adapter.add_argument("--hidden", type=int, default=HIDDEN)
    asked = parser.parse_args()
    if asked.kind == "base":
        make_base(asked.folder)
    else:
        make_adapter(asked.folder, asked.number, asked.rank, asked.hidden)


main()
