"""Cubic B-spline free-form deformation with a volume-preserving penalty, by deepali.

Rueckert et al., IEEE TMI 1999; the penalty as in Rohlfing et al., IEEE TMI 2003, on the myocardium.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

PACKAGE = "hf-deepali"
SMALLEST_J = 0.05  # a fold counts like this much shrinkage, so that the logarithm stays finite


def register(
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    spacing: float,
    *,
    volume: float = 0.004,
    bending: float = 1.0,
    stride: int = 5,
    blurs: Sequence[float] = (4.0, 2.0, 0.0),
    steps: int = 60,
    learning_rate: float = 0.3,
) -> np.ndarray:
    """Minimise ``MSE + volume * mean_mask (log J)^2 + bending * B``, from blurred to sharp images.

    Args:
        moving: ``(H, W)``, the frame.
        reference: ``(H, W)``, end-diastole.
        mask: ``(H, W)``, end-diastolic myocardium, where volume is preserved.
        spacing: voxel size in millimetres.
        volume: weight of the penalty of area change.
        bending: weight of the bending energy, millimetres squared.
        stride: distance of the control points in voxels.
        blurs: standard deviations in voxels of the Gaussians, one for each stage.
        steps: steps of Adam in each stage.
        learning_rate: step of a control point in voxels.

    Returns:
        Displacement ``(2, H, W)`` in millimetres: ``moving(X + u(X))`` looks like ``reference(X)``.

    Raises:
        ImportError: without hf-deepali.
    """
    from deepali.core import Grid
    from deepali.core import functional as deepali
    from deepali.losses import functional as losses
    from deepali.spatial import FreeFormDeformation, ImageTransformer

    torch.manual_seed(0)
    grid = Grid(shape=moving.shape, spacing=(spacing, spacing), align_corners=True)
    # The grid's cube has [-1, 1] between outer voxel centres and the order (x, y).
    half = torch.tensor([(n - 1) * spacing / 2 for n in reversed(moving.shape)]).reshape(1, 2, 1, 1)
    transform = FreeFormDeformation(grid, stride=stride)
    warp = ImageTransformer(transform, grid, padding="border")
    voxel = 2 / (max(moving.shape) - 1)
    optimizer = torch.optim.Adam(transform.parameters(), lr=learning_rate * voxel)
    wall = torch.from_numpy(np.asarray(mask) > 0.5)[None, None]
    for blur in blurs:
        frame, fixed = (
            torch.from_numpy(ndimage.gaussian_filter(np.asarray(x, np.float32), blur))[None, None]
            for x in (moving, reference)
        )
        for _ in range(steps):
            loss = losses.mse_loss(warp(frame), fixed)
            field = transform.u * half
            loss = loss + bending * losses.bending_loss(field, mode="central", spacing=spacing)
            if volume and bool(wall.any()):
                area = deepali.jacobian_det(field, mode="central", spacing=spacing)
                loss = loss + volume * area[wall].clamp(min=SMALLEST_J).log().square().mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    with torch.no_grad():
        field = transform.update().u * half
    return field[0].flip(0).numpy().copy()
