"""Bringing a label map to the grid of a cine whose axes were not stored the same way."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from nibabel.orientations import OrientationError, apply_orientation, inv_ornt_aff, io_orientation

from myomotion.errors import InputError
from myomotion.io.storage import slice_axis

LOG = logging.getLogger(__name__)

CORNER_TOLERANCE = 0.2  # of a voxel or slice distance: how far corners may lie apart


def elsewhere(
    label: np.ndarray, label_affine: np.ndarray, shape: tuple[int, ...], affine: np.ndarray
) -> bool:
    """Whether a label map says that it lies otherwise than voxel on voxel of a cine.

    Args:
        label: ``(A, B, C)``.
        label_affine: ``(4, 4)``, RAS millimetres; that of a file saved without geometry says
            nothing.
        shape: ``(X, Y, Z)`` of the cine.
        affine: ``(4, 4)`` of the cine.

    Returns:
        True where axes or place differ, or the number of slices alone.
    """
    if np.allclose(np.abs(label_affine), np.eye(4)):
        return False
    if not np.allclose(label_affine, affine, atol=1e-3):
        return True
    across = slice_axis(shape, affine)
    return (
        label.ndim == 3
        and label.shape[across] != shape[across]
        and np.array_equal(np.delete(label.shape, across), np.delete(shape, across))
    )


def on_grid(
    path: Path,
    label: np.ndarray,
    label_affine: np.ndarray,
    shape: tuple[int, ...],
    affine: np.ndarray,
) -> np.ndarray:
    """Order and direct the axes of a label map as those of a cine on the same grid.

    Programs that convert DICOM differ in which axis comes first and which end a slice begins at;
    voxels are never resampled here. A map of more or of fewer whole slices gives those that it has.

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
    across = slice_axis(shape, affine)
    to_cine = np.linalg.inv(affine) @ label_affine
    found = f"found {label.shape}"
    try:
        orientation = io_orientation(to_cine)
        if label.ndim == 3 and not np.isnan(orientation).any():
            turned = np.asarray(apply_orientation(label, orientation))
            change = to_cine @ inv_ornt_aff(orientation, label.shape)  # in voxels of the cine
            corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij"))
            points = corners.reshape(3, -1)
            same_plane = np.delete(turned.shape, across) == np.delete(shape, across)
            first = int(np.round(change[across, 3]))  # slice of the cine where the map begins
            change[across, 3] -= first
            apart = np.abs(change[:3, :3] @ points + change[:3, 3:] - points).max()
            if same_plane.all() and apart <= CORNER_TOLERANCE:
                return _whole_slices(path, turned, shape, across, first)
            found += f", corners up to {apart:.1f} voxels away"
    except (OrientationError, np.linalg.LinAlgError) as error:
        found += f", affine not usable ({error})"
    raise InputError(
        f"{path}: the label does not lie on the cine's grid of {tuple(shape)}: {found}. Resample "
        "it to the cine."
    )


def _whole_slices(
    path: Path, label: np.ndarray, shape: tuple[int, ...], across: int, first: int
) -> np.ndarray:
    """Slices of a map at their place in a cine; the map's first is slice ``first`` of the cine."""
    depth, count = shape[across], label.shape[across]
    here = range(max(first, 0), min(first + count, depth))
    if not len(here):
        raise InputError(
            f"{path}: the label's slices lie outside the cine's. Give the label of this cine."
        )
    if (first, count) == (0, depth):
        return label
    LOG.warning(
        "%s: has %d slices, of which %d are slices of the cine; it has %d",
        path,
        count,
        len(here),
        depth,
    )
    placed = np.zeros(shape, label.dtype)
    to = np.moveaxis(placed, across, 0)
    to[here.start : here.stop] = np.moveaxis(label, across, 0)[
        here.start - first : here.stop - first
    ]
    return placed
