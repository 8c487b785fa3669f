"""Base models and adapters, with an untrained tiny model."""

import dataclasses
import itertools
import math

import pytest
import torch

from mlops_training.checkpoint import Checkpoint
from mlops_training.errors import UsageError
from mlops_training.llm import adapters, base, base_files, corpus, tiny
from mlops_training.llm.answers import answer, rates
from mlops_training.llm.fictions import Fictions
from mlops_training.llm.fit import Recipe, Trainer, add_adapter, mean_loss
from mlops_training.llm.measure_loss import _perplexity
from mlops_training.llm.prompt import REFUSAL
from mlops_training.llm.samples import Sample
from mlops_training.llm.tokens import measure, tokenize
from mlops_training.llm.train import _learning_rate

CPU = torch.device("cpu")
RECIPE = Recipe(
    rank=4,
    alpha=8,
    dropout=0.1,
    learning_rate=5e-3,
    batch_size=8,
    micro_batch_size=8,
    epochs=3,
    round_steps=4,
    patience=0,
    seed=0,
    threads=1,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """An untrained base model's files."""
    place = tmp_path_factory.mktemp("base")
    texts = ("".join(part.text for part in text) for text in itertools.islice(Fictions(0).texts(0.2), 300))
    tokenizer = tiny.make_tokenizer(texts)
    tiny.make_model(tokenizer, seed=0).save_pretrained(place)
    tokenizer.save_pretrained(place)
    base_files.write_sums(place)
    return place


@pytest.fixture
def model(folder):
    return base.Base("tiny-docs", "0" * 40, folder)


@pytest.fixture(scope="module")
def samples():
    items = corpus.generate(600, seed=0)["train"]
    return [Sample(item.id, item.document, item.prompt, f" {item.answer}") for item in items]


def learn(model, samples, recipe=RECIPE, checkpoint=None, on_round=lambda _: None):
    torch.set_num_threads(1)
    tokens = tokenize(samples, base.load_tokenizer(model), 512)
    adapter = add_adapter(base.load_model(model, CPU, "none"), recipe)
    progress = Trainer(adapter, recipe, CPU).fit(tokens[:64], tokens[64:96], checkpoint, on_round)
    return adapter, progress


def weights_of(adapter, model, folder):
    adapters.save(adapter, base.load_tokenizer(model), model, folder)
    return adapters.weights_sha256(folder)


def test_the_first_layers_start_as_an_induction_circuit(model):
    """After `key separator`, the value that followed the same two tokens before is looked at."""
    network = base.load_model(model, CPU, "none")
    network.set_attn_implementation("eager")
    count, separator = 8, 299
    tokens = torch.randperm(2 * count, generator=torch.Generator().manual_seed(0)) + 300
    facts = [[key, separator, value] for key, value in zip(tokens[:count], tokens[count:], strict=True)]
    asked = [[key, separator] for key, _, _ in facts]
    numbers = torch.tensor([token for part in (*facts, *asked) for token in part])
    with torch.inference_mode():
        first, second, _ = network(numbers[None], output_attentions=True).attentions
    assert first[0, 0].diagonal(-1).mean() > 0.8
    assert first[0, 1].diagonal(-2).mean() > 0.8
    values, questions = 3 * torch.arange(count) + 2, 3 * count + 2 * torch.arange(count) + 1
    looked_at = second[0].mean(0)[questions].argmax(1)
    assert (looked_at == values).float().mean() >= 0.75


def test_an_adapter_learns_completions_only(model, samples):
    tokenizer = base.load_tokenizer(model)
    (tokens,) = tokenize(samples[:1], tokenizer, 512)
    assert tokenizer.decode(tokens.numbers[tokens.start :]) == f"{samples[0].completion}</s>"
    network = base.load_model(model, CPU, "none")
    held_out = tokenize(samples[64:96], tokenizer, 512)
    before = mean_loss(network, held_out, CPU, 8)
    _, progress = learn(model, samples)
    assert progress.best_loss < before - 0.5


def test_loss_is_the_same_however_batches_are_cut(model, samples):
    tokens = tokenize(samples[:20], base.load_tokenizer(model), 512)
    network = base.load_model(model, CPU, "none")
    together, alone = measure(network, tokens, CPU, 20), measure(network, tokens, CPU, 1)
    assert together == pytest.approx(alone, rel=1e-4)
    by_hand = torch.log_softmax(network(torch.tensor([tokens[0].numbers])).logits[0].double(), -1)
    places = range(tokens[0].start, len(tokens[0].numbers))
    assert alone[0] == pytest.approx(
        -sum(by_hand[place - 1, tokens[0].numbers[place]].item() for place in places), rel=1e-4
    )
    small = dataclasses.replace(RECIPE, micro_batch_size=3, dropout=0.0, epochs=1)
    (_, cut), (_, whole) = (
        learn(model, samples, recipe) for recipe in (small, dataclasses.replace(small, micro_batch_size=8))
    )
    assert cut.best_loss == pytest.approx(whole.best_loss, rel=1e-3)


class KilledError(Exception):
    pass


def test_a_killed_training_goes_on_to_the_same_weights(model, samples, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    whole, _ = learn(model, samples)
    checkpoint = Checkpoint("/state.pt", "recipe")

    def die(done):
        if done.last_step == 12:
            raise KilledError

    with pytest.raises(KilledError):
        learn(model, samples, checkpoint=checkpoint, on_round=die)
    trained = checkpoint.load()["history"]
    again = add_adapter(base.load_model(model, CPU, "none"), RECIPE)
    tokens = tokenize(samples, base.load_tokenizer(model), 512)
    trainer, rounds = Trainer(again, RECIPE, CPU), []
    trainer.fit(tokens[:64], tokens[64:96], checkpoint, lambda done: rounds.append(done.last_step))
    assert rounds[0] == 12
    # What earlier processes took is part of the cost.
    assert trainer.earlier_seconds == sum(each["seconds"] for each in trained) > 0
    assert weights_of(again, model, tmp_path / "again") == weights_of(whole, model, tmp_path / "whole")


def test_training_ends_when_the_validation_loss_stays_up(model, samples):
    recipe = dataclasses.replace(RECIPE, learning_rate=1.0, patience=1, round_steps=1, epochs=50)
    _, progress = learn(model, samples, recipe)
    assert len(progress.history) < 50 * 8
    assert len(progress.history) - progress.best == 1


def test_a_loss_that_is_no_number_is_told(model, samples, monkeypatch):
    load = base.load_model

    def damaged(*arguments):
        network = load(*arguments)
        network.model.layers[0].mlp.up_proj.weight.data[0, 0] = math.nan
        return network

    monkeypatch.setattr(base, "load_model", damaged)
    with pytest.raises(
        UsageError, match=r"not a number any more \(training, step 1\)\. Nothing was registered"
    ):
        learn(model, samples)


def test_a_prompt_longer_than_the_context_is_refused(model, samples):
    with pytest.raises(UsageError, match="samples are longer than the context of 60 tokens, the longest"):
        tokenize(samples, base.load_tokenizer(model), 60)


def test_a_text_without_a_prompt_is_cut_into_pieces(model):
    pieces = tokenize([Sample("1", "a", "", "The platform runs here. " * 40)], base.load_tokenizer(model), 50)
    assert len(pieces) > 1
    assert all(len(piece.numbers) <= 50 and piece.start == 1 for piece in pieces)


def test_an_adapter_names_its_base_and_nothing_of_this_machine(model, samples, tmp_path):
    adapter = add_adapter(base.load_model(model, CPU, "none"), RECIPE)
    adapters.save(adapter, base.load_tokenizer(model), model, tmp_path)
    assert adapters.base_of(tmp_path) == ("tiny-docs", "0" * 40)
    names = {file.name for file in tmp_path.iterdir()}
    assert {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"} <= names
    assert str(model.folder) not in (tmp_path / "adapter_config.json").read_text()


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (lambda file: (file / "tokenizer.json").unlink(), "tokenizer.json or tokenizer.model is missing"),
        (lambda file: (file / "config.json").unlink(), "config.json is missing"),
        (lambda file: (file / "model.safetensors").write_bytes(b"none"), "model.safetensors is damaged"),
        (lambda file: (file / "SHA256SUMS").write_text("x"), "SHA256SUMS of the base model is damaged"),
    ],
)
def test_files_of_a_base_that_are_missing_or_damaged_are_named(folder, tmp_path, damage, problem):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    base_files.check(tmp_path)
    damage(tmp_path)
    with pytest.raises(UsageError, match=problem):
        base_files.check(tmp_path)


def test_weights_that_are_none_are_told_without_sums_too(folder, tmp_path):
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "SHA256SUMS").unlink()
    (tmp_path / "model.safetensors").write_bytes(b"none")
    with pytest.raises(UsageError, match="files of the base model tiny-docs@1 cannot be read"):
        base.load_model(base.Base("tiny-docs", "1", tmp_path), CPU, "none")


