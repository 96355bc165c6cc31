"""Rotation of the wall in its slice, from where the nodes of its mesh are in every frame.

The angle of the rigid motion that fits best by least squares, each element with its area at
end-diastole (in the plane: Arun, Huang and Blostein, IEEE Trans PAMI 1987; 9:698),
``tan(angle) = sum a (X x x) / sum a (X . x)``, where X and x are the middles of the elements at
end-diastole and now, seen from the centroid of the whole wall in either frame. So the heart's
translation does not count, and a layer or segment turns about the same point as the wall.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from myomotion.core.wall.mesh import WallMesh


def wall_rotation_deg(
    mesh: WallMesh, nodes: np.ndarray, part: np.ndarray | None = None, turn: float = 1.0
) -> np.ndarray:
    """Rotation of a wall or a part of it since end-diastole.

    Args:
        mesh: at end-diastole.
        nodes: where its nodes are, ``(T, angles, rows + 1, 2)`` in mm.
        part: which elements, boolean ``(angles, rows)``; None takes all.
        turn: -1 where an angle that grows from axis 0 towards axis 1 is to count as negative.

    Returns:
        ``(T,)`` in degrees, between -180 and 180.
    """
    return element_turns(mesh, nodes).rotation_deg(part, turn)


class ElementTurns(NamedTuple):
    """What each element adds to the sums that the angle is made of, ``(T, angles, rows)`` each.

    Attributes:
        cross: ``a (X x x)``.
        dot: ``a (X . x)``.
    """

    cross: np.ndarray
    dot: np.ndarray

    def rotation_deg(self, part: np.ndarray | None = None, turn: float = 1.0) -> np.ndarray:
        """Rotation of a part, see :func:`wall_rotation_deg`."""
        weight = np.ones(self.cross[0].size) if part is None else part.ravel().astype(float)
        sums = (values.reshape(len(values), -1) @ weight for values in self)
        angle: np.ndarray = np.arctan2(*sums)
        return turn * np.rad2deg(angle)


def element_turns(mesh: WallMesh, nodes: np.ndarray) -> ElementTurns:
    """What every part of a wall turns by, worked out once for all of them.

    Args:
        mesh: at end-diastole.
        nodes: where its nodes are, ``(T, angles, rows + 1, 2)`` in mm.

    Returns:
        The terms of all elements.
    """
    area = mesh.area
    before = mesh.middles - _centroid(mesh.middles, area)
    around = nodes + np.roll(nodes, -1, axis=-3)
    middles = (around[..., 1:, :] + around[..., :-1, :]) / 4
    after = middles - _centroid(middles, area)[..., None, None, :]
    cross = before[..., 0] * after[..., 1] - before[..., 1] * after[..., 0]
    return ElementTurns(area * cross, area * (before * after).sum(-1))


def _centroid(points: np.ndarray, area: np.ndarray) -> np.ndarray:
    """``(..., 2)`` of points ``(..., angles, rows, 2)``."""
    centroid: np.ndarray = (area[..., None] * points).sum((-3, -2)) / area.sum()
    return centroid
