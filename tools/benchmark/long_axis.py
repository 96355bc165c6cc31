"""Longitudinal shortening from contours of a long-axis view, beside that of a study in space.

The endocardium's contour is open: from one side of the mitral valve around the apex to the other.
GLS is the change of its length from end-diastole to end-systole, the mean over views.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from myomotion.core.axes import LPS_FROM_RAS
from myomotion.core.contours import level_lines
from myomotion.errors import InputError
from myomotion.io.codes import CAVITY, MYOCARDIUM
from tools.convert.nifti import read_labels
from tools.move.points import read_points

FEWEST = 8
LENGTHS_MM = (60.0, 400.0)  # of an endocardium in a long-axis view, from infants to large hearts
LARGEST_STEP = 0.2  # of the length, between neighbouring points
OPEN = 0.05  # of the length, between the ends at the least
SMOOTHING = 1.0  # voxels; takes the steps of a label's voxels off its contour
TOUCHING = 2.0  # voxels from the cavity's edge to the wall, where the edge is endocardium
BRIDGED = 4.0  # voxels along the contour of what is not, that belongs to it all the same


@dataclass(frozen=True, kw_only=True)
class Tissues:
    """Codes of a label map.

    Attributes:
        cavity: of the left ventricle's blood.
        wall: of its myocardium.
    """

    cavity: int = CAVITY
    wall: int = MYOCARDIUM


def shortening(
    diastole: Sequence[Path], systole: Sequence[Path], tissues: Tissues
) -> dict[str, Any]:
    """GLS of one view or more.

    Args:
        diastole: contours at end-diastole, one a view: CSV with ``x, y, z`` in millimetres, or a
            NIfTI label of a single slice.
        systole: at end-systole, of the same views.
        tissues: codes of labels.

    Returns:
        ``gls_percent``, the mean, and ``views`` with ``end_diastole``, ``end_systole`` (files),
        ``length_ed_mm``, ``length_es_mm`` and ``gls_percent``.

    Raises:
        InputError: if the numbers of contours differ, or one is no open contour of an endocardium.
    """
    if len(diastole) != len(systole):
        raise InputError(
            f"{len(diastole)} contours at end-diastole and {len(systole)} at end-systole. Give one "
            "of each for every view."
        )
    views = []
    for ed, es in zip(diastole, systole, strict=True):
        lengths = [contour_length(path, read_contour(path, tissues)) for path in (ed, es)]
        views.append(
            {
                "end_diastole": ed.name,
                "end_systole": es.name,
                "length_ed_mm": lengths[0],
                "length_es_mm": lengths[1],
                "gls_percent": 100 * (lengths[1] / lengths[0] - 1),
            }
        )
    return {"gls_percent": float(np.mean([v["gls_percent"] for v in views])), "views": views}


def beside(found: dict[str, Any], study: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """What :func:`shortening` found beside a study's motion in space.

    Args:
        found: of the long-axis views.
        study: result folder, for messages.
        summary: its ``summary.json``.

    Returns:
        ``found`` with ``study``: ``gls_percent``, ``gls_uncertainty``, ``difference`` (study less
        contours, points) and ``within_uncertainty``.

    Raises:
        InputError: if the study has no motion in space.
    """
    volume = summary.get("volume")
    if volume is None:
        raise InputError(f"{study}: tracked without motion in space. Track with --volume True.")
    if "gls_percent" not in volume:
        raise InputError(
            f"{study}: has no motion in space ({volume['not_computed_because']}), and so no GLS."
        )
    difference = volume["gls_percent"] - found["gls_percent"]
    return {
        **found,
        "study": {
            "gls_percent": volume["gls_percent"],
            "gls_uncertainty": volume["gls_uncertainty"],
            "difference": difference,
            "within_uncertainty": bool(abs(difference) <= volume["gls_uncertainty"]),
        },
    }


def read_contour(path: Path, tissues: Tissues) -> np.ndarray:
    """Open contour ``(N, 3)`` in millimetres of a table of points or of a label.

    Args:
        path: CSV with ``x, y, z``, points in their order along the endocardium; or NIfTI.
        tissues: codes of a label.

    Raises:
        InputError: if it cannot be read.
    """
    if path.name.endswith((".nii", ".nii.gz")):
        return _of_label(path, tissues)
    return read_points(path)


def contour_length(path: Path, points: np.ndarray) -> float:
    """Length of an open contour in millimetres.

    Args:
        path: where it is from, for messages.
        points: ``(N, 3)``.

    Raises:
        InputError: if it is closed, too short or long, or its points do not follow each other.
    """
    if len(points) < FEWEST or not np.isfinite(points).all():
        raise InputError(f"{path}: {len(points)} points. Give {FEWEST} or more, all with a place.")
    steps = np.linalg.norm(np.diff(points, axis=0), axis=1)
    length = float(steps.sum())
    if not LENGTHS_MM[0] <= length <= LENGTHS_MM[1]:
        raise InputError(
            f"{path}: a contour of {length:.1f} mm; an endocardium in a long-axis view has "
            f"{LENGTHS_MM[0]:g} to {LENGTHS_MM[1]:g}. Give millimetres."
        )
    if np.linalg.norm(points[0] - points[-1]) < OPEN * length:
        raise InputError(
            f"{path}: the contour is closed. Leave it open across the mitral valve, from one side "
            "around the apex to the other."
        )
    if steps.max() > LARGEST_STEP * length:
        raise InputError(
            f"{path}: {steps.max():.1f} mm between two points that follow each other, of "
            f"{length:.1f} in all. Give points in their order along the contour, evenly."
        )
    return length


def _of_label(path: Path, tissues: Tissues) -> np.ndarray:
    """The cavity's edge where it touches the wall, ``(N, 3)`` in LPS millimetres."""
    labels = read_labels(path)
    codes = np.squeeze(labels.codes)
    flat = [axis for axis, size in enumerate(labels.codes.shape) if size == 1]
    if codes.ndim != 2 or labels.codes.ndim != 3 or len(flat) != 1:
        raise InputError(
            f"{path}: shape {labels.codes.shape}. Give the label of a single slice and frame."
        )
    for name, code in (("cavity", tissues.cavity), ("wall", tissues.wall)):
        if not (codes == code).any():
            there = ", ".join(str(int(c)) for c in np.unique(codes))
            raise InputError(
                f"{path}: no voxel has label {code} ({name}); labels found: {there}. Set "
                f"--{name}-label; wall and cavity are both needed to tell endocardium from valve."
            )
    soft = ndimage.gaussian_filter(np.pad((codes == tissues.cavity).astype(float), 3), SMOOTHING)
    lines = level_lines(soft, 0.5)
    if not lines:
        raise InputError(f"{path}: the cavity is too small to have a contour.")
    edge = max(lines, key=len)[:-1] - 3
    away = ndimage.distance_transform_edt(codes != tissues.wall)
    touching = ndimage.map_coordinates(away, edge.T, order=1, mode="nearest") <= TOUCHING
    open_edge = edge[_longest_run(touching, edge)]
    index = np.insert(open_edge, flat[0], 0.0, axis=1)
    ras = index @ labels.affine[:3, :3].T + labels.affine[:3, 3]
    return np.asarray(ras @ LPS_FROM_RAS.T)


def _longest_run(touching: np.ndarray, edge: np.ndarray) -> np.ndarray:
    """Indices of the longest part of a closed line that touches the wall, small gaps bridged."""
    if touching.all():
        return np.arange(len(edge))
    first = int(np.argmin(touching))  # a place that does not touch: no run goes across it
    order = np.roll(np.arange(len(edge)), -first)
    step = np.linalg.norm(np.diff(edge, axis=0), axis=1).mean()
    closed = ndimage.binary_closing(touching[order], np.ones(max(int(BRIDGED / step), 1)))
    runs, count = ndimage.label(closed)
    if count == 0:
        return np.arange(0)
    sizes = np.bincount(runs)[1:]
    return np.asarray(order[runs == 1 + int(sizes.argmax())])
