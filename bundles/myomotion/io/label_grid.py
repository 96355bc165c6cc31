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
        True where axes, place or size differ.
    """
    if np.allclose(np.abs(label_affine), np.eye(4)):
        return False
    if not np.allclose(label_affine, affine, atol=1e-3):
        return True
    return label.ndim == 3 and label.shape != tuple(shape)


def on_grid(
    path: Path,
    label: np.ndarray,
    label_affine: np.ndarray,
    shape: tuple[int, ...],
    affine: np.ndarray,
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Order and direct the axes of a label map as those of a cine on the same grid.

    Programs that convert DICOM differ in which axis comes first and which end a slice begins at;
    voxels are never resampled here. A map of more or of fewer whole slices, or of a larger or a
    smaller field of view, gives the voxels that it has.

    Args:
        path: file of the label, for messages.
        label: ``(A, B, C)``.
        label_affine: ``(4, 4)``, RAS millimetres.
        shape: ``(X, Y, Z)`` of the cine.
        affine: ``(4, 4)`` of the cine.

    Returns:
        The label ``(X, Y, Z)``, and a sentence where some of it lies outside.

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
            first = np.round(change[:3, 3]).astype(int)  # voxel of the cine where the map begins
            change[:3, 3] -= first
            apart = np.abs(change[:3, :3] @ points + change[:3, 3:] - points).max()
            larger = np.sign(np.delete(np.subtract(turned.shape, shape), across))
            # Rows in the place of columns are no other field of view.
            if apart <= CORNER_TOLERANCE and larger.prod() >= 0:
                return _whole_voxels(path, turned, shape, first)
            if apart > CORNER_TOLERANCE:
                found += f", corners up to {apart:.1f} voxels away"
    except (OrientationError, np.linalg.LinAlgError) as error:
        found += f", affine not usable ({error})"
    raise InputError(
        f"{path}: the label does not lie on the cine's grid of {tuple(shape)}: {found}. Resample "
        "it to the cine."
    )


def _whole_voxels(
    path: Path, label: np.ndarray, shape: tuple[int, ...], first: np.ndarray
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Voxels of a map at their place in a cine, in whose voxel ``first`` the map begins."""
    if label.shape == tuple(shape) and not first.any():
        return label, ()
    low, high = np.maximum(first, 0), np.minimum(first + label.shape, shape)
    if (low >= high).any():
        raise InputError(f"{path}: the label lies outside the cine. Give the label of this cine.")
    placed = np.zeros(shape, label.dtype)
    here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    placed[here] = label[tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))]
    inside, all_ = np.count_nonzero(placed), np.count_nonzero(label)
    own, of_cine = (" x ".join(map(str, size)) for size in (label.shape, shape))
    place = f"its {own} voxels begin at voxel {tuple(first.tolist())} of the cine's {of_cine}"
    if inside == all_:
        LOG.warning("%s: %s", path, place)
        return placed, ()
    return placed, (
        f"{path.name}: {all_ - inside} of its {all_} labelled voxels lie outside the cine: {place}."
        " Check that it is of this cine.",
    )
