"""A structured mesh of quadrilaterals on the wall of one slice, from its two contours.

Strain that is taken on it never looks beyond the wall. In use::

    contours = contours_from_labels(label, spacing)  # myomotion.core.wall.contours
    mesh = wall_mesh(contours)
    nodes = WallField(mesh, spacing, size).nodes(displacement)  # myomotion.core.wall.field
    strain = wall_strain(mesh, nodes)  # myomotion.core.wall.strain

``nodes`` are where the mesh's nodes are in every frame, ``(T, angles, rows + 1, 2)``: rotation and
thickness follow from them. In :mod:`myomotion.analysis` all of this is made once a slice, see
:func:`~myomotion.analysis.measures.on_wall.mesh.wall_of`.

Nodes lie on rays from the centroid of the cavity, evenly spaced between the contours, so that the
coordinates of any point in the mesh follow without iteration.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myomotion.core.wall.contours import Contours, RejectedSliceError, polygon_centroid

ANGLES = 72  # elements along the circumference
LAYERS = ("endo", "mid", "epi")  # thirds of the wall's thickness at end-diastole
ROWS = 9  # elements across the wall, the same number in each layer


@dataclass(frozen=True, kw_only=True, eq=False)
class WallMesh:
    """Quadrilaterals between endo- and epicardium at end-diastole.

    Attributes:
        center: ``(2,)`` centroid of the cavity, mm.
        nodes: ``(angles, rows + 1, 2)`` in mm; the first index runs along the circumference
            (periodic, from axis 0 towards axis 1), the second from endo- to epicardium.
        endo: ``(2, N)`` angles, increasing, and radii in mm of the endocardium about the centre.
        epi: the same of the epicardium.
    """

    center: np.ndarray
    nodes: np.ndarray
    endo: np.ndarray
    epi: np.ndarray

    @property
    def area(self) -> np.ndarray:
        """Area of each element, ``(angles, rows)`` in mm^2."""
        return np.abs(np.linalg.det(tangents(self.nodes)))

    @property
    def middles(self) -> np.ndarray:
        """Centre of each element, ``(angles, rows, 2)`` in mm."""
        around = self.nodes + np.roll(self.nodes, -1, axis=0)
        return (around[:, 1:] + around[:, :-1]) / 4

    @property
    def layers(self) -> np.ndarray:
        """Index into :data:`LAYERS` of each row of elements, ``(rows,)``."""
        rows = self.nodes.shape[1] - 1
        return np.arange(rows) * len(LAYERS) // rows

    def polar(self, points: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Where points lie in the wall.

        Args:
            points: ``(N, 2)`` in mm.

        Returns:
            Angle and radius about the centre, and the radii of endo- and epicardium along that
            angle, each ``(N,)``.
        """
        offset = points - self.center
        angle = np.arctan2(offset[:, 1], offset[:, 0])
        inner, outer = (
            np.interp(angle, c[0], c[1], period=2 * np.pi) for c in (self.endo, self.epi)
        )
        return angle, np.hypot(offset[:, 0], offset[:, 1]), inner, outer


def wall_mesh(contours: Contours) -> WallMesh:
    """Mesh the wall between two contours.

    Args:
        contours: in mm.

    Returns:
        The mesh, of :data:`ANGLES` times :data:`ROWS` elements.

    Raises:
        RejectedSliceError: code ``not_star_shaped`` where a ray from the centre meets a contour
            more than once, ``thin_wall`` where the contours touch.
    """
    center = polygon_centroid(contours.endo)
    endo, epi = (_star(contour, center) for contour in (contours.endo, contours.epi))
    angle = 2 * np.pi * np.arange(ANGLES) / ANGLES
    inner, outer = (np.interp(angle, c[0], c[1], period=2 * np.pi) for c in (endo, epi))
    if not (outer > inner).all():
        raise RejectedSliceError("thin_wall", "endo- and epicardium touch each other")
    radius = inner[:, None] + (outer - inner)[:, None] * np.linspace(0, 1, ROWS + 1)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return WallMesh(
        center=center, nodes=center + radius[..., None] * ray[:, None], endo=endo, epi=epi
    )


def tangents(nodes: np.ndarray) -> np.ndarray:
    """Tangents at the centres of bilinear elements.

    Args:
        nodes: ``(..., angles, rows + 1, 2)``.

    Returns:
        ``(..., angles, rows, 2, 2)``: component, and whether along the circumference or outward.
    """
    after = np.roll(nodes, -1, axis=-3)
    inner, outer = nodes[..., :-1, :], nodes[..., 1:, :]
    inner_after, outer_after = after[..., :-1, :], after[..., 1:, :]
    around = (inner_after - inner + outer_after - outer) / 2
    outward = (outer - inner + outer_after - inner_after) / 2
    return np.stack([around, outward], axis=-1)


def _star(contour: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Angles, increasing, and radii ``(2, N)`` of a contour about a centre."""
    offset = contour - center
    angle = np.unwrap(np.arctan2(offset[:, 1], offset[:, 0]))
    steps = np.diff(np.append(angle, angle[0] + 2 * np.pi * np.sign(angle[-1] - angle[0])))
    if not ((steps > 0).all() or (steps < 0).all()) or abs(steps.sum()) > 2 * np.pi + 1e-6:
        raise RejectedSliceError(
            "not_star_shaped", "a contour is not seen whole from the middle of the cavity"
        )
    order = np.argsort(angle % (2 * np.pi))
    return np.stack([(angle % (2 * np.pi))[order], np.hypot(offset[:, 0], offset[:, 1])[order]])