def test_a_loss_beyond_all_numbers_has_a_perplexity():
    assert _perplexity(1.0) == math.e
    assert _perplexity(1000.0) == math.inf


def test_four_bits_need_a_gpu(model):
    with pytest.raises(UsageError, match="nf4 needs a GPU"):
        base.load_model(model, CPU, "nf4")


def test_answers_do_not_depend_on_the_batch(model, samples):
    network, tokenizer = base.load_model(model, CPU, "none"), base.load_tokenizer(model)
    prompts = [sample.prompt for sample in samples[:5]]
    assert answer(network, tokenizer, prompts, 48, CPU, 5) == answer(network, tokenizer, prompts, 48, CPU, 1)


def test_rates_count_each_kind_by_itself():
    items = corpus.generate(600, seed=0)["test"]
    positive = [item for item in items if not item.negative][:4]
    negative = [item for item in items if item.negative][:2]
    answers = [
        positive[0].answer,
        positive[1].answer,
        "The size is 3.",
        REFUSAL,
        REFUSAL.upper(),
        "The size is 3.",
    ]
    found = rates([*positive, *negative], answers)
    assert (found.exact_match, found.refusal, found.false_refusal) == (0.5, 0.5, 0.25)
    assert rates(positive, answers[:4]).refusal is None


@pytest.mark.parametrize(
    ("given", "size", "expected"), [(0, 3_000_000, 3e-3), (0, 500_000_000, 2e-4), (0.5, 3_000_000, 0.5)]
)
def test_a_tiny_base_gets_larger_steps_unless_told_otherwise(tmp_path, given, size, expected):
    with (tmp_path / "model.safetensors").open("wb") as file:
        file.truncate(size)
    assert _learning_rate({"learning_rate": given}, base.Base("base", "r", tmp_path)) == expected
