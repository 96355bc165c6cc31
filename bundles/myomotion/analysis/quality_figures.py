"""Figures that tell whether the motion of a slice can be trusted."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from scipy import ndimage

from myomotion.analysis.motion import Motion
from myomotion.analysis.plausibility_table import PlausibilityTable, mean_gradient
from myomotion.core.flow import warp
from myomotion.io.cine import Cine
from myomotion.losses.plausibility import Plausibility

RIM_VOXELS = 3  # around the wall, so that a missed contour counts
FREE_RADIUS_MM = 35.0  # without a label: a disc about the middle of the moving region

# Smaller motion is mostly noise of tracking, and its ratio says nothing.
PLAUSIBILITY_FROM_GRADIENT = 0.1


def free_disc(motion: Motion, z: int) -> np.ndarray:
    """Where a slice without a label is judged: a disc about the middle of its working grid.

    Args:
        motion: of the study.
        z: slice.

    Returns:
        Boolean ``(size, size)``.
    """
    grid = motion.grids[z]
    axis = (np.arange(grid.size) - (grid.size - 1) / 2) * grid.spacing
    return np.hypot(axis[:, None], axis[None]) <= FREE_RADIUS_MM


def area_change_error(
    cine: Cine, motion: Motion, z: int, part: np.ndarray, label: int
) -> float | None:
    """``|mean J over a part - A_ES / A_ED|`` at end-systole, areas from the labels.

    Args:
        cine: the study.
        motion: its motion.
        z: slice.
        part: boolean ``(size, size)``, where the label is at end-diastole.
        label: in the internal coding.

    Returns:
        The error; None unless the slice is labelled at end-diastole and end-systole.
    """
    if cine.label_ed is None or cine.label_es is None or cine.es_frame is None:
        return None
    at_ed = int((cine.label_ed[..., z] == label).sum())
    at_es = int((cine.label_es[..., z] == label).sum())
    if not at_ed or not at_es:
        return None
    return abs(float(motion.working_jacobian[cine.es_frame, z][part].mean()) - at_es / at_ed)


def frame_figures(cine: Cine, motion: Motion, z: int, part: np.ndarray) -> list[dict[str, Any]]:
    """Figures of every frame of a slice that need no autoencoder.

    Args:
        cine: the study.
        motion: its motion.
        z: slice.
        part: boolean ``(size, size)``, the wall or what stands for it.

    Returns:
        One dictionary a frame in the order of the file; the plausibility is None.
    """
    rim = ndimage.binary_dilation(part, iterations=RIM_VOXELS)
    images = torch.from_numpy(motion.working_image[:, z].copy())
    field = torch.from_numpy(motion.working_displacement[:, z].copy())
    warped = warp(images[:, None], field / motion.grids[z].spacing)[:, 0].numpy()
    reference = images[cine.ed_frame].numpy()
    low, high = np.percentile(reference, (0.5, 99.5))
    scale = max(float(high - low), 1e-6)
    before, after = (
        np.sqrt(((v - reference)[:, rim] ** 2).mean(1)) / scale for v in (images.numpy(), warped)
    )
    moved = np.linalg.norm(motion.working_displacement[:, z], axis=1)[:, part].mean(1)
    folds = (motion.working_jacobian[:, z][:, part] <= 0).mean(1)
    return [
        {
            "frame": t,
            "slice": z,
            "level": cine.levels[z],
            "image_residual": float(after[t]),
            "image_residual_untracked": float(before[t]),
            "fold_fraction": float(folds[t]),
            "mean_displacement_mm": float(moved[t]),
            "r_vae": None,
            "r_vae_percentile": None,
            "r_vae_ratio": None,
        }
        for t in range(len(images))
    ]


def add_plausibility(
    rows: list[dict[str, Any]],
    motion: Motion,
    z: int,
    wall: np.ndarray,
    regulariser: Plausibility,
    table: PlausibilityTable | None,
) -> None:
    """Add R_VAE, its percentile and its ratio to the 99th percentile.

    Args:
        rows: from :func:`frame_figures`; changed.
        motion: of the study.
        z: slice.
        wall: boolean ``(size, size)``.
        regulariser: R_VAE on the working grid.
        table: of simulated motions scored with the same weights; without it R_VAE alone.
    """
    field = torch.from_numpy(motion.working_displacement[:, z].copy())
    mask = torch.from_numpy(wall.astype(np.float32))[None, None].expand(len(field), -1, -1, -1)
    with torch.no_grad():
        scores = regulariser(field, mask).tolist()
        sizes = mean_gradient(field, mask, motion.grids[z].spacing).tolist()
    for row, score, size in zip(rows, scores, sizes, strict=True):
        row["r_vae"] = score
        if table is not None and row["mean_displacement_mm"] > 0:
            row["r_vae_percentile"] = table.percentile(score, size)
            if size >= PLAUSIBILITY_FROM_GRADIENT:
                row["r_vae_ratio"] = score / table.score_at(99, size)
