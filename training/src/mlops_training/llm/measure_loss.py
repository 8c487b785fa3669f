"""Step `llm.measure_loss`: what gate `loss` decides on. It measures and decides nothing."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from .. import registered, tracking
from ..errors import UsageError, run_step
from ..files import write_json, write_output
from ..parameters import Command, Parameter, Values, output
from . import adapters, base, data
from .base import Base

if TYPE_CHECKING:
    from pathlib import Path

    import torch

    from .samples import TextSplits

COMMAND = Command(
    "llm.measure_loss",
    "Measures held-out completions under a registered adapter, and in the same tokens under its base model alone.",
    (
        Parameter("registered-model", "name in MLflow's registry", default="docs-assistant-adapter"),
        Parameter("model-version", "number of the version", "integer", minimum=1),
        *(
            Parameter(each.name, each.help, optional=True) if each.name == "base-model" else each
            for each in base.PARAMETERS
        ),
        *data.PARAMETERS,
        Parameter(
            "context-length",
            "most tokens of a sample, the base model's at most",
            "integer",
            default=512,
            minimum=8,
        ),
        Parameter("batch-size", "samples at once", "integer", default=32, minimum=1, maximum=65_536),
        base.QUANTIZATION,
        Parameter("device", "where to measure", default="auto", choices=("auto", "cpu", "cuda")),
        Parameter("threads", "CPU threads; 0: one a core", "integer", default=0, minimum=0, maximum=512),
        output("measurements", "JSON file, gate loss, see README.md"),
        output("loss", "of the adapter, in nats a token"),
        output("base-loss", "of the base model, in nats a token"),
    ),
)


def measure_loss(values: Values) -> None:
    """The step."""
    splits = data.load(values)
    client = tracking.client()
    with (
        tracking.told_clearly("measuring"),
        adapters.downloaded(client, values["registered_model"], str(values["model_version"])) as (
            found,
            folder,
        ),
    ):
        name, revision = adapters.base_of(folder)
        _check_base(name, revision, (values["base_model"] or name, values["base_revision"] or revision))
        # A folder says itself which revision it is, if nobody else does.
        stated = values["base_revision"] if values["base_dir"] else revision
        with base.obtain(values, name, stated) as model:
            _check_base(name, revision, (model.name, model.revision))
            samples = _measure(values, splits, model, folder)
        candidate, alone = (_loss(samples, which) for which in ("candidate", "base"))
        if math.isfinite(candidate):
            run = tracking.TrackedRun(client, client.get_run(found.run_id))
            run.metrics(
                {"test_loss": candidate, "test_base_loss": alone, "test_perplexity": _perplexity(candidate)}
            )
    write_json(
        values["output_measurements"],
        {
            "schema": 1,
            **registered.describe(found),
            "base": {"name": name, "revision": revision},
            "data": registered.describe_data(splits),
            "samples": samples,
        },
    )
    write_output(values["output_loss"], str(candidate))
    write_output(values["output_base_loss"], str(alone))
    print(
        f"{found.uri}: {candidate:.4f} nats a token of {len(samples)} completions; {name}@{revision} alone: {alone:.4f}"
    )


def _check_base(name: str, revision: str, wanted: tuple[str, str]) -> None:
    if wanted != (name, revision):
        raise UsageError(
            f"the adapter was trained on {name}@{revision}, asked for is {'@'.join(wanted)}: on another base "
            "it answers nonsense. Name its own base model, or train it again."
        )


def _measure(values: Values, splits: TextSplits, model: Base, folder: Path) -> list[dict[str, Any]]:
    from .. import determinism
    from .tokens import check_vocabulary, measure, tokenize

    device = determinism.prepare(values["device"], values["threads"], strict=False)
    tokenizer = base.load_tokenizer(model)
    network = _with_adapter(model, folder, device, values["quantization"])
    limit = base.context_length(network, values["context_length"])
    tokens = tokenize(splits.test, tokenizer, limit)
    check_vocabulary(network, tokens)
    size = values["batch_size"]
    candidate = measure(network, tokens, device, size)
    with network.disable_adapter():
        alone = measure(network, tokens, device, size)
    return [
        {
            "document": each.sample.document,
            "tokens": each.learnt,
            "candidate": _finite(one),
            "base": _finite(other),
        }
        for each, one, other in zip(tokens, candidate, alone, strict=True)
    ]


def _with_adapter(model: Base, folder: Path, device: torch.device, quantization: str) -> Any:  # noqa: ANN401 (PeftModel)
    from peft import PeftModel

    network = base.load_model(model, device, quantization)
    try:
        return PeftModel.from_pretrained(network, folder, torch_device=str(device)).eval()
    except Exception as error:
        raise UsageError(f"the adapter does not fit its base model {model.id}: {error}") from error


def _finite(loss: float) -> float | None:
    """JSON has no NaN; and a likelihood's logarithm is rounded to above 0 at times."""
    return max(0.0, loss) if math.isfinite(loss) else None


def _perplexity(loss: float) -> float:
    """The loss's exponential, which a large one has none of as a number."""
    try:
        return math.exp(loss)
    except OverflowError:
        return math.inf


def _loss(samples: list[dict[str, Any]], which: str) -> float:
    """Nats a token; NaN if one was not finite."""
    losses = [sample[which] for sample in samples]
    if None in losses:
        return math.nan
    return sum(losses) / sum(sample["tokens"] for sample in samples)


if __name__ == "__main__":
    run_step(COMMAND, measure_loss)
