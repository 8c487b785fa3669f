"""Base models of other kinds than ours, untrained, and files that do not belong together."""

import json

import pytest
import torch
from safetensors.torch import load_file, save_file
from tokenizers import Tokenizer, decoders, normalizers, pre_tokenizers, processors, trainers
from tokenizers.models import BPE
from transformers import (
    BloomConfig,
    BloomForCausalLM,
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    Gemma3TextConfig,
    GPT2Config,
    GPT2LMHeadModel,
    MambaConfig,
    MambaForCausalLM,
    PreTrainedTokenizerFast,
    Qwen2Config,
    Qwen2ForCausalLM,
)

from mlops_training.errors import StepError, UsageError
from mlops_training.llm import adapters, base
from mlops_training.llm.answers import answer
from mlops_training.llm.fit import Recipe, Trainer, add_adapter
from mlops_training.llm.samples import Sample
from mlops_training.llm.tokens import check_vocabulary, measure, tokenize

CPU = torch.device("cpu")
TEXTS = [f"What is the size of part {n}? The size of part {n} is {n * 7}." for n in range(200)]
SAMPLES = [
    Sample(str(n), f"part {n}", *text.replace("?", "?\n").split("\n")) for n, text in enumerate(TEXTS[:24])
]
RECIPE = Recipe(
    rank=2,
    alpha=4,
    dropout=0.0,
    learning_rate=1e-2,
    batch_size=8,
    micro_batch_size=8,
    epochs=1,
    round_steps=0,
    patience=0,
    seed=0,
    threads=1,
)
SMALL = {"hidden_size": 16, "num_hidden_layers": 2, "num_attention_heads": 2}
FEW_HEADS = {**SMALL, "intermediate_size": 32, "num_key_value_heads": 1, "max_position_embeddings": 64}


@pytest.fixture(scope="module")
def tokenizer():
    """As GPT-2's: bytes, no token for the start of a text, none for padding."""
    bare = Tokenizer(BPE())
    bare.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bare.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    bare.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<end>"], initial_alphabet=alphabet)
    )
    return PreTrainedTokenizerFast(tokenizer_object=bare, eos_token="<end>")


@pytest.fixture(scope="module")
def spacing_tokenizer():
    """As Llama's and Mistral's: a space before every text, and a token for its start."""
    bare = Tokenizer(BPE(byte_fallback=True, unk_token="<unk>"))
    bare.normalizer = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    bare.pre_tokenizer = pre_tokenizers.Split("▁", "merged_with_next")
    bare.train_from_iterator(
        TEXTS, trainers.BpeTrainer(vocab_size=400, special_tokens=["<unk>", "<s>", "</s>"])
    )
    bare.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 1)])
    return PreTrainedTokenizerFast(tokenizer_object=bare, bos_token="<s>", eos_token="</s>")


@pytest.fixture
def stored(tokenizer, tmp_path):
    """Writes a network and the tokenizer as a base model."""

    def store(network):
        network.save_pretrained(tmp_path)
        tokenizer.save_pretrained(tmp_path)
        return base.Base("other", "1", tmp_path)

    return store


def gpt2(vocabulary, **others):
    torch.manual_seed(0)
    return GPT2LMHeadModel(
        GPT2Config(vocab_size=vocabulary, n_positions=64, n_embd=16, n_layer=2, n_head=2, **others)
    )


def qwen2(vocabulary):
    return Qwen2ForCausalLM(Qwen2Config(vocab_size=vocabulary, **FEW_HEADS, tie_word_embeddings=True))


def bloom(vocabulary):
    return BloomForCausalLM(BloomConfig(vocab_size=vocabulary, hidden_size=16, n_layer=2, n_head=2))


def gemma3(vocabulary):
    text = Gemma3TextConfig(vocab_size=vocabulary, head_dim=8, **FEW_HEADS)
    vision = {**SMALL, "intermediate_size": 16, "image_size": 28, "patch_size": 14}
    config = Gemma3Config(text_config=text, vision_config=vision, mm_tokens_per_image=4)
    return Gemma3ForConditionalGeneration(config)


# One with absolute places and Conv1D, one with tied embeddings, one without a limit, one with a nested configuration.
@pytest.mark.parametrize(("make", "limit"), [(gpt2, 64), (qwen2, 64), (bloom, 100), (gemma3, 64)])
def test_any_causal_model_is_tuned_and_measured(stored, tokenizer, tmp_path, make, limit):
    model = stored(make(len(tokenizer)))
    network = base.load_model(model, CPU, "auto")
    assert base.context_length(network, 100) == limit
    tokens = tokenize(SAMPLES, base.load_tokenizer(model), limit)
    alone = measure(network, tokens, CPU, 8)
    adapter = add_adapter(network, RECIPE)
    Trainer(adapter, RECIPE, CPU).fit(tokens[:16], tokens[16:])
    adapters.save(adapter, tokenizer, model, tmp_path / "adapter")
    with adapter.disable_adapter():
        assert measure(adapter, tokens, CPU, 8) == pytest.approx(alone)
    assert sum(measure(adapter, tokens, CPU, 8)) < sum(alone)


