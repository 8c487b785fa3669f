"""Random changes of training pictures, all as one affine map, so that pictures stay on their device."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class Augmentation:
    """How far pictures may be changed."""

    degrees: float
    """Largest rotation to either side."""
    shift: float
    """Largest shift, as a share of the picture's side."""
    scale: float
    """Largest change of size, as a share."""
    flip: bool
    """Whether left and right may be exchanged; digits must not be."""


FOR_DATASET = {
    "digits": Augmentation(degrees=10, shift=0.08, scale=0.1, flip=False),
    "mnist": Augmentation(degrees=10, shift=0.08, scale=0.1, flip=False),
    "cifar10": Augmentation(degrees=0, shift=0.125, scale=0.1, flip=True),
    "imagenette": Augmentation(degrees=5, shift=0.15, scale=0.3, flip=True),
}


def augment(images: Tensor, how: Augmentation, generator: torch.Generator) -> Tensor:
    """Changed copies of float pictures (n x channels x height x width); what comes into view is black.

    Random numbers come from `generator`, on the CPU, so that they are the same on every device.
    """
    count = len(images)

    def uniform(limit: float) -> Tensor:
        return (torch.rand(count, generator=generator) * 2 - 1) * limit

    angle = uniform(math.radians(how.degrees))
    size = 1 + uniform(how.scale)
    mirrored = torch.ones(count)
    if how.flip:
        mirrored = torch.where(torch.rand(count, generator=generator) < 0.5, -1.0, 1.0)
    cos, sin = torch.cos(angle) * size, torch.sin(angle) * size
    # The sampled area spans 2 (from -1 to 1), so a share of the side is twice that.
    rows = (
        torch.stack([cos * mirrored, -sin, uniform(2 * how.shift)], dim=1),
        torch.stack([sin * mirrored, cos, uniform(2 * how.shift)], dim=1),
    )
    theta = torch.stack(rows, dim=1).to(images.device)
    grid = functional.affine_grid(theta, list(images.shape), align_corners=False)
    return functional.grid_sample(images, grid, align_corners=False)
