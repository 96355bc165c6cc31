"""The wall of a simulated ventricle on a lattice of heights, angles and depths."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import RBFInterpolator

from fem_sim.heart3d.motion import HeartMotion


@dataclass(frozen=True, kw_only=True, eq=False)
class MovingWall:
    """A wall over a beat; frame 0 is end-diastole.

    Attributes:
        positions: ``(T, heights, angles, depths, 3)`` in mm, z from apex to base.
        heights: 0 at the apex to 1 at the base.
        es_frame: number of the end-systolic frame.
    """

    positions: np.ndarray
    heights: np.ndarray
    es_frame: int


def moving_wall(
    motion: HeartMotion, heights: np.ndarray, angles: np.ndarray, depths: np.ndarray
) -> MovingWall:
    """Positions of tissue at given heights, end-diastolic angles and depths.

    Within each sheet of nodes of one depth positions are interpolated by thin plates over the disc
    of height and angle, between the sheets by a parabola through the three that are nearest.

    Args:
        motion: of a ventricle.
        heights: ``(H,)``.
        angles: ``(A,)`` about the axis at end-diastole, radians.
        depths: ``(D,)``.
    """
    frames = len(motion.positions)
    levels = np.unique(np.round(motion.depth, 6))
    place = heights[:, None, None] * np.stack([np.cos(angles), np.sin(angles)], axis=-1)
    sheets = []
    for level in levels:
        nodes = np.flatnonzero(np.isclose(motion.depth, level, atol=1e-5))
        start = motion.positions[0, nodes].astype(float)
        angle = np.arctan2(start[:, 1], start[:, 0])
        disc = motion.height[nodes, None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
        moves = motion.positions[:, nodes].transpose(1, 0, 2).reshape(len(nodes), -1)
        found = RBFInterpolator(disc, moves.astype(float))(place.reshape(-1, 2))
        sheets.append(found.reshape(len(heights), len(angles), frames, 3))
    stacked = np.stack(sheets, axis=2)
    weights = _lagrange(levels, depths)
    positions = np.einsum("dl,haltj->thadj", weights, stacked, optimize=True)
    return MovingWall(positions=positions, heights=heights, es_frame=motion.es_frame)


def _lagrange(levels: np.ndarray, depths: np.ndarray) -> np.ndarray:
    """Weights ``(depths, levels)`` of parabolas through the three levels about each depth."""
    weights = np.zeros((len(depths), len(levels)))
    for row, depth in enumerate(depths):
        nearest = np.argsort(np.abs(levels - depth), kind="stable")[:3]
        for i in nearest:
            others = [levels[j] for j in nearest if j != i]
            weights[row, i] = np.prod([(depth - o) / (levels[i] - o) for o in others])
    return weights
