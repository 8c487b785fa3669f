"""Training of one network: epochs, early stopping on validation data, checkpoints."""

from __future__ import annotations

import copy
import io
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .augment import FOR_DATASET, augment
from .checkpoint import Checkpoint
from .datasets.splits import Samples
from .determinism import seed_for
from .errors import StepError
from .models import Architecture, Classifier, build, load_pretrained


@dataclass(frozen=True)
class Hyperparameters:
    """What a search may vary."""

    learning_rate: float = 1e-3
    """Of Adam at its peak; it falls to 0 along a cosine."""
    batch_size: int = 64
    dropout: float = 0.2
    weight_decay: float = 0.0
    label_smoothing: float = 0.0


@dataclass(frozen=True)
class Recipe:
    """All that decides the weights, given the data. Equal recipes and data give equal weights on a CPU."""

    architecture: Architecture
    dataset: str
    hyperparameters: Hyperparameters
    epochs: int
    patience: int
    """Epochs without a lower validation loss after which training ends; 0: never."""
    seed: int
    threads: int


@dataclass(frozen=True)
class Epoch:
    """Figures of one epoch, counted from 1. Loss is the mean cross-entropy in nats, accuracy a share."""

    number: int
    train_loss: float
    train_accuracy: float
    validation_loss: float
    validation_accuracy: float
    learning_rate: float
    seconds: float


@dataclass
class Progress:
    """State between epochs; all of it is in a checkpoint."""

    history: list[Epoch] = field(default_factory=list)
    best_epoch: int = 0
    best_loss: float = math.inf
    best_weights: dict[str, Tensor] = field(default_factory=dict)

    @property
    def next_epoch(self) -> int:
        return len(self.history) + 1

    def stopped(self, recipe: Recipe) -> bool:
        """Whether there is nothing left to train."""
        done = len(self.history)
        return done >= recipe.epochs or (recipe.patience > 0 and done - self.best_epoch >= recipe.patience)


@dataclass(frozen=True)
class Fitted:
    """The network of the epoch with the lowest validation loss, in eval mode on the CPU."""

    model: Classifier
    history: tuple[Epoch, ...]
    best_epoch: int


