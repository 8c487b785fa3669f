"""Training of a LoRA adapter: rounds of steps, early stopping on validation data, checkpoints."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from ..checkpoint import Checkpoint
from ..determinism import seed_for
from ..errors import UsageError
from . import base
from .tokens import Tokens, completion_losses, measure

if TYPE_CHECKING:
    from peft import PeftModel
    from transformers import PreTrainedModel

_LARGEST_GRADIENT = 1.0
_WARM_UP_SHARE = 0.05


@dataclass(frozen=True)
class Recipe:
    """All that decides an adapter's weights, given base model and data. Equal ones give equal weights on a CPU."""

    rank: int
    alpha: int
    """The adapter's product is scaled by alpha / rank."""
    dropout: float
    learning_rate: float
    """Of AdamW at its peak, after a warm-up; it falls to 0 along a cosine."""
    batch_size: int
    """Samples a step."""
    micro_batch_size: int
    """Samples that are on the device at once."""
    epochs: int
    round_steps: int
    """Steps between two looks at the validation data; 0: an epoch's."""
    patience: int
    """Rounds without a lower validation loss after which training ends; 0: never."""
    seed: int
    threads: int


@dataclass(frozen=True)
class Round:
    """Figures of some steps. Losses are nats a token of completions."""

    last_step: int
    epoch: float
    train_loss: float
    validation_loss: float
    learning_rate: float
    tokens_per_second: float
    """Tokens that the model read, prompts included."""
    seconds: float


@dataclass
class Progress:
    """State between rounds; all of it is in a checkpoint."""

    history: list[Round] = field(default_factory=list)
    best: int = 0
    """Number of the best round, from 1."""
    best_loss: float = math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def next_step(self) -> int:
        return self.history[-1].last_step if self.history else 0


def add_adapter(model: PreTrainedModel, recipe: Recipe) -> PeftModel:
    """The model with an untrained adapter at every linear layer but the last, in float32; the rest is frozen.

    Raises UsageError if its layers are of a kind that takes none.
    """
    from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training

    if getattr(model, "is_loaded_in_4bit", False):
        model = prepare_model_for_kbit_training(model, gradient_checkpointing_kwargs={"use_reentrant": False})
    # Its caches of keys and values are of no use in training.
    model.config.use_cache = False
    torch.manual_seed(seed_for(recipe.seed, "adapter"))
    config = LoraConfig(
        r=recipe.rank,
        lora_alpha=recipe.alpha,
        lora_dropout=recipe.dropout,
        target_modules="all-linear",
        bias="none",
        task_type="CAUSAL_LM",
    )
    try:
        return get_peft_model(model, config)
    except ValueError as error:
        raise UsageError(
            f"no adapter fits all linear layers of a {model.config.model_type} model: {error}"
        ) from error


