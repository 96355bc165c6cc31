"""What a registration network is: features of each image, then a field from both."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import nn

from myomotion.errors import SettingError
from myomotion.networks.described import Described

FIELDS = ("velocity", "displacement")
HALVINGS = 4  # of the grid in networks, so that its size is a multiple of 16
SPACINGS_MM = (0.2, 6.0)  # as cines have them


def check_grid(size: object, spacing: object) -> None:
    """Refuse a working grid that networks cannot work on.

    Args:
        size: voxels along each axis.
        spacing: voxel size in millimetres.

    Raises:
        SettingError: with the nearest size, or the spacings that can be.
    """
    step = 2**HALVINGS
    if not isinstance(size, int) or isinstance(size, bool) or size < 2 * step or size % step:
        known = isinstance(size, int | float) and math.isfinite(size)
        near = max(2 * step, step * round(size / step)) if known else 96
        raise SettingError(
            f"size is {size}: the working grid needs a multiple of {step} voxels, {2 * step} at "
            f"least. Set size to {near}."
        )
    low, high = SPACINGS_MM
    number = isinstance(spacing, int | float) and not isinstance(spacing, bool)
    if not number or not low <= spacing <= high:  # type: ignore[operator]
        raise SettingError(
            f"spacing is {spacing}: voxels of the working grid have {low:g} to {high:g} mm. Set "
            "spacing to 1.5."
        )


class PairNetwork(Described):
    """Base of the registration networks.

    A subclass gives :meth:`encode` and :meth:`decode`; features of a reference image that many
    frames share are then computed once. A new network is a file with such a class and a line in
    :mod:`myomotion.networks.registry`.

    Args:
        architecture: arguments that make the network again, JSON values.
        field: what it puts out: ``velocity`` (to be integrated) or ``displacement``, in voxels.
        spacing: voxel size in millimetres of the grid that it works on.
        size: voxels along each axis of that grid.

    Raises:
        ValueError: for another ``field``.
    """

    TITLE = "a registration network"

    def __init__(
        self, architecture: dict[str, Any], *, field: str, spacing: float, size: int
    ) -> None:
        if field not in FIELDS:
            raise ValueError(f"field must be 'velocity' or 'displacement', got '{field}'")
        trained = {"field": field, "spacing": float(spacing), "size": int(size)}
        super().__init__(architecture, trained)

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of one image ``(B, 1, H, W)``, finest first."""
        raise NotImplementedError

    def decode(self, moving: list[torch.Tensor], reference: list[torch.Tensor]) -> torch.Tensor:
        """Field from the features of both images.

        Args:
            moving: of B images.
            reference: of B images, or of one that all are compared with.

        Returns:
            ``(B, 2, H, W)`` in voxels.
        """
        raise NotImplementedError

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Field of a pair.

        Args:
            image: ``(B, 2, H, W)``, channels moving and reference; H and W divisible by 16.

        Returns:
            ``(B, 2, H, W)``, velocity or displacement in voxels.
        """
        return self.decode(self.encode(image[:, :1]), self.encode(image[:, 1:]))


class Encoder(nn.Sequential):
    """Blocks one after the other that give what each of them makes of an image."""

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of each block, in their order; the first block gets ``image``."""
        features = []
        for block in self:
            image = block(image)
            features.append(image)
        return features


def conv_block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Convolution (kernel 3), instance-wise group normalisation and leaky ReLU."""
    groups = 8 if out_channels % 8 == 0 else 1
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, 1),
        nn.GroupNorm(groups, out_channels),
        nn.LeakyReLU(0.1),
    )
