"""The corpus: what is in it, how it is split, and what of it is refused."""

import dataclasses
import json
import re

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
