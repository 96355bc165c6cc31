"""The working grid of each slice, and labels on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from scipy import ndimage

from myomotion.core.working_grid import WorkingGrid
from myomotion.errors import InputError
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM

MOVING_SHARE = 98.0  # percentile of temporal deviation above which a voxel counts as heart


def working_grids(cine: Cine, size: int = 96, spacing: float = 1.5) -> list[WorkingGrid]:
    """One working grid a slice, centred on the left ventricle.

    The centre is the centroid of the labelled ventricle (cavity and myocardium) at end-diastole;
    without a label, that of the voxels whose intensity varies most over the cycle, all slices taken
    together.

    Args:
        cine: the study.
        size: voxels along each axis.
        spacing: voxel size in millimetres.

    Returns:
        A grid for each slice.
    """
    depth = cine.image.shape[2]
    common: Sequence[float] = _moving_center(cine.image)
    ventricle = None
    if cine.label_ed is not None:
        ventricle = np.isin(cine.label_ed, (CAVITY, MYOCARDIUM))
        where = np.argwhere(ventricle.any(2))
        common = tuple(float(c) for c in where.mean(0))
    grids = []
    for z in range(depth):
        center = common
        if ventricle is not None and ventricle[..., z].any():
            center = tuple(float(c) for c in ndimage.center_of_mass(ventricle[..., z]))
        grids.append(
            WorkingGrid(
                source_size=(cine.image.shape[0], cine.image.shape[1]),
                source_spacing=cine.spacing,
                center=(center[0], center[1]),
                size=size,
                spacing=spacing,
            )
        )
    return grids


def check_reach(cine: Cine, grids: Sequence[WorkingGrid]) -> None:
    """Refuse a labelled ventricle that does not fit on the working grid.

    Args:
        cine: the study.
        grids: from :func:`working_grids`.

    Raises:
        InputError: naming the label, how far it reaches and the size that is needed.
    """
    if cine.label_ed is None:
        return
    for z, grid in enumerate(grids):
        where = np.argwhere(np.isin(cine.label_ed[..., z], (CAVITY, MYOCARDIUM)))
        if not len(where):
            continue
        reach = float((np.abs(where - grid.center) * grid.source_spacing).max())
        if reach > (grid.size - 1) / 2 * grid.spacing:
            needed = 16 * int(np.ceil((2 * reach / grid.spacing + 1) / 16))
            raise InputError(
                f"{cine.files.get('label_ed', cine.name)}: the ventricle reaches {reach:.0f} mm "
                f"from its middle in slice {z}; the working grid of {grid.size} voxels of "
                f"{grid.spacing:g} mm ends at {(grid.size - 1) / 2 * grid.spacing:.0f} mm. Correct "
                f"the label or the voxel size, or set size to {needed}."
            )


def _moving_center(image: np.ndarray) -> tuple[float, float]:
    deviation = image.std(axis=3).max(axis=2)
    deviation = np.where(deviation >= np.percentile(deviation, MOVING_SHARE), deviation, 0.0)
    center = ndimage.center_of_mass(deviation)
    return float(center[0]), float(center[1])


def myocardium_mask(label: np.ndarray | None, z: int, grid: WorkingGrid) -> torch.Tensor:
    """Myocardium of a slice on the working grid, soft at its border; zero without a label.

    Args:
        label: ``(X, Y, Z)`` in the internal coding, or None.
        z: slice.
        grid: working grid of the slice.

    Returns:
        ``(1, size, size)``, 0 to 1.
    """
    if label is None:
        return torch.zeros(1, grid.size, grid.size)
    wall = torch.from_numpy((label[..., z] == MYOCARDIUM).astype(np.float32))
    return grid.to_working(wall[None, None])[0]


def cavity_center(cine: Cine, z: int, grid: WorkingGrid) -> tuple[float, float]:
    """Centroid of the left-ventricular cavity at end-diastole on the working grid.

    Args:
        cine: the study.
        z: slice.
        grid: working grid of the slice.

    Returns:
        Voxel index on the working grid; its middle where there is no cavity label.
    """
    middle = (grid.size - 1) / 2
    if cine.label_ed is None or not (cine.label_ed[..., z] == CAVITY).any():
        return middle, middle
    where = np.argwhere(cine.label_ed[..., z] == CAVITY).mean(0)
    steps = [s / grid.spacing for s in grid.source_spacing]
    return tuple((w - c) * s + middle for w, c, s in zip(where, grid.center, steps, strict=True))


def label_on_grid(cine: Cine, z: int, grid: WorkingGrid, value: int) -> np.ndarray:
    """One label of the end-diastolic map on the working grid.

    Args:
        cine: the study.
        z: slice.
        grid: working grid of the slice.
        value: label in the internal coding.

    Returns:
        Boolean ``(size, size)``; all False without a label.
    """
    if cine.label_ed is None:
        return np.zeros((grid.size, grid.size), bool)
    chosen = torch.from_numpy((cine.label_ed[..., z] == value).astype(np.float32))
    return grid.to_working(chosen[None, None])[0, 0].numpy() > 0.5
