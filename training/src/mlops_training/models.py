"""Network architectures. Each takes pictures as float32 from 0 to 1 (n x channels x height x width), normalises
them itself, so that no client has to know how, and answers logits (n x classes)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from torch import Tensor, nn
from torchvision.models import resnet18

from .errors import UsageError

NAMES = ("mlp", "cnn", "resnet18")
MLP_PARAMETERS = 109_386
"""Of 784 x 128 + 128, 128 x 64 + 64 and 64 x 10 + 10."""

_SMALL_PICTURE = 32


@dataclass(frozen=True)
class Architecture:
    """What a network is made from; also stored with checkpoints, which fit no other."""

    name: str
    shape: tuple[int, int, int]
    """Channels, height and width of a picture."""
    classes: int
    dropout: float


class Classifier(nn.Module):
    """A network behind the normalisation of its pictures: (pixel - 0.5) / 0.5, the same for every channel."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        """Logits of pictures."""
        return self.network((images - 0.5) / 0.5)


def build(architecture: Architecture) -> Classifier:
    """A network with fresh weights, drawn from torch's global generator.

    Raises UsageError if the architecture cannot take pictures of that shape.
    """
    model = Classifier(_BUILDERS[architecture.name](architecture))
    if architecture.name == "mlp" and architecture.classes == 10:
        assert count_parameters(model) == MLP_PARAMETERS
    return model


def count_parameters(model: nn.Module) -> int:
    """Trainable values."""
    return sum(parameter.numel() for parameter in model.parameters() if parameter.requires_grad)


def _mlp(architecture: Architecture) -> nn.Module:
    """784-128-64-classes with ReLU and dropout."""
    _require_shape(architecture, (1, 28, 28))
    dropout = architecture.dropout
    return nn.Sequential(
        nn.Flatten(),
        *(nn.Linear(784, 128), nn.ReLU(), nn.Dropout(dropout)),
        *(nn.Linear(128, 64), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(64, architecture.classes),
    )


def _cnn(architecture: Architecture) -> nn.Module:
    """Two convolutions, one pooling, two layers: 1,199,882 parameters for ten classes."""
    _require_shape(architecture, (1, 28, 28))
    dropout = architecture.dropout
    return nn.Sequential(
        *(nn.Conv2d(1, 32, 3), nn.ReLU()),
        *(nn.Conv2d(32, 64, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Dropout(dropout)),
        nn.Flatten(),
        *(nn.Linear(64 * 12 * 12, 128), nn.ReLU(), nn.Dropout(dropout)),
        nn.Linear(128, architecture.classes),
    )


def _resnet18(architecture: Architecture) -> nn.Module:
    """torchvision's, for any number of channels; weights of ImageNet fit all but its first and last layer."""
    channels, height, _ = architecture.shape
    network = resnet18()
    if channels != 3:
        network.conv1 = nn.Conv2d(channels, 64, 7, stride=2, padding=3, bias=False)
    elif height <= _SMALL_PICTURE:
        # Four halvings less would leave one pixel of CIFAR's 32: its first layer keeps the resolution.
        network.conv1 = nn.Conv2d(channels, 64, 3, padding=1, bias=False)
        network.maxpool = nn.Identity()
    network.fc = nn.Sequential(nn.Dropout(architecture.dropout), nn.Linear(512, architecture.classes))
    return network


def _require_shape(architecture: Architecture, wanted: tuple[int, int, int]) -> None:
    if architecture.shape != wanted:
        raise UsageError(
            f"model {architecture.name} takes pictures of {wanted}, the data set has {architecture.shape} "
            "(channels, height, width); choose resnet18, or the data set digits or mnist"
        )


def load_pretrained(model: Classifier, content: dict[str, Tensor]) -> int:
    """Takes over the weights of a torchvision ResNet-18 that fit and returns their number; the rest stays fresh.

    Raises UsageError if none fits.
    """
    own = model.network.state_dict()
    fitting = {key: value for key, value in content.items() if key in own and own[key].shape == value.shape}
    if not fitting:
        raise UsageError(
            "no weight of the file fits the model; it must be a state_dict of torchvision's resnet18"
        )
    model.network.load_state_dict(fitting, strict=False)
    return len(fitting)


_BUILDERS: dict[str, Callable[[Architecture], nn.Module]] = {"mlp": _mlp, "cnn": _cnn, "resnet18": _resnet18}
