"""What a registration is trained on and refined with: similarity plus a weighted regulariser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from monai.losses import DiceLoss
from torch import nn

from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.core.kinematics import masked_mean
from myomotion.errors import InputError
from myomotion.losses.plausibility import load_plausibility
from myomotion.losses.similarity import MeanSquares
from myomotion.losses.smoothness import PENALTIES, SmoothnessPenalty


def make_regulariser(
    penalty: str,
    vae_weights: str | Path,
    spacing: float = 1.5,
    beta: float = 1e-4,
    device: torch.device | str = "cpu",
) -> nn.Module:
    """The regulariser that a configuration names.

    Args:
        penalty: ``vae`` for R_VAE, or a kind of :class:`SmoothnessPenalty`.
        vae_weights: weights of the autoencoder, read for ``vae`` only.
        spacing: voxel size of the working grid in millimetres.
        beta: weight of the divergence within R_VAE.
        device: where to compute.

    Returns:
        Takes displacements in millimetres and a mask, returns ``(B,)``.

    Raises:
        InputError: for an unknown name, or weights that are missing or do not fit.
    """
    if penalty == "vae":
        return load_plausibility(vae_weights, spacing, beta, device)
    if penalty not in PENALTIES:
        raise InputError(f"penalty: {penalty!r} is unknown. Use vae, {', '.join(PENALTIES)}.")
    return SmoothnessPenalty(penalty, spacing)


class RegistrationLoss(nn.Module):
    """``similarity(frame_t(X + u(X)), frame_ED(X)) + alpha * regulariser(u, mask)``.

    Where the true motion ``u*`` is known (virtual cines), ``supervision`` times the mean of
    ``||u - u*||^2`` over the myocardium, plus a tenth of that over the whole grid, is added. Where
    the moving frame has a label, ``labels`` times the Dice loss of the warped myocardium is added.

    Args:
        integrator: turns the network's output into a displacement.
        regulariser: takes a displacement in millimetres and a mask, returns ``(B,)``; R_VAE here.
        alpha: weight of the regulariser.
        similarity: takes warped and reference images.
        spacing: voxel size of the working grid in millimetres.
        supervision: weight of the known motion, per square millimetre; 0 learns without it.
        smoothness: weight of the bending energy over the whole grid, square millimetres.
        labels: weight of the Dice loss; 0 learns without labels of the moving frame.
    """

    def __init__(
        self,
        integrator: FieldIntegrator,
        regulariser: nn.Module,
        alpha: float,
        similarity: nn.Module | None = None,
        spacing: float = 1.5,
        supervision: float = 0.0,
        smoothness: float = 0.0,
        labels: float = 0.0,
    ) -> None:
        super().__init__()
        self.integrator = integrator
        self.regulariser = regulariser
        self.labels = labels
        self.overlap = DiceLoss(reduction="none")
        self.similarity = similarity or MeanSquares()
        self.alpha = alpha
        self.spacing = spacing
        self.supervision = supervision
        self.smoothness = smoothness
        self.bending = SmoothnessPenalty("bending", spacing)
        self.terms: dict[str, torch.Tensor] = {}

    def forward(self, output: torch.Tensor, target: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch; the parts that it has are kept in ``terms`` for the log.

        Args:
            output: network output ``(B, 2, H, W)`` in voxels.
            target: ``moving`` and ``reference`` ``(B, 1, H, W)``, ``mask`` ``(B, 1, H, W)``, and
                optionally ``truth`` ``(B, 2, H, W)`` in millimetres, NaN where it is unknown; for
                the Dice loss ``wall`` and ``moving_wall`` ``(B, 1, H, W)``, zero where unknown.

        Returns:
            Scalar.
        """
        displacement = self.integrator(output)
        warped = warp(target["moving"], displacement)
        similarity = self.similarity(warped, target["reference"]).mean()
        millimetres = displacement * self.spacing
        regulariser = self.regulariser(millimetres, target["mask"]).mean()
        self.terms = {
            "similarity": similarity.detach(),
            "regulariser": regulariser.detach(),
        }
        loss = similarity + self.alpha * regulariser
        if self.smoothness:
            loss = loss + self.smoothness * self.bending(millimetres, target["mask"]).mean()
        if self.supervision and "truth" in target and bool(_known(target["truth"]).any()):
            error = squared_error(millimetres, target["truth"], target["mask"])
            self.terms["squared_error_mm2"] = error.detach()
            loss = loss + self.supervision * error
        if self.labels and bool(target["moving_wall"].any()):
            overlap = self._overlap(displacement, target)
            self.terms["dice_loss"] = overlap.detach()
            loss = loss + self.labels * overlap
        return loss

    def _overlap(
        self, displacement: torch.Tensor, target: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Mean Dice loss of the pairs whose moving frame has a label."""
        known = target["moving_wall"].amax((1, 2, 3)) > 0
        warped = warp(target["moving_wall"][known], displacement[known])
        return self.overlap(warped, target["wall"][known]).mean()


def squared_error(
    displacement: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Mean ``||u - u*||^2`` over the mask plus a tenth of that over the grid.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        truth: the same shape; items that hold NaN do not count.
        mask: ``(B, 1, H, W)``.

    Returns:
        Scalar in square millimetres; 0 where no truth is known.
    """
    known = _known(truth)
    error = ((displacement - torch.nan_to_num(truth)) ** 2).sum(1, keepdim=True)
    each = masked_mean(error, mask)[:, 0] + 0.1 * error.mean((1, 2, 3))
    return (each * known).sum() / known.sum().clamp(min=1)


def _known(truth: torch.Tensor) -> torch.Tensor:
    """Whose motion is known, ``(B,)``."""
    return torch.isfinite(truth).all(dim=(1, 2, 3))
