"""Bringing a label map to the grid of a cine whose axes were not stored the same way."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nibabel.orientations import OrientationError, apply_orientation, inv_ornt_aff, io_orientation

from myomotion.errors import InputError

CORNER_TOLERANCE = 0.2  # of a voxel or slice distance: how far corners may lie apart


def on_grid(
    path: Path,
    label: np.ndarray,
    label_affine: np.ndarray,
    shape: tuple[int, ...],
    affine: np.ndarray,
) -> np.ndarray:
    """Order and direct the axes of a label map as those of a cine on the same grid.

    Programs that convert DICOM differ in which axis comes first and which end a slice begins at;
    voxels are never resampled here.

    Args:
        path: file of the label, for messages.
        label: ``(A, B, C)``.
        label_affine: ``(4, 4)``, RAS millimetres.
        shape: ``(X, Y, Z)`` of the cine.
        affine: ``(4, 4)`` of the cine.

    Returns:
        The label ``(X, Y, Z)``.

    Raises:
        InputError: if no order and direction of axes puts it on the cine's grid.
    """
    to_cine = np.linalg.inv(affine) @ label_affine
    found = f"found {label.shape}"
    try:
        orientation = io_orientation(to_cine)
        if label.ndim == 3 and not np.isnan(orientation).any():
            turned = np.asarray(apply_orientation(label, orientation))
            change = to_cine @ inv_ornt_aff(orientation, label.shape)  # in voxels of the cine
            corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij"))
            points = corners.reshape(3, -1)
            apart = np.abs(change[:3, :3] @ points + change[:3, 3:] - points).max()
            if turned.shape == tuple(shape) and apart <= CORNER_TOLERANCE:
                return turned
            found += f", corners up to {apart:.1f} voxels away"
    except (OrientationError, np.linalg.LinAlgError) as error:
        found += f", affine not usable ({error})"
    raise InputError(
        f"{path}: the label does not lie on the cine's grid of {tuple(shape)}: {found}. Resample "
        "it to the cine."
    )
