"""A truncated ellipsoid cut into slices, and what moves it."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS, cavity_volume, height_share
from myomotion.analysis.volume.lift import Tracks
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.planes import at_place, meet
from myomotion.analysis.volume.shape import HeartShape, heart_shape
from myomotion.core.wall.contours import Contours

RADIUS, WALL, LONG, BASE = 25.0, 10.0, 65.0, 16.25  # mm; the base at a quarter of the long axis
LEVELS = np.arange(-45.0, 16.0, 10.0)


def ellipsoid() -> np.ndarray:
    """A truncated ellipsoid's wall on the lattice, its widest level at z = 0."""
    share = height_share(HEIGHTS)[:, None, None]
    depth = DEPTHS[None, None]
    tip = -(LONG + WALL * depth)
    z = tip + share * (BASE - tip) + 0 * ANGLES[:, None]
    radius = (RADIUS + WALL * depth) * np.sqrt(np.maximum(1 - (z / tip) ** 2, 1e-4))
    return np.stack(
        [radius * np.cos(ANGLES)[:, None], radius * np.sin(ANGLES)[:, None], z], axis=-1
    )


def ring(level: float, radius: float, long: float) -> np.ndarray:
    """Contour of an ellipsoid in a plane."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    across = radius * np.sqrt(1 - (level / long) ** 2)
    return across * np.stack([np.cos(angle), np.sin(angle)], axis=-1)


def shape_of_slices() -> HeartShape:
    contours = [
        Contours(endo=ring(z, RADIUS, LONG), epi=ring(z, RADIUS + WALL, LONG + WALL))
        for z in LEVELS
    ]
    return heart_shape(LEVELS.tolist(), contours)


def tracks_of(start: np.ndarray, moved: np.ndarray) -> Tracks:
    """What a perfect tracker sees in planes that stay: nothing, then the motion."""
    seen = [
        at_place(meet(moved, z), moved)[..., :2] - at_place(meet(start, z), start)[..., :2]
        for z in LEVELS
    ]
    moves = np.stack([np.zeros_like(seen), seen])
    return Tracks(levels=LEVELS, moves=moves, trust=np.ones(len(LEVELS)))


def beating(shape: HeartShape) -> np.ndarray:
    """The wall moved as every simulated heart moves most: by the first mode."""
    basis, spreads = shipped_modes().basis(shape.positions)
    moved = shape.positions + basis[..., 0] * 0.7 * spreads[0]
    if cavity_volume(moved) > cavity_volume(shape.positions):  # a mode has no sign
        moved = shape.positions - basis[..., 0] * 0.7 * spreads[0]
    return moved
