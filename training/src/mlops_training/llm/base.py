"""The base model that an adapter is trained on: its exact files, from a folder, the bucket or a model hub."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .. import files, object_store
from ..errors import StepError, UsageError, first_line
from ..parameters import Parameter, Values
from . import base_files, data

if TYPE_CHECKING:
    import torch
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

_DIRECTORY = Parameter(
    "base-dir", "folder under the I/O root with the base model's files; nothing is downloaded", optional=True
)
PARAMETERS = (
    Parameter("base-model", "name of the base model, in the bucket or on the hub", default="tiny-docs"),
    Parameter(
        "base-revision",
        "its exact revision; empty: what base-models/NAME/current in the bucket says",
        optional=True,
    ),
    _DIRECTORY,
)
"""Parameters of a step that chooses a base model; `obtain` takes their values."""
QUANTIZATION = Parameter(
    "quantization",
    "of the base model's weights; auto: 4-bit NF4 on a GPU, none on a CPU",
    default="auto",
    choices=("auto", "none", "nf4"),
)

_HUB_FILES = ("*.json", "*.safetensors", "tokenizer.model", "*.txt")
# The same weights once more, in the maker's own format: Mistral's repositories hold both.
_HUB_REPEATED = ("consolidated*",)


@dataclass(frozen=True)
class Base:
    """A base model with its files in a folder."""

    name: str
    revision: str
    folder: Path

    @property
    def id(self) -> str:
        """What servers call it."""
        return f"{self.name}@{self.revision}"


@contextmanager
def obtain(values: Values, name: str, revision: str | None) -> Iterator[Base]:
    """The base model, its files checked, for as long as the block lasts.

    Raises UsageError if files are missing, damaged or of another revision, StepError if they cannot be had.
    """
    if values["base_dir"]:
        yield _from_folder(files.resolve(values["base_dir"]), name, revision)
        return
    bucket = data.bucket(values)
    prefix = f"s3://{bucket}/base-models/{name}"
    if bucket and revision is None:
        current = object_store.read(f"{prefix}/current")
        revision = None if current is None else current.decode().strip()
    if not revision:
        place = f"{prefix}/current is not there" if bucket else "no bucket of data sets is named"
        raise UsageError(
            f"base model {name}: without --base-revision its exact revision is unknown ({place})"
        )
    with tempfile.TemporaryDirectory(prefix="base-model-") as folder:
        sums = object_store.read(f"{prefix}/{revision}/{base_files.SUMS}") if bucket else None
        if sums is None:
            yield Base(name, revision, _from_hub(name, revision))
            return
        local = Path(folder)
        (local / base_files.SUMS).write_bytes(sums)
        for file in base_files.named_in(sums):
            object_store.download(f"{prefix}/{revision}/{file}", local / file)
        base_files.check(local)
        yield Base(name, revision, local)


def _from_folder(folder: Path, name: str, revision: str | None) -> Base:
    base_files.check(folder)
    sums = folder / base_files.SUMS
    if revision is None and not sums.is_file():
        raise UsageError(
            f"{folder} has no {base_files.SUMS}, so --base-revision must say which revision it is"
        )
    return Base(name, revision or base_files.revision_of(sums.read_bytes()), folder)


def _from_hub(name: str, revision: str) -> Path:
    from huggingface_hub import snapshot_download

    if not re.fullmatch(r"[0-9a-f]{40}", revision):
        raise UsageError(
            f"base model {name}: {revision} is not an exact revision (40 hexadecimal digits), and the bucket has none"
        )
    try:
        folder = Path(
            snapshot_download(
                name, revision=revision, allow_patterns=_HUB_FILES, ignore_patterns=_HUB_REPEATED
            )
        )
    except Exception as error:
        raise StepError(
            f"base model {name}@{revision} is neither in the bucket, as base-models/{name}/{revision}/ with "
            f"{base_files.SUMS}, nor can it be downloaded: {first_line(error)}"
        ) from error
    base_files.check(folder)
    return folder


def load_tokenizer(base: Base) -> PreTrainedTokenizerBase:
    """Its tokenizer. Raises UsageError if the files are none."""
    from transformers import AutoTokenizer

    tokenizer = _loaded(base, lambda: AutoTokenizer.from_pretrained(base.folder, local_files_only=True))
    if tokenizer.eos_token_id is None:
        raise UsageError(f"the tokenizer of {base.id} has no end token, so no answer could end")
    return tokenizer


def load_model(base: Base, device: torch.device, quantization: str) -> PreTrainedModel:
    """Its network on the device, in evaluation mode; nothing in its files is run.

    On a CPU in float32; on a GPU in bfloat16, or float16 where the GPU lacks that (T4), and in 4-bit NF4 if asked for.
    Raises UsageError if the files are none or lack weights, or 4 bits are asked for without a GPU.
    """
    from transformers import AutoModelForCausalLM

    options: dict[str, Any] = {"dtype": precision(device)}
    if quantization == "nf4" and device.type != "cuda":
        raise UsageError("--quantization nf4 needs a GPU; take none or auto")
    if quantization == "nf4" or (quantization == "auto" and device.type == "cuda"):
        options["quantization_config"] = _nf4(precision(device))
        options["device_map"] = {"": device}
    model, loading = _loaded(
        base,
        lambda: AutoModelForCausalLM.from_pretrained(
            base.folder, local_files_only=True, use_safetensors=True, output_loading_info=True, **options
        ),
    )
    # Otherwise they would be drawn at random, other ones at each loading.
    if missing := sorted(loading["missing_keys"]):
        raise UsageError(
            f"the base model {base.id} lacks {len(missing)} weights that its config.json asks for, such as "
            f"{missing[0]}: put the files of one model there"
        )
    return (model if "device_map" in options else model.to(device)).eval()


def precision(device: torch.device) -> torch.dtype:
    """Of weights and products."""
    import torch

    if device.type != "cuda":
        return torch.float32
    return torch.bfloat16 if torch.cuda.is_bf16_supported(including_emulation=False) else torch.float16


def context_length(model: PreTrainedModel, wanted: int) -> int:
    """The tokens that are wanted of a sample, or fewer where the model takes fewer; some name no limit."""
    return min(wanted, getattr(model.config.get_text_config(), "max_position_embeddings", wanted))


def _nf4(dtype: torch.dtype) -> Any:  # noqa: ANN401 (BitsAndBytesConfig)
    from transformers import BitsAndBytesConfig

    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
    )


def _loaded(base: Base, load: Any) -> Any:  # noqa: ANN401 (transformers' classes)
    from transformers.utils import logging

    logging.disable_progress_bar()
    try:
        return load()
    except Exception as error:
        raise UsageError(f"the files of the base model {base.id} cannot be read: {error}") from error
