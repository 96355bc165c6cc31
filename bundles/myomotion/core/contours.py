"""Contours and what they enclose; scores of a registration: overlap, distances, folding."""

from __future__ import annotations

from collections.abc import Sequence

import contourpy
import numpy as np
from scipy import ndimage
from scipy.spatial import cKDTree

POINT_STEP = 0.1  # voxels between the points that stand for a contour


def dice(first: np.ndarray, second: np.ndarray) -> float:
    """Dice overlap ``2 |A and B| / (|A| + |B|)`` of two masks.

    Args:
        first: boolean ``(H, W)``.
        second: boolean ``(H, W)``.

    Returns:
        0 to 1; NaN if both are empty.
    """
    total = int(first.sum()) + int(second.sum())
    return float(2 * (first & second).sum() / total) if total else float("nan")


def ring_contours(mask: np.ndarray) -> list[np.ndarray]:
    """Sub-pixel contours of a myocardium at the level 0.5, epicardium first.

    Args:
        mask: ``(H, W)``, values 0 to 1 (a soft mask gives a smoother contour).

    Returns:
        Epicardial and, where the ring is closed, endocardial contour, each ``(N, 2)`` in voxels.
    """
    padded = np.pad(np.asarray(mask, float), 1)
    closed = sorted((dense(line - 1) for line in level_lines(padded, 0.5)), key=len)
    return closed[::-1][:2]


def heart_contours(
    wall: np.ndarray, cavity: np.ndarray, smoothing: float = 0.0
) -> list[np.ndarray]:
    """Contours of a wall as they are drawn: both closed where the wall closes around the cavity.

    A ring that is so thin somewhere that a coarser grid or smoothing opens it would have neither.

    Args:
        wall: myocardium ``(H, W)``, values 0 to 1.
        cavity: the same of the cavity.
        smoothing: standard deviation in voxels, which takes steps of a label off.

    Returns:
        Outlines of wall and cavity together and of the cavity, ``(N, 2)`` each in voxels; those of
        :func:`ring_contours` where the wall is open by more than two voxels.
    """
    inner = ndimage.gaussian_filter(np.asarray(cavity, float), smoothing)
    muscle = ndimage.gaussian_filter(np.asarray(wall, float), smoothing)
    held = ndimage.binary_fill_holes(ndimage.binary_dilation(wall > 0.5, np.ones((3, 3))))
    blood = cavity > 0.5
    if not blood.any() or not held[blood].all():
        return ring_contours(muscle)
    return ring_contours(muscle + inner)[:1] + ring_contours(inner)[:1]


def level_lines(values: np.ndarray, level: float) -> list[np.ndarray]:
    """Lines along which a map has a value, sub-pixel.

    Args:
        values: ``(H, W)``.
        level: the value.

    Returns:
        Lines ``(N, 2)`` in voxels; outlines of holes run the other way round than those around
        them, so that :func:`enclosed_area` of all is that of what is above the level.
    """
    lines = contourpy.contour_generator(z=values.T).lines(level)
    return [np.asarray(line) for line in lines if len(line) > 3]


def dense(line: np.ndarray) -> np.ndarray:
    """Points along a line ``(N, 2)`` that stand for it, at most ``POINT_STEP`` voxels apart."""
    lengths = np.linalg.norm(np.diff(line, axis=0), axis=1)
    travelled = np.concatenate([[0], np.cumsum(lengths)])
    at = np.arange(0, travelled[-1], POINT_STEP)
    return np.stack([np.interp(at, travelled, line[:, i]) for i in range(2)], axis=1)


