"""Hand-made regularisers, the peers of R_VAE."""

from __future__ import annotations

import torch
from torch import nn

from myomotion.core.kinematics import displacement_gradient, jacobian_determinant, masked_mean

PENALTIES = ("l2", "bending", "log_jacobian")


class SmoothnessPenalty(nn.Module):
    """Hand-made regularisers, the peers of R_VAE.

    Args:
        kind: ``"l2"`` (mean squared displacement gradient over the whole grid), ``"bending"`` (mean
            squared second derivatives there, per square millimetre) or ``"log_jacobian"`` (mean of
            ``(log J)^2`` over the mask).
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
            second = [displacement_gradient(gradient[:, i : i + 2], self.spacing) for i in (0, 2)]
            return (torch.cat(second, dim=1) ** 2).mean((1, 2, 3))
        log_j = jacobian_determinant(gradient).clamp(min=1e-3).log()
        return masked_mean(log_j**2, mask)[:, 0]
