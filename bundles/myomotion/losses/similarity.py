"""Image terms: how alike a warped frame and the reference are."""

from __future__ import annotations

import torch
from monai.losses import LocalNormalizedCrossCorrelationLoss
from torch import nn

from myomotion.errors import InputError

FLAT_VARIANCE = 0.003  # of a window; below it the cross-correlation fades out


def make_similarity(similarity: str) -> nn.Module:
    """The image term that a configuration names.

    Args:
        similarity: ``mse`` (mean squares) or ``lncc`` (local normalised cross-correlation).

    Returns:
        Takes warped and reference images ``(B, 1, H, W)``.

    Raises:
        InputError: for an unknown name.
    """
    if similarity == "mse":
        return MeanSquares()
    if similarity == "lncc":
        return CrossCorrelation()
    raise InputError(f"similarity: {similarity!r} is unknown. Use mse or lncc.")


class MeanSquares(nn.Module):
    """Mean squared intensity difference over the image, ``(B,)``."""

    def forward(self, warped: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Compare ``(B, 1, H, W)`` images."""
        return ((warped - reference) ** 2).mean((1, 2, 3))


class CrossCorrelation(nn.Module):
    """Local normalised cross-correlation (MONAI), as a loss of one number a batch.

    Windows whose contrast is below about 0.06 (1: the bright end about the heart) count little, so
    that noise in the background is not matched.

    Args:
        kernel_size: side of the window in voxels.
    """

    def __init__(self, kernel_size: int = 9) -> None:
        super().__init__()
        self.loss = LocalNormalizedCrossCorrelationLoss(
            spatial_dims=2, kernel_size=kernel_size, smooth_dr=FLAT_VARIANCE**2 * kernel_size**4
        )

    def forward(self, warped: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Compare ``(B, 1, H, W)`` images."""
        return self.loss(warped, reference)


class MixedSimilarity(nn.Module):
    """Mean squares plus ``correlation`` times (1 - local normalised cross-correlation).

    Args:
        correlation: weight of the second part.
    """

    def __init__(self, correlation: float) -> None:
        super().__init__()
        self.correlation = correlation
        self.squares = MeanSquares()
        self.local = CrossCorrelation()

    def forward(self, warped: torch.Tensor, reference: torch.Tensor) -> torch.Tensor:
        """Compare ``(B, 1, H, W)`` images: ``(B,)``."""
        return self.squares(warped, reference) + self.correlation * (
            1 + self.local(warped, reference)
        )
