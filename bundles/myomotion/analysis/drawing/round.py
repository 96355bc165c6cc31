"""Outlines as readers draw them: round, about papillary muscles, past what stands off the wall."""

from __future__ import annotations

import math

import numpy as np
import torch
from scipy import ndimage

from myomotion.core.flow import identity_coordinates

DIRECTIONS = 24  # of the lines that hold the cavity in
# Radius of the disc that fits everywhere into a ventricle, as a share of the radius of a circle of
# the ventricle's area: narrower things that stand off it, such as the muscle where the right
# ventricle begins, are not its own. Chosen of 0.4, 0.5, 0.6, 0.75 on nine hearts (SELECTION of
# tools.verify.hearts).
DISC = 0.6


def rounded(cavity: torch.Tensor, wall: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Shares whose cavity is convex and whose ventricle has nothing narrow on it.

    Args:
        cavity: shares ``(N, H, W)``, 0 to 1, on the processor.
        wall: likewise, of the wall.

    Returns:
        Both; what the cavity gains, the wall loses.
    """
    inner, outer = torch.zeros_like(cavity), torch.zeros_like(wall)
    box = _box(cavity + wall)
    ventricle = _without_narrow((cavity + wall)[box])
    inner[box] = torch.minimum(_convex(cavity[box]), ventricle)
    outer[box] = ventricle - inner[box]
    return inner, outer


def _box(shares: torch.Tensor) -> tuple[slice, ...]:
    """Rows and columns outside of which there is nothing, of all ``(N, H, W)``."""
    seen = (shares > 0).any(0)
    sides = (seen.any(1), seen.any(0))
    ends = [torch.nonzero(side)[:, 0].tolist() or [0] for side in sides]
    return slice(None), *(slice(end[0], end[-1] + 1) for end in ends)


def _convex(shares: torch.Tensor) -> torch.Tensor:
    """Shares raised to one within the convex hull of what is above one half."""
    row, column = identity_coordinates(list(shares.shape[1:]), shares)[0]
    depth = torch.full_like(shares, math.inf)
    for angle in 2 * math.pi * np.arange(DIRECTIONS) / DIRECTIONS:
        along = row * math.sin(angle) + column * math.cos(angle)
        # Where a voxel at the edge is half full, the edge runs through its middle.
        edge = torch.where(shares > 0.5, along + shares - 0.5, -math.inf).amax((1, 2), keepdim=True)
        depth = torch.minimum(depth, edge - along)
    return torch.maximum(shares, (depth + 0.5).clamp(0, 1))


def _without_narrow(shares: torch.Tensor) -> torch.Tensor:
    """Shares lowered to zero where no disc fits into what is above one half (an opening)."""
    kept = np.ones(shares.shape, np.float32)
    for own, mask in zip(kept, (shares > 0.5).numpy(), strict=True):
        radius = DISC * math.sqrt(mask.sum() / math.pi)
        depth = ndimage.distance_transform_edt(np.pad(mask, 1))[1:-1, 1:-1]
        middles = depth > radius
        if middles.any():
            own[:] = np.clip(radius + 2 - ndimage.distance_transform_edt(~middles), 0, 1)
    return shares * torch.from_numpy(kept)
