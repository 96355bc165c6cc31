"""Heart coordinates: a lattice of points in the wall of a left ventricle, and what is read off it.

Every point has a height (0 at the apex, 1 at the base), an angle about the axis and a depth (0 at
the endocardium, 1 at the epicardium). Positions are ``(..., heights, angles, depths, 3)`` in mm;
the third component runs along the ventricle's axis from apex to base, and the angle grows from the
first component towards the second, counter-clockwise seen from the base.
"""

from __future__ import annotations

import numpy as np

LOWEST = 0.06  # height of the lowest ring; below it directions about the axis mean nothing
HEIGHTS = np.linspace(LOWEST, 1, 20)
ANGLES = 2 * np.pi * np.arange(36) / 36
DEPTHS = np.array([0.0, 0.5, 1.0])
BASE_COSINE = 0.25  # of the ellipse's parameter at the base: its part above the widest level
BASAL, APICAL = 0.85, 0.45  # heights between which torsion is measured


def height_share(heights: np.ndarray) -> np.ndarray:
    """Way along the axis, 0 apex to 1 base, of heights: even steps of an ellipse's parameter."""
    u = np.pi - heights * (np.pi - np.arccos(BASE_COSINE))
    return (1 + np.cos(u)) / (1 + BASE_COSINE)


def cylinder_directions() -> np.ndarray:
    """Circumferential, longitudinal and radial unit vectors at the angles, ``(angles, 3, 3)``.

    The directions are in the columns; longitudinal is the axis, from apex to base.
    """
    zero, one = np.zeros_like(ANGLES), np.ones_like(ANGLES)
    sine, cosine = np.sin(ANGLES), np.cos(ANGLES)
    around = np.stack([-sine, cosine, zero], axis=-1)
    along = np.stack([zero, zero, one], axis=-1)
    outward = np.stack([cosine, sine, zero], axis=-1)
    return np.stack([around, along, outward], axis=-1)


def tangents(positions: np.ndarray) -> np.ndarray:
    """Derivatives by height, angle and depth ``(..., heights, angles, depths, 3, 3)``.

    The derivative's coordinate is the last index; central differences, one-sided of second order at
    the ends, periodic around.
    """
    step = ANGLES[1]
    padded = np.concatenate([positions[..., -1:, :, :], positions, positions[..., :1, :, :]], -3)
    return np.stack(
        [
            np.gradient(positions, HEIGHTS, axis=-4, edge_order=2),
            ((padded[..., 2:, :, :] - padded[..., :-2, :, :]) / (2 * step)),
            np.gradient(positions, DEPTHS, axis=-2, edge_order=2),
        ],
        axis=-1,
    )


def cell_edges(positions: np.ndarray) -> np.ndarray:
    """Mean edges of the cells between the points, ``(..., H - 1, angles, D - 1, 3, 3)`` in mm.

    The last index says whether they run along height, angle or depth; their determinant is about
    the volume of the cell, and that of the moved wall over it the change of the tissue's volume
    without what differences at the wall's edges miss.
    """
    around = np.concatenate([positions, positions[..., :1, :, :]], axis=-3)
    parts = []
    for axis in (-4, -3, -2):
        edge = np.diff(around, axis=axis)
        for other in {-4, -3, -2} - {axis}:
            count = edge.shape[other]
            low = np.take(edge, np.arange(count - 1), axis=other)
            high = np.take(edge, np.arange(1, count), axis=other)
            edge = (low + high) / 2
        parts.append(edge)
    return np.stack(parts, axis=-1)


def directions_of(positions: np.ndarray) -> np.ndarray:
    """Circumferential, longitudinal and transmural unit vectors of a wall, ``(..., 3, 3)``.

    Longitudinal lies along the wall from apex to base, transmural is the outward normal; the
    directions are in the columns.
    """
    slopes = tangents(positions)
    around = slopes[..., 1] / np.linalg.norm(slopes[..., 1], axis=-1, keepdims=True)
    outward = np.cross(around, slopes[..., 0])
    outward /= np.linalg.norm(outward, axis=-1, keepdims=True)
    return np.stack([around, np.cross(outward, around), outward], axis=-1)


