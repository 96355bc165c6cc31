"""Node positions over a cycle: rigid motion taken out, torsion put in."""

from __future__ import annotations

import numpy as np

from fem_sim.mechanics.lattice import node_areas
from fem_sim.mechanics.newton import State
from fem_sim.mechanics.ring import RingModel
from myomotion.core.wall.contours import polygon_centroid


def cycle_positions(model: RingModel, states: list[State], torsion: float) -> np.ndarray:
    """Node positions over a cycle, without rigid motion and with torsion.

    Args:
        model: the ring.
        states: from :func:`cycle_states`.
        torsion: see :class:`SimulationParameters`.

    Returns:
        ``(T, 2 n_circ, 2 n_rad + 1, 2)`` in mm, end-diastole first.
    """
    positions = np.stack([model.positions(state.x) for state in states])
    return _add_torsion(remove_rigid_motion(positions), torsion)


def remove_rigid_motion(positions: np.ndarray) -> np.ndarray:
    """Fit every frame to the first by the best rigid motion, weighted by the first frame's area.

    Args:
        positions: ``(T, 2 n_circ, 2 n_rad + 1, 2)`` in mm.

    Returns:
        The same shape; mean displacement and mean rotation against frame 0 vanish.
    """
    weight = node_areas(positions[0]).ravel()
    weight = weight / weight.sum()
    first = positions[0].reshape(-1, 2)
    center = weight @ first
    fitted = np.empty_like(positions)
    for frame, nodes in enumerate(positions):
        flat = nodes.reshape(-1, 2)
        offset = flat - weight @ flat
        covariance = (weight[:, None] * offset).T @ (first - center)
        angle = np.arctan2(covariance[0, 1] - covariance[1, 0], np.trace(covariance))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        fitted[frame] = (offset @ rotation.T + center).reshape(nodes.shape)
    return fitted


def _add_torsion(positions: np.ndarray, degrees: float) -> np.ndarray:
    """Turn layers about the cavity: an isochoric shear that grows with the contraction."""
    if degrees == 0:
        return positions
    n_rad = positions.shape[2] - 1
    share = 1 - np.arange(n_rad + 1) / n_rad
    moved = np.linalg.norm((positions - positions[0]).reshape(len(positions), -1), axis=1)
    turned = positions.copy()
    for frame in range(len(positions)):
        center = polygon_centroid(positions[frame, :, 0])
        radius = np.linalg.norm(positions[frame] - center, axis=-1)
        low, high = radius[:, :1].mean(), radius[:, -1:].mean()
        depth = (high**2 - radius**2) / (high**2 - low**2)
        angle = np.deg2rad(degrees) * moved[frame] / moved[-1] * (depth - share.mean())
        cosine, sine = np.cos(angle), np.sin(angle)
        offset = positions[frame] - center
        turned[frame, ..., 0] = center[0] + cosine * offset[..., 0] - sine * offset[..., 1]
        turned[frame, ..., 1] = center[1] + sine * offset[..., 0] + cosine * offset[..., 1]
    return remove_rigid_motion(turned)