class Trainer:
    """One training run on one device."""

    def __init__(
        self, recipe: Recipe, device: torch.device, pretrained: dict[str, Tensor] | None = None
    ) -> None:
        self.recipe = recipe
        self.device = device
        torch.manual_seed(seed_for(recipe.seed, "weights"))
        model = build(recipe.architecture)
        if pretrained is not None:
            load_pretrained(model, pretrained)
        self.model = model.to(device)
        chosen = recipe.hyperparameters
        self.optimizer = torch.optim.AdamW(
            self.model.parameters(), chosen.learning_rate, weight_decay=chosen.weight_decay
        )
        # Mixed precision on a GPU only; there, gradients of float16 need scaling.
        self.mixed = device.type == "cuda"
        self.scaler = torch.amp.GradScaler(device.type, enabled=self.mixed)
        self.progress = Progress()
        self.earlier_seconds = 0.0
        """Of training, by processes that were killed and left a checkpoint."""

    def fit(
        self,
        train: Samples,
        validation: Samples,
        checkpoint: Checkpoint | None = None,
        on_epoch: Callable[[Epoch], None] = lambda _: None,
    ) -> Fitted:
        """Trains until the last epoch or until the validation loss stays up, from a checkpoint if there is one.

        Raises StepError if the loss is no longer a number.
        """
        saved = checkpoint.load() if checkpoint else None
        if saved is not None:
            self._restore(saved)
        data, held_out = self._tensors(train), self._tensors(validation)
        while not self.progress.stopped(self.recipe):
            epoch = self._epoch(data, held_out)
            on_epoch(epoch)
            if checkpoint:
                checkpoint.save(self._state())
        self.model.load_state_dict(self.progress.best_weights)
        return Fitted(self.model.eval().cpu(), tuple(self.progress.history), self.progress.best_epoch)

    def _epoch(self, data: tuple[Tensor, Tensor], held_out: tuple[Tensor, Tensor]) -> Epoch:
        start = time.monotonic()
        number = self.progress.next_epoch
        # All that is random in an epoch follows from its number, so a resumed run draws the same.
        torch.manual_seed(seed_for(self.recipe.seed, "epoch", number))
        generator = torch.Generator().manual_seed(seed_for(self.recipe.seed, "order", number))
        train_loss, train_accuracy, rate = self._train(data, number, generator)
        loss, accuracy = measure(self.model, *held_out)
        if not math.isfinite(loss):
            raise _not_a_number(number, "validation", self.recipe)
        epoch = Epoch(number, train_loss, train_accuracy, loss, accuracy, rate, time.monotonic() - start)
        self.progress.history.append(epoch)
        if loss < self.progress.best_loss:
            self.progress.best_loss, self.progress.best_epoch = loss, number
            self.progress.best_weights = copy.deepcopy(self.model.state_dict())
        return epoch

    def _train(
        self, data: tuple[Tensor, Tensor], number: int, generator: torch.Generator
    ) -> tuple[float, float, float]:
        images, labels = data
        chosen = self.recipe.hyperparameters
        how = FOR_DATASET[self.recipe.dataset]
        self.model.train()
        order = torch.randperm(len(labels), generator=generator).to(self.device)
        batches = [batch for batch in order.split(chosen.batch_size) if len(batch) > 1]
        loss_sum = torch.zeros((), device=self.device)
        correct = torch.zeros((), device=self.device)
        for index, batch in enumerate(batches):
            done = (number - 1 + index / len(batches)) / self.recipe.epochs
            rate = chosen.learning_rate * (1 + math.cos(math.pi * done)) / 2
            for group in self.optimizer.param_groups:
                group["lr"] = rate
            inputs = augment(images[batch].float() / 255, how, generator)
            with torch.autocast(self.device.type, torch.float16, enabled=self.mixed):
                logits = self.model(inputs)
                loss = functional.cross_entropy(logits, labels[batch], label_smoothing=chosen.label_smoothing)
            if not math.isfinite(loss.item()):
                raise _not_a_number(number, f"training, batch {index + 1} of {len(batches)}", self.recipe)
            self.optimizer.zero_grad(set_to_none=True)
            self.scaler.scale(loss).backward()
            self.scaler.step(self.optimizer)
            self.scaler.update()
            loss_sum += loss.detach() * len(batch)
            correct += (logits.argmax(1) == labels[batch]).sum()
        seen = sum(len(batch) for batch in batches)
        return float(loss_sum) / seen, float(correct) / seen, rate

    def _tensors(self, samples: Samples) -> tuple[Tensor, Tensor]:
        return (
            torch.from_numpy(samples.images).to(self.device),
            torch.from_numpy(samples.labels).to(self.device),
        )

    def _state(self) -> dict[str, Any]:
        progress = self.progress
        return {
            "model": self.model.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "scaler": self.scaler.state_dict(),
            "history": [asdict(epoch) for epoch in progress.history],
            "best": [progress.best_epoch, progress.best_loss],
            "best_weights": progress.best_weights,
        }

    def _restore(self, state: dict[str, Any]) -> None:
        self.model.load_state_dict(state["model"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.scaler.load_state_dict(state["scaler"])
        history = [Epoch(**epoch) for epoch in state["history"]]
        best_epoch, best_loss = state["best"]
        self.progress = Progress(history, best_epoch, best_loss, state["best_weights"])
        self.earlier_seconds = sum(each.seconds for each in history)


def measure(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """Mean cross-entropy and accuracy on uint8 pictures, in eval mode and full precision."""
    logits = predict(model, images)
    loss = functional.cross_entropy(logits, labels)
    return float(loss), float((logits.argmax(1) == labels).double().mean())


def predict(model: nn.Module, images: Tensor) -> Tensor:
    """Logits of uint8 pictures, in eval mode and full precision, on the pictures' device."""
    model.eval()
    with torch.inference_mode():
        return torch.cat([model(part.float() / 255) for part in images.split(256)])


def weights_sha256(model: nn.Module) -> str:
    """Hash of every weight by name: equal hashes mean equal networks, however they are stored."""
    import hashlib

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(f"{name} {value.dtype} {tuple(value.shape)}".encode())
        digest.update(value.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def read_weights(content: bytes) -> dict[str, Tensor]:
    """A state_dict from a file of torch.save; nothing in it is run. Raises StepError if it is none."""
    try:
        return torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:
        raise StepError(f"the file of pretrained weights cannot be read: {error}") from error


def _not_a_number(epoch: int, where: str, recipe: Recipe) -> StepError:
    return StepError(
        f"the loss is not a number any more (epoch {epoch}, {where}). Nothing was registered. The learning rate "
        f"is {recipe.hyperparameters.learning_rate:g}: try a lower one, and check the data for damage."
    )