def closed_endocardium() -> np.ndarray:
    """Triangles ``(M, 3)`` of the endocardium, of its apex and of the base's plane.

    Points are counted ring after ring from the lowest one, then the tip, then the base's middle;
    seen from outside they run counter-clockwise.
    """
    rings, count = len(HEIGHTS), len(ANGLES)
    here = np.arange(rings * count).reshape(rings, count)
    after = np.roll(here, -1, axis=1)
    tip, middle = np.full(count, rings * count), np.full(count, rings * count + 1)
    a, b, c, d = here[:-1].ravel(), after[:-1].ravel(), after[1:].ravel(), here[1:].ravel()
    return np.concatenate(
        [
            np.stack([a, b, c], axis=-1),
            np.stack([a, c, d], axis=-1),
            np.stack([tip, after[0], here[0]], axis=-1),
            np.stack([middle, here[-1], after[-1]], axis=-1),
        ]
    )


def endocardial_points(positions: np.ndarray) -> np.ndarray:
    """Points of :func:`closed_endocardium`, ``(..., points, 3)`` in mm.

    The tip is that of the paraboloid through the two lowest rings.
    """
    inner = positions[..., 0, :]
    middle = inner.mean(-2)
    low = inner[..., :2, :, :] - middle[..., :2, None, :]
    squared = (low[..., :2] ** 2).sum(-1).mean(-1)
    z = middle[..., :2, 2]
    way = squared[..., 0] * (z[..., 1] - z[..., 0]) / (squared[..., 1] - squared[..., 0])
    tip = middle[..., 0, :].copy()
    tip[..., 2] -= way
    flat = inner.reshape(*inner.shape[:-3], -1, 3)
    return np.concatenate([flat, tip[..., None, :], middle[..., -1, None, :]], axis=-2)


def cavity_volume(positions: np.ndarray) -> np.ndarray:
    """Volume ``(...)`` in ml within the endocardium, closed across its upper edge."""
    a, b, c = np.moveaxis(endocardial_points(positions)[..., closed_endocardium(), :], -2, 0)
    volume: np.ndarray = (a * np.cross(b, c)).sum((-1, -2)) / 6000
    return volume


def meridian_length(positions: np.ndarray) -> np.ndarray:
    """Mean length ``(...)`` in mm of the endocardium from its lowest ring to the base."""
    steps = np.diff(positions[..., 0, :], axis=-3)
    length: np.ndarray = np.linalg.norm(steps, axis=-1).sum(-2).mean(-1)
    return length


def torsion(positions: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Turn of the apical against the basal level over their distance, degrees/cm.

    Positive where the apex turns counter-clockwise seen from the apex.

    Args:
        positions: of the wall in any frames ``(..., heights, angles, depths, 3)``.
        reference: at end-diastole.
    """
    apical, basal = (rotation(positions, reference, h) for h in (APICAL, BASAL))
    levels = reference[..., 2].mean((-1, -2))
    distance = np.interp(BASAL, HEIGHTS, levels) - np.interp(APICAL, HEIGHTS, levels)
    return (apical - basal) / (distance / 10)


def rotation(positions: np.ndarray, reference: np.ndarray, height: float) -> np.ndarray:
    """Turn ``(...)`` of a level in degrees, positive counter-clockwise seen from the apex."""
    turns = []
    for ring in np.searchsorted(HEIGHTS, height) - np.array([1, 0]):
        a, b = reference[ring, ..., :2], positions[..., ring, :, :, :2]
        a, b = a - a.mean((0, 1)), b - b.mean((-3, -2), keepdims=True)
        crossed = (a[..., 0] * b[..., 1] - a[..., 1] * b[..., 0]).sum((-1, -2))
        turns.append(-np.rad2deg(np.arctan2(crossed, (a * b).sum((-1, -2, -3)))))
    upper = np.searchsorted(HEIGHTS, height)
    share = (height - HEIGHTS[upper - 1]) / (HEIGHTS[upper] - HEIGHTS[upper - 1])
    turn: np.ndarray = (1 - share) * turns[0] + share * turns[1]
    return turn


def green_lagrange(positions: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Strain ``(..., heights, angles, depths, 3, 3)`` against the reference.

    Along the reference's directions, see :func:`directions_of`.
    """
    motion = tangents(positions) @ np.linalg.inv(tangents(reference))
    local = motion @ directions_of(reference)
    strain: np.ndarray = (np.swapaxes(local, -1, -2) @ local - np.eye(3)) / 2
    return strain
