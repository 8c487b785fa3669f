"""Data sets of language models behind one interface: questions on our documentation, and plain text."""

from __future__ import annotations

import hashlib
import io
import os
import re
import zipfile
import zlib
from collections.abc import Mapping

from ..datasets.source import Source
from ..errors import UsageError
from ..parameters import Parameter, Values
from . import corpus
from .samples import SPLITS, Sample, TextSplits, normalized, normalized_text

WIKITEXT = "wikitext-2"

_PLACE = (
    Parameter("dataset-version", "folder of the data set in the bucket", default="v1"),
    Parameter(
        "datasets-bucket",
        "bucket that holds NAME/VERSION/FILE and base models; without it MLOPS_BUCKET_DATASETS",
        optional=True,
    ),
    Parameter("data-dir", "folder under the I/O root that holds NAME/VERSION/FILE instead", optional=True),
)
QUESTIONS_PARAMETERS = (
    Parameter("dataset", "data set", default=corpus.NAME, choices=(corpus.NAME,)),
    *_PLACE,
)
"""Parameters of steps that need questions; `load_corpus` takes their values."""
PARAMETERS = (
    Parameter("dataset", "data set", default=corpus.NAME, choices=(corpus.NAME, WIKITEXT)),
    *_PLACE,
)
"""Parameters of steps that read any data; `load` takes their values."""

_REMEDY = "Make the data set with llm.make_corpus, or put the file into the bucket of data sets as {path}."
_WIKITEXT_FILE = "wikitext-2-raw-v1.zip"
_WIKITEXT_MEMBERS = {"train": "wiki.train.raw", "validation": "wiki.valid.raw", "test": "wiki.test.raw"}
_HEADING = re.compile(r"^ = ([^=].*[^=]) = $")
# Characters after which a sample of an article ends with its paragraph.
_SAMPLE_LENGTH = 800


def bucket(values: Values) -> str | None:
    """The bucket of data sets and base models, if there is one."""
    return values["datasets_bucket"] or os.environ.get("MLOPS_BUCKET_DATASETS")


def load(values: Values) -> TextSplits:
    """The data set that a step's parameters name, checked.

    Raises StepError if its files cannot be had, UsageError if they hold what the data set cannot.
    """
    if values["dataset"] == WIKITEXT:
        return _wikitext(_source(values))
    return corpus.to_splits(load_corpus(values), values["dataset_version"])


def load_corpus(values: Values) -> corpus.Corpus:
    """The questions, schema and passages checked; `corpus.to_splits` checks the rest. Raises as `load` does."""
    source = _source(values)
    loaded = {
        split: corpus.from_lines(source.read(f"{split}.jsonl", None, None), f"{split}.jsonl")
        for split in SPLITS
    }
    _check_passages(loaded)
    return loaded


def _check_passages(loaded: corpus.Corpus) -> None:
    """Raises UsageError if a passage is in two splits, of two documents; a document in two is told by `to_splits`."""
    seen: dict[str, tuple[str, str]] = {}
    shared: list[str] = []
    for split in SPLITS:
        for item in loaded[split]:
            passage = normalized_text(item.context)
            first, document = seen.setdefault(passage, (split, item.document))
            if first != split and document != item.document:
                shared.append(f"that of {item.id} ({item.document}), in {first} of {document}")
    if shared:
        raise UsageError(
            f"{len(shared)} questions have a passage of another split, such as {shared[0]}: put all questions about a "
            "passage into one split"
        )


def _source(values: Values) -> Source:
    return Source(values["dataset"], values["dataset_version"], bucket(values), values["data_dir"], _REMEDY)


def _wikitext(source: Source) -> TextSplits:
    content = source.read(_WIKITEXT_FILE, None, None)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            members = {name.rpartition("/")[2]: name for name in archive.namelist()}
            texts = {split: archive.read(members[file]).decode() for split, file in _WIKITEXT_MEMBERS.items()}
    # RuntimeError: it is encrypted, or compressed in a way that Python does not know.
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, KeyError, ValueError) as error:
        raise UsageError(f"{_WIKITEXT_FILE} is not the archive of WikiText-2 (raw): {error}") from error
    return TextSplits(source.name, source.version, **_kept_apart(texts)).check()


def _kept_apart(texts: Mapping[str, str]) -> dict[str, list[Sample]]:
    """Samples by split. Of what is in two official splits, the later one keeps it, so that test sets stay whole."""
    documents: set[str] = set()
    contents: set[str] = set()
    parts: dict[str, list[Sample]] = {}
    for split in reversed(SPLITS):
        read = articles(texts[split])
        parts[split] = [
            each for each in read if each.document not in documents and normalized(each) not in contents
        ]
        documents.update(each.document for each in read)
        contents.update(normalized(each) for each in read)
    return parts


def _is_heading(paragraph: str) -> bool:
    return paragraph.startswith("= ") and paragraph.endswith(" =\n")


def articles(text: str) -> list[Sample]:
    """Samples of some paragraphs each, of articles that begin with a heading ` = TITLE = `; each text once.

    Headings with nothing below them, as many articles end, are no text: they are the same in one article as in others.
    """
    samples: dict[str, Sample] = {}
    title, paragraphs = "untitled", []

    def finish() -> None:
        if not all(map(_is_heading, paragraphs)):
            whole = "".join(paragraphs)
            number = hashlib.sha256(whole.encode()).hexdigest()[:16]
            sample = Sample(number, title, "", whole)
            samples.setdefault(normalized(sample), sample)
        paragraphs.clear()

    for line in text.splitlines():
        if heading := _HEADING.match(line):
            finish()
            title = heading[1]
        elif line.strip():
            paragraphs.append(f"{line.strip()}\n")
            if sum(map(len, paragraphs)) >= _SAMPLE_LENGTH:
                finish()
    finish()
    return list(samples.values())
