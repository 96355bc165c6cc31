"""The motion cycle published with the reference implementation of Qin et al. (MICCAI 2020).

``*_disp.npy`` ``(T, 2, H, W)`` is ``d = -u``, in voxels, of the inflation ``u`` from end-systole
(where the mesh is undeformed) to end-diastole, on the end-systolic grid; frame 0 does not move.
``*_ED.npy`` ``(H, W)`` behaves as the end-systolic mask, whatever its name says. The cycle carries
a rigid rotation that comes from how the mesh was held.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from scipy.interpolate import RBFInterpolator

from myomotion.core.kinematics import displacement_gradient, masked_mean
from myomotion.errors import InputError
from tools.verify.autoencoder.measures import FieldSet
from tools.verify.autoencoder.wrong_fields import turned

SPACING_MM = 1.5  # theirs is not known, and a gradient is the same at any


def read_reference_cycle(folder: str | Path) -> tuple[np.ndarray, np.ndarray]:
    """Read the files.

    Args:
        folder: holds one ``*_disp.npy`` and one ``*_ED.npy``.

    Returns:
        Stored field ``(T, 2, H, W)`` and mask ``(H, W)`` bool.

    Raises:
        InputError: if a file is missing or does not fit.
    """
    folder = Path(folder)
    arrays = []
    for pattern in ("*_disp.npy", "*_ED.npy"):
        found = sorted(folder.glob(pattern))
        if len(found) != 1:
            raise InputError(f"{folder}: {len(found)} files {pattern}, expected one.")
        arrays.append(np.load(found[0], allow_pickle=False))
    field, mask = arrays[0].astype(float), arrays[1] > 0
    if field.ndim != 4 or field.shape[1] != 2 or field.shape[2:] != mask.shape or not mask.any():
        raise InputError(
            f"{folder}: field {field.shape} and mask {mask.shape} with {mask.sum()} voxels do not "
            "fit (T, 2, H, W) and (H, W) with a wall."
        )
    return field, mask


def rereferenced(stored: np.ndarray, mask: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Refer a motion to the state it leads to.

    The point that is at ``X`` in the first state is at ``Y = X - d(X)`` in the second one, from
    where it moves back by ``d(X)``: known exactly at the scattered points ``Y``. Between them and
    beyond the wall a thin-plate spline through the wall's points carries on, biharmonic like the
    fields of our own simulator.

    Args:
        stored: ``d`` ``(2, H, W)`` in voxels on the grid of the first state.
        mask: wall in the first state, ``(H, W)`` bool.

    Returns:
        Displacement ``(2, H, W)`` in voxels from the second to the first state, on the grid of the
        second, and the wall there, ``(H, W)`` bool: the voxels that come from the wall.
    """
    start = np.argwhere(mask).astype(float)
    back = stored[:, mask].T
    grid = np.stack(np.meshgrid(*map(np.arange, mask.shape), indexing="ij"), axis=-1)
    spline = RBFInterpolator(start - back, back, kernel="thin_plate_spline")
    field = spline(grid.reshape(-1, 2).astype(float)).reshape(*mask.shape, 2)
    source = np.rint(grid + field).astype(int)
    inside = ((source >= 0) & (source < mask.shape)).all(-1)
    source = np.clip(source, 0, np.array(mask.shape) - 1)
    return np.moveaxis(field, -1, 0), inside & mask[source[..., 0], source[..., 1]]


def without_rigid_part(
    displacement: torch.Tensor, mask: torch.Tensor, spacing: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Take mean translation and rotation over the wall out of the deformed state.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        mask: ``(B, 1, H, W)``.
        spacing: voxel size in millimetres.

    Returns:
        ``(B, 2, H, W)`` in millimetres and the rotation taken out, ``(B,)`` in degrees.
    """
    g00, g01, g10, g11 = masked_mean(displacement_gradient(displacement, spacing), mask).unbind(1)
    angle = torch.rad2deg(torch.atan2(g10 - g01, 2 + g00 + g11))
    still = turned(displacement, -angle, spacing)
    return still - masked_mean(still, mask)[:, :, None, None], angle


def reference_field(folder: str | Path) -> tuple[FieldSet, float]:
    """The largest frame of the reference cycle as a field from end-diastole to end-systole.

    Args:
        folder: see :func:`read_reference_cycle`.

    Returns:
        One field, and the rotation in degrees that was taken out.

    Raises:
        InputError: see :func:`read_reference_cycle`.
    """
    stored, mask = read_reference_cycle(folder)
    largest = int(np.abs(stored).max((1, 2, 3)).argmax())
    field, wall = rereferenced(stored[largest], mask)
    displacement = torch.from_numpy(field)[None].float() * SPACING_MM
    walls = torch.from_numpy(wall)[None, None].float()
    still, angle = without_rigid_part(displacement, walls, SPACING_MM)
    return FieldSet(still, walls), float(angle)