class Trainer:
    """One training run on one device."""

    def __init__(self, model: PeftModel, recipe: Recipe, device: torch.device) -> None:
        self.model = model
        self.recipe = recipe
        self.device = device
        self.weights = [weights for weights in model.parameters() if weights.requires_grad]
        self.optimizer = torch.optim.AdamW(self.weights, recipe.learning_rate, weight_decay=0.0)
        # Gradients of float16 need scaling; those of bfloat16 and float32 do not. The weights do not tell: beside
        # those of 4 bits, all are kept in float32.
        self.scaler = torch.amp.GradScaler(device.type, enabled=base.precision(device) == torch.float16)
        self.progress = Progress()
        self.earlier_seconds = 0.0
        """Of training, by processes that were killed and left a checkpoint."""

    def fit(
        self,
        train: Sequence[Tokens],
        validation: Sequence[Tokens],
        checkpoint: Checkpoint | None = None,
        on_round: Callable[[Round], None] = lambda _: None,
    ) -> Progress:
        """Trains until the last step or until the validation loss stays up, from a checkpoint if there is one; the
        model then holds the weights of the best round.

        Raises UsageError if the loss is no longer a number.
        """
        saved = checkpoint.load() if checkpoint else None
        if saved is not None:
            self._restore(saved)
        each = -(-len(train) // self.recipe.batch_size)
        steps = each * self.recipe.epochs
        while self.progress.next_step < steps and not self._stopped():
            on_round(self._round(train, validation, each, steps))
            if checkpoint:
                checkpoint.save(self._state())
        _set_weights(self.model, self.progress.best_weights)
        self.model.eval()
        return self.progress

    def _stopped(self) -> bool:
        patience, progress = self.recipe.patience, self.progress
        return patience > 0 and len(progress.history) - progress.best >= patience

    def _round(self, train: Sequence[Tokens], validation: Sequence[Tokens], each: int, steps: int) -> Round:
        start = time.monotonic()
        first = self.progress.next_step
        last = min(steps, (first // each + 1) * each)
        if self.recipe.round_steps:
            last = min(last, first + self.recipe.round_steps)
        self.model.train()
        loss = learnt = read = 0.0
        rate = 0.0
        for step in range(first, last):
            batch = self._batch(train, step, each)
            rate = self.recipe.learning_rate * _schedule(step, steps)
            loss += self._step(batch, step, rate)
            learnt += sum(tokens.learnt for tokens in batch)
            read += sum(len(tokens.numbers) for tokens in batch)
        trained = time.monotonic() - start
        held_out = mean_loss(self.model, validation, self.device, self.recipe.micro_batch_size)
        if not math.isfinite(held_out):
            raise _not_a_number(last, "validation", self.recipe)
        done = Round(
            last, last / each, loss / learnt, held_out, rate, read / trained, time.monotonic() - start
        )
        progress = self.progress
        progress.history.append(done)
        if held_out < progress.best_loss:
            progress.best, progress.best_loss = len(progress.history), held_out
            progress.best_weights = _get_weights(self.model)
        return done

    def _batch(self, train: Sequence[Tokens], step: int, each: int) -> list[Tokens]:
        """All that is random follows from the step's number, so a resumed run draws the same."""
        epoch, place = divmod(step, each)
        generator = torch.Generator().manual_seed(seed_for(self.recipe.seed, "order", epoch))
        order = torch.randperm(len(train), generator=generator).tolist()
        size = self.recipe.batch_size
        return [train[index] for index in order[place * size : (place + 1) * size]]

    def _step(self, batch: list[Tokens], step: int, rate: float) -> float:
        """One step; returns the sum of the losses of the batch's learnt tokens."""
        torch.manual_seed(seed_for(self.recipe.seed, "step", step))
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        learnt = sum(tokens.learnt for tokens in batch)
        total = 0.0
        for start in range(0, len(batch), self.recipe.micro_batch_size):
            part = batch[start : start + self.recipe.micro_batch_size]
            # Divided by the tokens of the whole batch, so that each token weighs the same however it is cut.
            loss = completion_losses(self.model, part, self.device).sum() / learnt
            if not math.isfinite(loss.item()):
                raise _not_a_number(step + 1, "training", self.recipe)
            self.scaler.scale(loss).backward()
            total += loss.item()
        self.scaler.unscale_(self.optimizer)
        torch.nn.utils.clip_grad_norm_(self.weights, _LARGEST_GRADIENT)
        self.scaler.step(self.optimizer)
        self.scaler.update()
        self.optimizer.zero_grad(set_to_none=True)
        return total * learnt

    def _state(self) -> dict[str, Any]:
        progress = self.progress
        return {
            "adapter": _get_weights(self.model),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": [asdict(each) for each in progress.history],
            "best": [progress.best, progress.best_loss],
            "best_weights": progress.best_weights,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        _set_weights(self.model, state["adapter"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        best, best_loss = state["best"]
        history = [Round(**each) for each in state["history"]]
        self.progress = Progress(history, best, best_loss, state["best_weights"])
        self.earlier_seconds = sum(each.seconds for each in history)


def mean_loss(
    model: PreTrainedModel, tokens: Sequence[Tokens], device: torch.device, batch_size: int
) -> float:
    """Nats a token, each token of all completions weighing the same."""
    return sum(measure(model, tokens, device, batch_size)) / sum(each.learnt for each in tokens)


def _schedule(step: int, steps: int) -> float:
    warm_up = max(1, round(_WARM_UP_SHARE * steps))
    if step < warm_up:
        return (step + 1) / warm_up
    return (1 + math.cos(math.pi * (step - warm_up) / max(1, steps - warm_up))) / 2


def _get_weights(model: PeftModel) -> dict[str, Tensor]:
    from peft import get_peft_model_state_dict

    weights = get_peft_model_state_dict(model, save_embedding_layers=False)
    return {name: value.detach().cpu().clone() for name, value in weights.items()}


def _set_weights(model: PeftModel, weights: dict[str, Tensor]) -> None:
    from peft import set_peft_model_state_dict

    set_peft_model_state_dict(model, weights)


def _not_a_number(step: int, where: str, recipe: Recipe) -> UsageError:
    return UsageError(
        f"the loss is not a number any more ({where}, step {step}). Nothing was registered. The learning rate is "
        f"{recipe.learning_rate:g}: try a lower one, and check base model and data for damage."
    )
