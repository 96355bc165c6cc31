"""Turning and mirroring pictures, displacement fields and gradients alike."""

from __future__ import annotations

import math

import torch

from myomotion.core.flow import identity_coordinates, sample


def rotation_matrices(batch: int, reflect: bool, like: torch.Tensor) -> torch.Tensor:
    """Random orthogonal matrices, half of them reflections if asked for.

    Args:
        batch: how many.
        reflect: include reflections.
        like: gives dtype and device.

    Returns:
        ``(batch, 2, 2)``.
    """
    angle = torch.rand(batch) * 2 * math.pi
    cosine, sine = torch.cos(angle), torch.sin(angle)
    sign = torch.where(torch.rand(batch) < 0.5, -1.0, 1.0) if reflect else torch.ones(batch)
    rows = [torch.stack([cosine, -sine * sign], 1), torch.stack([sine, cosine * sign], 1)]
    return torch.stack(rows, dim=1).to(like)


def transform_scalar(
    values: torch.Tensor,
    matrix: torch.Tensor,
    mode: str,
    displacement: torch.Tensor | None = None,
) -> torch.Tensor:
    """Turn pictures about the grid's centre: ``new(X) = old(Q^T (X + u(X)))``.

    Args:
        values: ``(B, C, H, W)``.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.
        mode: interpolation, ``"bilinear"`` or ``"nearest"``.
        displacement: ``u`` that the turned picture is pulled back by, ``(B, 2, H, W)`` in voxels;
            none by default.

    Returns:
        ``(B, C, H, W)``.
    """
    grid = identity_coordinates(list(values.shape[-2:]), values)
    center = (values.new_tensor(values.shape[-2:]) - 1)[None, :, None, None] / 2
    place = (grid - center).expand(len(values), -1, -1, -1)
    if displacement is not None:
        place = place + displacement
    return sample(values, torch.einsum("bji,bjhw->bihw", matrix, place) + center, mode)


def transform_displacement(field: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Turn displacement fields with the picture: ``u'(X) = Q u(Q^T X)``.

    Args:
        field: ``(B, 2, H, W)``.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.

    Returns:
        ``(B, 2, H, W)``.
    """
    return torch.einsum("bij,bjhw->bihw", matrix, transform_scalar(field, matrix, "bilinear"))
