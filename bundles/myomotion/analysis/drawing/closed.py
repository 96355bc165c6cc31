"""Cavities that close: told by the blood, and what is drawn in their place."""

from __future__ import annotations

import math

import torch

from myomotion.core.flow import identity_coordinates

# Contrast of the seen cavity to the wall of its frame, relative to that at end-diastole. In real
# and virtual slices that keep a cavity it stays above 0.5; where a cavity closes and the network
# draws one all the same, in dark muscle, it falls to 0.1.
NO_BLOOD, BLOOD = 0.3, 0.5
SPOT_SHARE = 0.1  # of the cavity at end-diastole, that is drawn of one that closes


def without_dark_blood(shares: torch.Tensor, frames: torch.Tensor) -> torch.Tensor:
    """Tissues in which a cavity as dark as the wall is wall.

    Args:
        shares: of cavity, wall and right ventricle in a slice ``(T, 3, H, W)``, 0 to 1,
            end-diastole first.
        frames: of that slice ``(T, H, W)``.

    Returns:
        As ``shares``. Where end-diastole shows no cavity, or one that is no brighter than the wall,
        they stay as they are.
    """
    cavity, wall = ((shares[:, i] > 0.5).to(frames) for i in (0, 1))
    # Against the wall of the same frame, so that a dimmer frame closes no cavity.
    contrast = _mean(frames, cavity) / _mean(frames, wall) - 1
    if not 0 < float(contrast[0]) < math.inf:  # also where one is missing
        return shares
    bright = contrast / contrast[0]
    kept = ((bright - NO_BLOOD) / (BLOOD - NO_BLOOD)).clamp(0, 1).nan_to_num(1.0)[:, None, None]
    seen = shares.clone()
    seen[:, 0] = shares[:, 0] * kept
    seen[:, 1] += shares[:, 0] * (1 - kept)
    return seen


def kept_open(tissues: torch.Tensor, share: float = SPOT_SHARE) -> torch.Tensor:
    """Tissues in which a cavity that closes leaves a spot.

    Where the blood is pressed out of a slice, nothing in the picture says how far the wall has
    moved, and a network finds no motion at all. A spot in the middle of the cavity's rest, or of
    the ventricle where none is left, says it.

    Args:
        tissues: shares of cavity, wall and right ventricle ``(Z, T, 3, H, W)``, 0 to 1, the
            reference frame first.
        share: size of the spot, of the cavity's area in the reference frame. It is drawn in full
            where less than half of that is left, and not at all where all of it is.

    Returns:
        As ``tissues``; slices without a cavity in the reference frame stay as they are.
    """
    cavity, wall = tissues[:, :, 0], tissues[:, :, 1]
    area = cavity.sum((-2, -1))
    least = share * area[:, :1]
    missing = (2 * (1 - area / least.clamp(min=1e-6))).clamp(0, 1)
    missing = torch.where((least > 0) & (wall.sum((-2, -1)) > 0), missing, 0.0)
    closing = missing > 0
    if not bool(closing.any()):
        return tissues
    opened = tissues.clone()  # the other frames, most of all, stay as they are
    radius = (least / math.pi).sqrt().expand_as(area)[closing]
    opened[closing] = _with_spot(tissues[closing], missing[closing], radius)
    return opened


def _with_spot(tissues: torch.Tensor, missing: torch.Tensor, radius: torch.Tensor) -> torch.Tensor:
    """Frames ``(N, 3, H, W)`` with a spot of a weight and radius ``(N,)`` each."""
    cavity, wall = tissues[:, 0], tissues[:, 1]
    weight = cavity + 1e-3 * wall
    total = weight.sum((-2, -1)).clamp(min=1e-6)
    place = identity_coordinates(list(weight.shape[-2:]), weight)
    middle = (place * weight[:, None]).sum((-2, -1)) / total[:, None]
    distance = (place - middle[..., None, None]).norm(dim=1)
    spot = missing[:, None, None] * torch.sigmoid(2 * (radius[:, None, None] - distance))
    opened = torch.maximum(cavity, spot)
    rest = (1 - opened) / (1 - cavity).clamp(min=1e-6)
    return torch.cat([opened[:, None], tissues[:, 1:] * rest[:, None]], dim=1)


def _mean(frames: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean within masks ``(..., H, W)``, NaN where one is empty."""
    return (frames * mask).sum((-2, -1)) / mask.sum((-2, -1))