def filled(lines: Sequence[np.ndarray], shape: Sequence[int]) -> np.ndarray:
    """Voxels whose middle lies within closed lines, by the even-odd rule.

    Args:
        lines: ``(N, 2)`` each, in voxels, the last point joined to the first.
        shape: ``(X, Y)`` of the picture.

    Returns:
        Boolean ``(X, Y)``.
    """
    crossings = np.zeros((shape[0], shape[1] + 1), int)
    for line in lines:
        start, end = line, np.roll(line, -1, axis=0)
        low, high = (pick(start[:, 0], end[:, 0]) for pick in (np.minimum, np.maximum))
        first, last = np.ceil(low).astype(int), np.ceil(high).astype(int)  # first <= x < last
        count = last - first
        edge = np.repeat(np.arange(len(line)), count)
        x = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
        a, b = start[edge], end[edge]
        y = a[:, 1] + (x - a[:, 0]) * (b[:, 1] - a[:, 1]) / (b[:, 0] - a[:, 0])
        shown = (x >= 0) & (x < shape[0])
        np.add.at(crossings, (x[shown], np.clip(np.ceil(y[shown]), 0, shape[1]).astype(int)), 1)
    inside: np.ndarray = np.cumsum(crossings, axis=1)[:, :-1] % 2 == 1
    return inside


def enclosed_area(lines: Sequence[np.ndarray]) -> np.ndarray:
    """Area within closed lines, that of holes taken away (Green's theorem, "shoelace").

    Args:
        lines: ``(..., N, 2)`` each, from :func:`level_lines` or such lines after a motion.

    Returns:
        ``(...)``, in the square of their unit.
    """
    return np.abs(sum(signed_area(line) for line in lines))


def signed_area(line: np.ndarray) -> np.ndarray:
    """Area within one closed line ``(..., N, 2)``, positive where it runs counter-clockwise."""
    x, y = line[..., 0], line[..., 1]
    area: np.ndarray = (x * np.roll(y, -1, -1) - y * np.roll(x, -1, -1)).sum(-1) / 2
    return area


def closed_length(line: np.ndarray) -> np.ndarray:
    """Length of one closed line ``(..., N, 2)``, its last point joined to the first."""
    length: np.ndarray = np.linalg.norm(line - np.roll(line, 1, axis=-2), axis=-1).sum(-1)
    return length


def contour_distances(first: np.ndarray, second: np.ndarray, spacing: float) -> tuple[float, float]:
    """Symmetric distances between two myocardia, over endocardium and epicardium.

    The mean contour distance (MCD) is the mean of both directions, averaged over the two contours;
    HD95 is the larger of the two directions' 95th percentiles, over all contour points. Where one
    ring is open the contours are taken together.

    Args:
        first: ``(H, W)`` mask, values 0 to 1.
        second: ``(H, W)`` mask, values 0 to 1.
        spacing: voxel size in millimetres.

    Returns:
        ``(MCD, HD95)`` in millimetres; NaN if a mask is empty.
    """
    a, b = ring_contours(first), ring_contours(second)
    if not a or not b:
        return float("nan"), float("nan")
    if len(a) != len(b):
        a, b = [np.concatenate(a)], [np.concatenate(b)]
    means, percentiles = [], []
    for p, q in zip(a, b, strict=True):
        means.append((cKDTree(q).query(p)[0].mean() + cKDTree(p).query(q)[0].mean()) / 2)
    p, q = np.concatenate(a), np.concatenate(b)
    for x, y in ((p, q), (q, p)):
        percentiles.append(np.percentile(cKDTree(y).query(x)[0], 95))
    return float(np.mean(means)) * spacing, float(max(percentiles)) * spacing


def jacobian_scores(
    jacobian: np.ndarray, myocardium: np.ndarray, area_ratio: float | None = None
) -> dict[str, float]:
    """Volume preservation of a field over the end-diastolic myocardium.

    Args:
        jacobian: ``(H, W)`` Jacobian determinant.
        myocardium: boolean ``(H, W)``.
        area_ratio: myocardial area at end-systole / at end-diastole from labels, if known.

    Returns:
        ``abs_j_minus_1`` (mean of ``||J| - 1|``), ``mean_j``, ``fold_fraction`` (share of J <= 0)
        and ``area_change_error`` = |mean J - area_ratio| (NaN without labels).
    """
    j = jacobian[myocardium]
    error = float("nan") if area_ratio is None else abs(float(j.mean()) - area_ratio)
    return {
        "abs_j_minus_1": float(np.abs(np.abs(j) - 1).mean()),
        "mean_j": float(j.mean()),
        "fold_fraction": float((j <= 0).mean()),
        "area_change_error": error,
    }
