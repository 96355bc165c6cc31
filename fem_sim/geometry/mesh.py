"""A structured ring of quadrilaterals between two contours."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myomotion.core.wall.contours import Contours, RejectedSliceError, polygon_area

MIN_SCALED_JACOBIAN = 0.3
WINSLOW_ITERATIONS = 30


@dataclass(frozen=True)
class RingMesh:
    """Bilinear quadrilaterals, periodic along the circumference.

    Attributes:
        points: ``(n_circ, n_rad + 1, 2)`` vertices in mm; radial index 0 is the endocardium.
    """

    points: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Elements along the circumference and across the wall."""
        return self.points.shape[0], self.points.shape[1] - 1

    def vertices(self) -> np.ndarray:
        """Vertices as a list ``(n, 2)``, radial index fastest."""
        return self.points.reshape(-1, 2)

    def cells(self) -> np.ndarray:
        """Counter-clockwise vertex numbers of each element, ``(n_circ * n_rad, 4)``."""
        n_circ, n_rad = self.shape
        i, j = np.meshgrid(np.arange(n_circ), np.arange(n_rad), indexing="ij")
        following = (i + 1) % n_circ
        row = n_rad + 1
        corners = [i * row + j, i * row + j + 1, following * row + j + 1, following * row + j]
        return np.stack(corners, axis=-1).reshape(-1, 4)

    def lattice(self) -> np.ndarray:
        """Q2 nodes ``(2 n_circ, 2 n_rad + 1, 2)``: vertices, edge and cell middles."""
        around = np.empty((2 * self.points.shape[0], self.points.shape[1], 2))
        around[::2] = self.points
        around[1::2] = (self.points + np.roll(self.points, -1, axis=0)) / 2
        full = np.empty((around.shape[0], 2 * self.points.shape[1] - 1, 2))
        full[:, ::2] = around
        full[:, 1::2] = (around[:, :-1] + around[:, 1:]) / 2
        return full

    def scaled_jacobian(self) -> np.ndarray:
        """Smallest corner Jacobian over the product of edge lengths, one value an element."""
        corners = self.vertices()[self.cells()]
        after = np.roll(corners, -1, axis=1) - corners
        before = np.roll(corners, 1, axis=1) - corners
        cross = after[..., 0] * before[..., 1] - after[..., 1] * before[..., 0]
        length = np.linalg.norm(after, axis=-1) * np.linalg.norm(before, axis=-1)
        return (cross / np.maximum(length, 1e-12)).min(axis=1)


def ring_mesh(contours: Contours, n_circ: int = 48, n_rad: int = 4) -> RingMesh:
    """Mesh the wall: transfinite interpolation, then Winslow smoothing of the inner vertices.

    The polygons through the ``n_circ`` boundary vertices are scaled about their centroids to the
    areas of the contours, so that straight edges cost no area.

    Args:
        contours: matched polygons.
        n_circ: elements along the circumference.
        n_rad: elements across the wall.

    Returns:
        The mesh.

    Raises:
        RejectedSliceError: code ``mesh``, if an element's scaled Jacobian is below 0.3.
    """
    endo, epi = (_resample(c, n_circ) for c in (contours.endo, contours.epi))
    share = np.linspace(0, 1, n_rad + 1)[None, :, None]
    points = endo[:, None] * (1 - share) + epi[:, None] * share
    smoothed = _winslow(points)
    best = max((RingMesh(points), RingMesh(smoothed)), key=lambda m: m.scaled_jacobian().min())
    quality = float(best.scaled_jacobian().min())
    if quality < MIN_SCALED_JACOBIAN:
        raise RejectedSliceError(
            "mesh", f"smallest scaled Jacobian is {quality:.2f}, need {MIN_SCALED_JACOBIAN}"
        )
    return best


def _resample(polygon: np.ndarray, count: int) -> np.ndarray:
    """Vertices at equal index steps, scaled so that the polygon keeps its area."""
    index = np.arange(count) * len(polygon) / count
    extended = np.vstack([polygon, polygon[:1]])
    points = np.stack(
        [np.interp(index, np.arange(len(extended)), extended[:, i]) for i in range(2)], axis=1
    )
    scale = np.sqrt(polygon_area(polygon) / polygon_area(points))
    center = points.mean(0)
    return center + scale * (points - center)


def _winslow(points: np.ndarray) -> np.ndarray:
    """Solve the Winslow equations by relaxation, boundary vertices fixed."""
    x = points.copy()
    for _ in range(WINSLOW_ITERATIONS):
        ahead, behind = np.roll(x, -1, axis=0)[:, 1:-1], np.roll(x, 1, axis=0)[:, 1:-1]
        outer, inner = x[:, 2:], x[:, :-2]
        d_circ, d_rad = (ahead - behind) / 2, (outer - inner) / 2
        alpha = (d_rad**2).sum(-1, keepdims=True)
        gamma = (d_circ**2).sum(-1, keepdims=True)
        beta = (d_circ * d_rad).sum(-1, keepdims=True)
        forward, backward = np.roll(x, -1, axis=0), np.roll(x, 1, axis=0)
        mixed = (forward[:, 2:] - forward[:, :-2] - backward[:, 2:] + backward[:, :-2]) / 4
        new = alpha * (ahead + behind) + gamma * (outer + inner) - 2 * beta * mixed
        x[:, 1:-1] = new / (2 * (alpha + gamma))
    return x
