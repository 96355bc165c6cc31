"""Area change J of the wall over the whole cycle (Figure 3 of the paper)."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from myomotion.transforms.frame_pairs import slices_with_heart
from myomotion.transforms.load_cine import LoadCine

POINTS = 25  # of the cycle, at which studies with different numbers of frames are averaged
CURVES = ("mean", "std", "abs_minus_1")


def jacobian_curves(
    field: torch.Tensor, item: Mapping[Any, Any], spacing: float
) -> list[dict[str, list[float]]]:
    """Mean and deviation of J over the wall of each slice, frame by frame.

    Args:
        field: ``(Z, T, 2, H, W)`` in millimetres.
        item: from :class:`~myomotion.transforms.load_cine.LoadCine`.
        spacing: of the working grid, millimetres.

    Returns:
        One entry a slice with myocardium: :data:`CURVES` at :data:`POINTS` equal steps from
        end-diastole to the last frame.
    """
    result = []
    for z in slices_with_heart(item):
        wall = item["mask"][z, 0] > 0.5
        jacobian = jacobian_determinant(displacement_gradient(field[z], spacing))[:, 0][:, wall]
        curves = (jacobian.mean(1), jacobian.std(1), (jacobian.abs() - 1).abs().mean(1))
        at = np.linspace(0, len(jacobian) - 1, POINTS)
        frames = np.arange(len(jacobian))
        result.append(
            {
                name: np.interp(at, frames, curve.numpy()).tolist()
                for name, curve in zip(CURVES, curves, strict=True)
            }
        )
    return result


def true_curves(study: Mapping[str, Any], size: int, spacing: float) -> list[dict[str, Any]]:
    """The same of the known motion of a virtual cine; empty for a real one."""
    if not Path(str(study["image"])).with_name("truth.npz").is_file():
        return []
    item = LoadCine(size, spacing, with_truth=True)(study)
    return jacobian_curves(item["truth"].float(), item, spacing)
