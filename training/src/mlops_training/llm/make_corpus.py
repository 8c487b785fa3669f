"""Step `llm.make_corpus`: writes the data set `docs-qa`, into a folder or the bucket of data sets."""

from __future__ import annotations

import hashlib

from .. import files, object_store
from ..errors import UsageError, run_step
from ..parameters import Command, Parameter, Values, output
from . import corpus, data
from .samples import SPLITS

COMMAND = Command(
    "llm.make_corpus",
    "Writes questions about our own documentation as docs-qa/VERSION; the same that is there already is left as it is.",
    (
        *data.QUESTIONS_PARAMETERS,
        Parameter("items", "how many, about", "integer", default=8000, minimum=500, maximum=100_000),
        Parameter("seed", "of passages and questions", "integer", default=0, minimum=0),
        output("sha256", "hash of all items"),
        output("items", "number of items"),
    ),
)

_SUMS = "SHA256SUMS"


def make_corpus(values: Values) -> None:
    """The step."""
    bucket = data.bucket(values)
    if not bucket and not values["data_dir"]:
        raise UsageError("name a place: --datasets-bucket, MLOPS_BUCKET_DATASETS or --data-dir")
    made = corpus.generate(values["items"], values["seed"])
    splits = corpus.to_splits(made, values["dataset_version"])
    contents = {f"{split}.jsonl": corpus.to_lines(made[split]) for split in SPLITS}
    sums = "".join(f"{hashlib.sha256(content).hexdigest()}  {name}\n" for name, content in contents.items())
    # Readers check the files against the sums, so these come last.
    contents[_SUMS] = sums.encode()
    path = f"{corpus.NAME}/{values['dataset_version']}"
    folder = values["data_dir"]
    place = f"{folder.rstrip('/')}/{path}" if folder else f"s3://{bucket}/{path}"
    _write(place, contents)
    files.write_output(values["output_sha256"], splits.sha256())
    files.write_output(values["output_items"], str(sum(map(len, made.values()))))
    for split in SPLITS:
        items = made[split]
        negatives = sum(item.negative for item in items) / len(items)
        documents = len({item.document for item in items})
        print(
            f"{split}: {len(items)} items of {documents} documents, {negatives:.1%} without an answer",
            flush=True,
        )
    print(f"{place}: SHA-256 {splits.sha256()}")


def _write(place: str, contents: dict[str, bytes]) -> None:
    """A version never changes: raises UsageError if other files are there."""
    in_store = place.startswith("s3://")
    found = _read(f"{place}/{_SUMS}", in_store)
    if found is not None and found != contents[_SUMS]:
        raise UsageError(
            f"{place} holds other items; a version does not change: take another --dataset-version"
        )
    for name, content in contents.items():
        if found is not None and _read(f"{place}/{name}", in_store) == content:
            continue
        if in_store:
            object_store.write(f"{place}/{name}", content)
        else:
            files.write_output(f"{place}/{name}", content)


def _read(place: str, in_store: bool) -> bytes | None:
    if in_store:
        return object_store.read(place)
    file = files.resolve(place)
    return file.read_bytes() if file.is_file() else None


if __name__ == "__main__":
    run_step(COMMAND, make_corpus)
