"""The corpus: what is in it, how it is split, and what of it is refused."""

import dataclasses
import io
import json
import random
import re
import zipfile

import pytest

from mlops_training.errors import UsageError
from mlops_training.llm import corpus, data
from mlops_training.llm.evaluation_samples import draw
from mlops_training.llm.prompt import REFUSAL, is_refusal, make_prompt
from mlops_training.llm.samples import SPLITS, Sample, TextSplits


@pytest.fixture(scope="module")
def made():
    return corpus.generate(8000, seed=0)


def test_the_corpus_is_large_and_a_part_has_no_answer(made):
    items = [item for split in SPLITS for item in made[split]]
    assert len(items) >= 6000
    for split in SPLITS:
        assert sum(item.negative for item in made[split]) >= 0.15 * len(made[split])
    # The loss gate draws whole documents.
    assert len({item.document for item in made["test"]}) >= 30


PLACE = {"dataset_version": "v1", "datasets_bucket": None, "data_dir": "/data"}


def test_equal_seeds_give_equal_corpora(made):
    sums = corpus.to_splits(made, "v1").sha256()
    assert corpus.to_splits(corpus.generate(8000, seed=0), "v1").sha256() == sums
    assert corpus.to_splits(corpus.generate(8000, seed=1), "v1").sha256() != sums


def test_an_answer_stands_in_its_passage_and_a_negative_has_none(made):
    for item in made["test"]:
        assert item.prompt == make_prompt(item.context, item.question)
        fact = item.answer.removeprefix("The ")
        assert item.negative == (fact not in item.context) == is_refusal(item.answer)
        asked = re.search(r"what is the (.+?)( of |\?)", item.question, re.IGNORECASE)[1].split()
        said = re.findall(r" (?:The|Its) (.+?) is ", item.context)
        assert item.negative == (not any(set(asked) <= set(attribute.split()) for attribute in said))


def test_no_text_is_in_two_splits(made):
    contexts = {split: {item.context for item in made[split]} for split in SPLITS}
    assert not contexts["train"] & (contexts["validation"] | contexts["test"])


def test_what_cannot_be_used_is_told_all_at_once():
    one = Sample("1", "a", "What?", " This.")
    other = dataclasses.replace(one, id="2", prompt="what? ", document="b")
    third = Sample("3", "b", "Where?", " Here.")
    with pytest.raises(UsageError) as error:
        TextSplits("docs-qa", "v1", [one, one], [other, third], []).check()
    message = str(error.value)
    assert "the test split is empty" in message
    assert "1 samples are both in train and validation, such as that of 1 (a)" in message
    assert "1 ids are more than once in train" in message
    with pytest.raises(UsageError, match="documents are both in validation and test"):
        TextSplits("docs-qa", "v1", [one], [third], [dataclasses.replace(third, id="4", prompt="X")]).check()


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"answer": ""}, "answer must be a text"),
        ({"negative": "no"}, "negative must be true or false"),
        ({"negative": True}, "the answer of negatives"),
        ({"answer": REFUSAL}, "the answer of negatives"),
        ({"prompt": "Other"}, "prompt is not what"),
        ({"context": None}, "context must be a text"),
        ({"question": "\ud800"}, "'utf-8' codec can't encode"),
    ],
)
def test_lines_that_are_no_items_are_named(made, change, problem):
    item = next(item for item in made["test"] if not item.negative)
    lines = [json.dumps(dataclasses.asdict(item)), json.dumps({**dataclasses.asdict(item), **change}), "{"]
    with pytest.raises(UsageError) as error:
        corpus.from_lines("\n".join(lines).encode(), "test.jsonl")
    assert f"test.jsonl, line 2: {problem}" in str(error.value)
    assert "line 3: " in str(error.value)


def test_lines_are_read_as_they_were_written(made):
    assert corpus.from_lines(corpus.to_lines(made["test"]), "test.jsonl") == made["test"]


def test_lines_end_where_json_lines_end():
    page = corpus.Page("d", "Name", {"a": "one\u2028two", "b": "one\x85two"})
    item = corpus.make_item(page, random.Random(0), ["a", "b"], negative=False)
    lines = corpus.to_lines([item])
    written = b"\xef\xbb\xbf" + lines.replace(b"\n", b"\r\n") + b"\r\n"
    assert corpus.from_lines(written, "test.jsonl") == [item]
    with pytest.raises(UsageError, match="line 1: 'utf-8' codec can't decode"):
        corpus.from_lines(lines.replace(b"one", b"\xff"), "test.jsonl")


