"""Bringing a label map to the grid of a cine whose axes were not stored the same way."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from nibabel.orientations import OrientationError, apply_orientation, inv_ornt_aff, io_orientation

from myomotion.errors import InputError
from myomotion.io.storage import slice_axis

LOG = logging.getLogger(__name__)
CORNER_TOLERANCE = 0.2  # of a voxel or slice distance: how far corners may lie apart
AS_STORED = [[0, 1], [1, 1], [2, 1]]  # nibabel's orientation of axes that stay as they are


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
    if says_nothing(label_affine):
        return False
    if not np.allclose(label_affine, affine, atol=1e-3):
        return True
    return label.shape != tuple(shape)


@dataclass(frozen=True, kw_only=True, eq=False)
class Placement:
    """How a label map comes onto the grid of a cine.

    Attributes:
        label: its axes in the order and direction of the cine's.
        first: ``(3,)``, voxel of the cine in which the map begins.
        changes: 0 voxel on voxel; 1 for other axes, and 1 for another extent.
    """

    label: np.ndarray
    first: np.ndarray
    changes: int


def says_nothing(affine: np.ndarray) -> bool:
    """Whether an affine ``(4, 4)`` is the identity but for signs, as where none was known."""
    return bool(np.allclose(np.abs(affine), np.eye(4)))


def on_grid(
    path: Path,
    label: np.ndarray,
    label_affine: np.ndarray,
    shape: tuple[int, ...],
    affines: Sequence[np.ndarray],
) -> tuple[np.ndarray, tuple[str, ...]]:
    """Order and direct the axes of a label map as those of a cine on the same grid.

    Programs that convert DICOM differ in which axis comes first and which end a slice begins at;
    voxels are never resampled here. A map of more or of fewer whole slices, or of a larger or a
    smaller field of view, gives the voxels that it has. A header of two statements places a cine on
    two grids; the one counts on which less of the map has to change.

    Args:
        path: file of the label, for messages.
        label: ``(A, B, C)``.
        label_affine: ``(4, 4)``, RAS millimetres.
        shape: ``(X, Y, Z)`` of the cine.
        affines: ``(4, 4)`` each, of the grids of the cine.

    Returns:
        The label ``(X, Y, Z)``, and a sentence where some of it lies outside.

    Raises:
        InputError: if no order and direction of axes puts it on a grid of the cine, or if one puts
            it on each and they differ.
    """
    if not all(elsewhere(label, label_affine, shape, affine) for affine in affines):
        return label, ()
    placements = [_placement(label, label_affine, shape, affine) for affine in affines]
    fitting = [placement for placement in placements if isinstance(placement, Placement)]
    if not fitting:
        raise InputError(f"{path}: the label {placements[0]}")
    fewest = min(placement.changes for placement in fitting)
    best, *others = (placement for placement in fitting if placement.changes == fewest)
    placed = _whole_voxels(best, shape)
    if not all(np.array_equal(_whole_voxels(other, shape), placed) for other in others):
        raise InputError(
            f"{path}: the label lies on both grids that the cine's header states (qform and "
            "sform), and on neither voxel by voxel: which is meant is not known. Save it with the "
            "axes and the extent of the cine, or the cine with one of the two."
        )
    return placed, _notes(path, best, placed)


def _placement(
    label: np.ndarray, label_affine: np.ndarray, shape: tuple[int, ...], affine: np.ndarray
) -> Placement | str:
    """Where a label map lies on one grid of a cine, or why it does not, and the fix."""
    across = slice_axis(shape, affine)
    to_cine = np.linalg.inv(affine) @ label_affine
    found = f"found {label.shape}"
    try:
        orientation = io_orientation(to_cine)
        if not np.isnan(orientation).any():
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
                if (first >= shape).any() or (first + turned.shape <= 0).any():
                    return "lies outside the cine. Give the label of this cine."
                other_axes = not np.array_equal(orientation, AS_STORED)
                other_extent = bool(first.any()) or turned.shape != tuple(shape)
                return Placement(label=turned, first=first, changes=other_axes + other_extent)
            if apart > CORNER_TOLERANCE:
                found += f", corners up to {apart:.1f} voxels away"
    except (OrientationError, np.linalg.LinAlgError) as error:
        found += f", affine not usable ({error})"
    return f"does not lie on the cine's grid of {tuple(shape)}: {found}. Resample it to the cine."


def _whole_voxels(placement: Placement, shape: tuple[int, ...]) -> np.ndarray:
    """Voxels of a map at their place in a cine, in whose voxel ``first`` the map begins."""
    label, first = placement.label, placement.first
    if label.shape == tuple(shape) and not first.any():
        return label
    low, high = np.maximum(first, 0), np.minimum(first + label.shape, shape)
    placed = np.zeros(shape, label.dtype)
    here = tuple(slice(a, b) for a, b in zip(low, high, strict=True))
    placed[here] = label[tuple(slice(a, b) for a, b in zip(low - first, high - first, strict=True))]
    return placed


def _notes(path: Path, placement: Placement, placed: np.ndarray) -> tuple[str, ...]:
    """What to tell of a map of another extent than the cine's, whose voxels are ``placed``."""
    label, first = placement.label, placement.first
    if label.shape == placed.shape and not first.any():
        return ()
    inside, all_ = np.count_nonzero(placed), np.count_nonzero(label)
    own, of_cine = (" x ".join(map(str, size)) for size in (label.shape, placed.shape))
    place = f"its {own} voxels begin at voxel {tuple(first.tolist())} of the cine's {of_cine}"
    if inside == all_:
        LOG.warning("%s: %s", path, place)
        return ()
    return (
        f"{path.name}: {all_ - inside} of its {all_} labelled voxels lie outside the cine: {place}."
        " Check that it is of this cine.",
    )