def test_a_model_that_takes_no_adapter_is_told(stored, tokenizer):
    model = stored(
        MambaForCausalLM(
            MambaConfig(vocab_size=len(tokenizer), hidden_size=16, state_size=4, num_hidden_layers=1)
        )
    )
    with pytest.raises(UsageError, match="no adapter fits all linear layers of a mamba model"):
        add_adapter(base.load_model(model, CPU, "none"), RECIPE)


def test_answers_end_where_the_context_does(tokenizer):
    network = gpt2(len(tokenizer))
    prompts = [tokenizer.decode(tokenizer.encode(" ".join(TEXTS))[:length]) for length in (60, 30, 10)]
    answers = answer(network, tokenizer, prompts, 30, CPU, 3)
    assert answers == answer(network, tokenizer, prompts, 30, CPU, 1)
    assert len(answers[0]) < len(answers[1])


def test_an_answer_ends_with_the_tokenizers_end_token_and_leaves_the_tokenizer_as_it_was(tokenizer, tmp_path):
    network = gpt2(len(tokenizer), eos_token_id=5)
    prompt = SAMPLES[0].prompt
    first = network.generate(torch.tensor([tokenizer.encode(prompt)]), max_new_tokens=1)[0, -1].item()
    assert answer(network, tokenizer, [prompt], 8, CPU, 1) != [""]
    tokenizer.save_pretrained(tmp_path)
    ending = PreTrainedTokenizerFast.from_pretrained(
        tmp_path, eos_token=tokenizer.convert_ids_to_tokens(first)
    )
    assert answer(network, ending, [prompt], 8, CPU, 1) == [""]
    assert (ending.pad_token, ending.padding_side) == (None, "right")


def test_a_completion_is_what_follows_its_prompt_in_one_text(spacing_tokenizer):
    tokens = tokenize(SAMPLES, spacing_tokenizer, 100)
    for sample, each in zip(SAMPLES, tokens, strict=True):
        assert each.numbers[:-1] == spacing_tokenizer.encode(sample.prompt + sample.completion)
        assert each.numbers[: each.start] == spacing_tokenizer.encode(sample.prompt)
        assert each.numbers[-1] == spacing_tokenizer.eos_token_id


def test_texts_of_one_token_are_refused(tokenizer):
    with pytest.raises(UsageError, match="no text of the data set is two tokens long"):
        tokenize([Sample("1", "a", "", "a")], tokenizer, 64)


def test_weights_that_the_configuration_asks_for_must_be_there(stored, tokenizer):
    model = stored(gpt2(len(tokenizer)))
    file = model.folder / "model.safetensors"
    kept = {name: value for name, value in load_file(file).items() if "h.1.mlp" not in name}
    save_file(kept, file, {"format": "pt"})
    with pytest.raises(
        UsageError, match=r"lacks 4 weights that its config\.json asks for, such as .*h\.1\.mlp"
    ):
        base.load_model(model, CPU, "none")


def test_the_tokenizer_of_another_model_is_refused(stored, tokenizer):
    model = stored(gpt2(len(tokenizer) // 2))
    tokens = tokenize(SAMPLES, base.load_tokenizer(model), 64)
    with pytest.raises(UsageError, match=r"weights know \d+ tokens: they are not of one model"):
        check_vocabulary(base.load_model(model, CPU, "none"), tokens)


@pytest.mark.parametrize("precision", [torch.float16, torch.bfloat16])
def test_gradients_are_scaled_where_products_are_of_16_bits(stored, tokenizer, monkeypatch, precision):
    # As with 4 bits: what can be trained, and all else that is not of 4 bits, is kept in float32.
    adapter = add_adapter(base.load_model(stored(gpt2(len(tokenizer))), CPU, "none"), RECIPE)
    monkeypatch.setattr(base, "precision", lambda device: precision)
    assert Trainer(adapter, RECIPE, CPU).scaler.is_enabled() == (precision == torch.float16)


def test_a_hub_that_fails_without_a_word_is_told(monkeypatch):
    asked = {}

    def fail(name, **options):
        asked.update(options)
        raise TimeoutError

    monkeypatch.setattr("huggingface_hub.snapshot_download", fail)
    monkeypatch.delenv("MLOPS_BUCKET_DATASETS", raising=False)
    values = {"base_dir": None, "datasets_bucket": None}
    with pytest.raises(StepError, match="nor can it be downloaded: TimeoutError"):
        base.obtain(values, "distilbert/distilgpt2", "0" * 40).__enter__()
    assert json.dumps(asked["ignore_patterns"]) == '["consolidated*"]'