def test_a_passage_in_two_splits_is_refused_whatever_its_document(made, tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    place = tmp_path / "data" / "docs-qa" / "v1"
    place.mkdir(parents=True)
    leaked = {**made, "train": [*made["train"], asked_again(made["test"][0])]}
    values = {**PLACE, "dataset": "docs-qa"}
    for corpus_of, problem in (
        (made, None),
        (leaked, "1 questions have a passage of another split, such as"),
    ):
        for split in SPLITS:
            (place / f"{split}.jsonl").write_bytes(corpus.to_lines(corpus_of[split]))
        if problem is None:
            assert len(data.load(values).train) == len(made["train"])
            continue
        with pytest.raises(UsageError, match=problem):
            data.load(values)


def asked_again(item):
    """Another question about the same passage, said to be of another document."""
    question = "What else?"
    context = f" {item.context.upper()}"
    prompt = make_prompt(context, question)
    return corpus.Item("again", "another", context, question, REFUSAL, True, prompt)


def test_samples_for_evaluation_hold_enough_negatives(made):
    drawn = draw(made["test"], 1200, seed=0)
    assert len({item.id for item in drawn}) == 1200
    assert sum(item.negative for item in drawn) >= 180
    few = [item for item in made["test"] if not item.negative] + [i for i in made["test"] if i.negative][:40]
    assert sum(item.negative for item in draw(few, 200, seed=0)) == 30
    with pytest.raises(UsageError, match="without an answer wanted, the test split has 40"):
        draw(few, 1200, seed=0)


def test_articles_are_cut_at_headings_and_paragraphs():
    text = (
        " \n = Robert = \n \n A first line .\n = = Career = = \n More .\n"
        + " Long . " * 200
        + "\n = Other = \n End .\n"
    )
    samples = data.articles(text)
    assert [sample.document for sample in samples] == ["Robert", "Other"]
    assert samples[0].completion.startswith("A first line .\n= = Career = =\nMore .\n")
    assert all(sample.prompt == "" for sample in samples)


def wikitext(**texts):
    """The archive, as its makers pack it."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as members:
        for split in ("train", "valid", "test"):
            members.writestr(f"wikitext-2-raw/wiki.{split}.raw", texts[split])
    return archive.getvalue()


def article(title, text):
    return f" \n = {title} = \n \n {text} \n"


@pytest.fixture
def load_wikitext(tmp_path, monkeypatch):
    monkeypatch.setenv("MLOPS_IO_ROOT", str(tmp_path))
    place = tmp_path / "data" / "wikitext-2" / "v1"
    place.mkdir(parents=True)

    def load(content):
        (place / "wikitext-2-raw-v1.zip").write_bytes(content)
        return data.load({**PLACE, "dataset": "wikitext-2"})

    return load


def test_what_two_official_splits_share_is_in_the_later_one_only(load_wikitext):
    # As many articles do, these end with a heading whose list was left out.
    end = " \n = = Major intersections = = \n"
    long = "A long paragraph . " * 50
    splits = load_wikitext(
        wikitext(
            train=article("Oslo", f"Oslo . {long}") + end + article("Rome", "Once ."),
            valid=article("Bern", f"Bern . {long}")
            + end
            + article("Rome", "Twice .")
            + article("Same", "A ."),
            test=article("Kyiv", f"Kyiv . {long}") + end + article("Also", "a  .") + article("Again", "A ."),
        )
    )
    documents = {split: [sample.document for sample in splits.part(split)] for split in SPLITS}
    assert documents == {"train": ["Oslo"], "validation": ["Bern", "Rome"], "test": ["Kyiv", "Also"]}
    assert not any("intersections" in sample.completion for split in SPLITS for sample in splits.part(split))


def test_a_damaged_archive_is_told_wherever_it_is_damaged(load_wikitext):
    texts = {split: article(split, f"All of {split} . " * 20) for split in ("train", "valid", "test")}
    whole = wikitext(**texts)
    sums = load_wikitext(whole).sha256()
    refused = 0
    for place in range(len(whole)):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        try:
            assert load_wikitext(bytes(damaged)).sha256() == sums
        except UsageError:
            refused += 1
    assert refused > len(whole) / 2
