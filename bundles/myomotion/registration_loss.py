"""What a registration is trained on and refined with: similarity plus a weighted regulariser."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import torch
from monai.losses import DiceLoss, LocalNormalizedCrossCorrelationLoss
from torch import nn

from .errors import InputError
from .flow import border_window, exponentiate, warp
from .kinematics import displacement_gradient, jacobian_determinant, masked_mean
from .plausibility import load_plausibility

PENALTIES = ("l2", "bending", "log_jacobian")
FLAT_VARIANCE = 0.003  # of a window; below it the cross-correlation fades out
BORDER_MARGIN = 8  # voxels over which the motion fades out towards the working grid's border


class FieldIntegrator(nn.Module):
    """Turn a network's output into a displacement field.

    Args:
        field: ``"velocity"`` (stationary, scaling and squaring) or ``"displacement"``.
        steps: number of squarings.
    """

    def __init__(self, field: str = "velocity", steps: int = 6) -> None:
        super().__init__()
        if field not in ("velocity", "displacement"):
            raise ValueError(f"field must be 'velocity' or 'displacement', got '{field}'")
        self.field = field
        self.steps = steps

    def forward(self, output: torch.Tensor, inverse: bool = False) -> torch.Tensor:
        """Displacement in voxels, zero at the border of the grid.

        Args:
            output: ``(B, 2, H, W)`` in voxels.
            inverse: give the inverse motion (velocity only).

        Returns:
            ``(B, 2, H, W)`` in voxels.

        Raises:
            ValueError: if the inverse of a displacement is asked for.
        """
        output = output * border_window(list(output.shape[-2:]), BORDER_MARGIN, output)
        if self.field == "displacement":
            if inverse:
                raise ValueError("only a velocity field can be integrated backwards")
            return output
        return exponentiate(-output if inverse else output, self.steps)


class SmoothnessPenalty(nn.Module):
    """Hand-made regularisers, the peers of R_VAE.

    Args:
        kind: ``"l2"`` (mean squared displacement gradient over the whole grid), ``"bending"`` (mean
            squared second derivatives) or ``"log_jacobian"`` (mean of ``(log J)^2`` over the mask).
        spacing: voxel size in millimetres.
    """

    def __init__(self, kind: str, spacing: float = 1.5) -> None:
        super().__init__()
        if kind not in PENALTIES:
            raise ValueError(f"kind must be one of {', '.join(PENALTIES)}, got '{kind}'")
        self.kind = kind
        self.spacing = spacing

    def forward(self, displacement: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Penalty ``(B,)`` of displacements ``(B, 2, H, W)`` in mm; mask ``(B, 1, H, W)``."""
        gradient = displacement_gradient(displacement, self.spacing)
        if self.kind == "l2":
            return (gradient**2).mean((1, 2, 3))
        if self.kind == "bending":
            second = [displacement_gradient(gradient[:, i : i + 2], 1.0) for i in (0, 2)]
            return (torch.cat(second, dim=1) ** 2).mean((1, 2, 3))
        log_j = jacobian_determinant(gradient).clamp(min=1e-3).log()
        return masked_mean(log_j**2, mask)[:, 0]


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

    Windows whose contrast is below about 0.06 (of the reference's 99.5th percentile) count little,
    so that noise in the background is not matched.

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
        smoothness: weight of the bending energy over the whole grid.
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
        self.terms: dict[str, float] = {}

    def forward(self, output: torch.Tensor, target: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Loss of a batch; the parts are kept in ``terms`` for the log.

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
            "similarity": float(similarity.detach()),
            "regulariser": float(regulariser.detach()),
        }
        loss = similarity + self.alpha * regulariser
        if self.smoothness:
            loss = loss + self.smoothness * self.bending(millimetres, target["mask"]).mean()
        if self.supervision and "truth" in target:
            error = squared_error(millimetres, target["truth"], target["mask"])
            self.terms["squared_error_mm2"] = float(error.detach())
            loss = loss + self.supervision * error
        if self.labels:
            overlap = self._overlap(displacement, target)
            self.terms["dice_loss"] = float(overlap.detach())
            loss = loss + self.labels * overlap
        return loss

    def _overlap(
        self, displacement: torch.Tensor, target: Mapping[str, torch.Tensor]
    ) -> torch.Tensor:
        """Mean Dice loss of the pairs whose moving frame has a label; 0 without any."""
        known = target["moving_wall"].amax((1, 2, 3)) > 0
        if not bool(known.any()):
            return displacement.new_zeros(())
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
    known = torch.isfinite(truth).all(dim=(1, 2, 3))
    error = ((displacement - torch.nan_to_num(truth)) ** 2).sum(1, keepdim=True)
    each = masked_mean(error, mask)[:, 0] + 0.1 * error.mean((1, 2, 3))
    return (each * known).sum() / known.sum().clamp(min=1)
