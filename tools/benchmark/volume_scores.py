"""Scores of a registration of two labelled volumes, as published tables have them.

Dice and the 95th percentile of the Hausdorff distance of right ventricle, wall and cavity in the
whole volume, and how far the field is from keeping volume. What published tables leave open is
taken from the evaluation that comes with MemWarp (Zhang et al., MICCAI 2024, github.com/tinymilky/
Mem-Warp): labels are warped to the nearest voxel, SDlogJ is the standard deviation of log(J + 3)
over the volume without its two outer voxels on each side, and both directions are averaged.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from monai.metrics import DiceMetric, HausdorffDistanceMetric
from monai.networks import one_hot

from myomotion.core.flow import warp
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from tools.benchmark.acdc import EDGE, TISSUES, Frames, Grid

CLASSES = 1 + len(TISSUES)
DIRECTIONS = {"es_to_ed": (0, 1), "ed_to_es": (1, 0)}  # which frame is fixed, which moves
SCORES = ("dice", *(f"dice_{t}" for t in TISSUES), "hd95_mm", *(f"hd95_{t}_mm" for t in TISSUES))
MEASURES = (*SCORES, "sd_log_j", "fold_fraction")
OFFSET, LEAST = 3.0, 1e-8  # of SDlogJ: added to J, smallest argument


def scored(frames: Frames, fields: torch.Tensor, grid: Grid) -> dict[str, dict[str, float]]:
    """Scores of both directions and their mean.

    Args:
        frames: on the grid.
        fields: ``(2, Z, 2, X, Y)`` in mm, see :data:`tools.benchmark.both_ways.Register`.
        grid: whose number of slices the volume is filled up to for J.

    Returns:
        ``mean`` and each of :data:`DIRECTIONS` to :data:`MEASURES`.
    """
    found = {}
    for (name, (fixed, moving)), field in zip(DIRECTIONS.items(), fields, strict=True):
        voxels = field / frames.spacing[0]
        labels = frames.labels.as_tensor().float().permute(0, 3, 1, 2)  # (2, Z, X, Y)
        warped = warp(labels[moving][:, None], voxels, mode="nearest")[:, 0]
        own = overlap(warped, labels[fixed], labels[moving], frames.spacing)
        found[name] = own | volume_keeping(voxels, grid.size[2])
    mean = {m: float(np.mean([own[m] for own in found.values()])) for m in MEASURES}
    return {"mean": mean, **found}


def overlap(
    warped: torch.Tensor, fixed: torch.Tensor, moving: torch.Tensor, spacing: tuple[float, ...]
) -> dict[str, float]:
    """Dice, and distances between surfaces, of the three tissues and their mean.

    Args:
        warped: moving label brought to the fixed one, ``(Z, X, Y)``, internal coding.
        fixed: ``(Z, X, Y)``.
        moving: before it was warped; in its place where a tissue is warped away altogether.
        spacing: voxel size along X, Y, Z, mm.

    Returns:
        :data:`SCORES`; Dice from 0 to 1.
    """
    a, b, before = (_one_hot(label) for label in (warped, fixed, moving))
    overlaps: Any = DiceMetric(include_background=False, reduction="none")(a, b)
    gone = a.sum((2, 3, 4)) == 0
    a[gone] = before[gone]
    distance = HausdorffDistanceMetric(percentile=95, reduction="none")
    distances: Any = distance(a, b, spacing=[spacing[2], spacing[0], spacing[1]])
    found = {"dice": float(overlaps.mean()), "hd95_mm": float(distances.mean())}
    for tissue, code in TISSUES.items():
        found[f"dice_{tissue}"] = float(overlaps[0, code - 1])
        found[f"hd95_{tissue}_mm"] = float(distances[0, code - 1])
    return found


def volume_keeping(voxels: torch.Tensor, slices: int) -> dict[str, float]:
    """SDlogJ and the share of the volume that folds.

    Motion within slices does not change their thickness, so that J is that of the plane.

    Args:
        voxels: displacement ``(Z, 2, X, Y)`` in voxels.
        slices: that the volume is filled up to, without motion.

    Returns:
        ``sd_log_j`` and ``fold_fraction``.
    """
    jacobian = jacobian_determinant(displacement_gradient(voxels, 1.0))[:, 0]
    missing = slices - len(jacobian)
    filled = F.pad(jacobian, (0, 0, 0, 0, missing // 2, missing - missing // 2), value=1.0)
    inner = filled[EDGE:-EDGE, EDGE:-EDGE, EDGE:-EDGE]
    return {
        "sd_log_j": float((inner + OFFSET).clamp(min=LEAST).log().std(correction=0)),
        "fold_fraction": float((inner <= 0).sum() / filled.numel()),
    }


def _one_hot(label: torch.Tensor) -> torch.Tensor:
    return one_hot(label[None, None], CLASSES)
