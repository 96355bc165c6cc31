"""Motion of the nodes of a wall mesh, from a field that is known on the pixels of a grid.

Only pixels inside the wall have a say, half a pixel from its edges at the least: a field that is
interpolated there already holds what lies outside. Up to the edges the motion is continued by what
muscle that keeps its volume does. In polar coordinates about the cavity's centroid, which moves as
the best affine motion of the wall moves it, a ring whose area changes by a factor J everywhere goes
from R to ``r^2 = J R^2 + c`` (Guccione, McCulloch and Waldman, Journal of Biomechanical Engineering
1991), so the squared radius is smooth in the squared radius where the displacement itself bends
sharply. So ``r^2 - R^2`` is fitted by straight lines in ``R^2`` across the wall and the turn
``theta - Theta`` by parabolas in R, each times cubic periodic B-splines along the circumference, by
least squares. ``R^2``, ``R^2 cos 2 Theta``, ``R^2 sin 2 Theta`` and R are among the functions, so
that uniform scaling and even twist are exact in a wall of any shape.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myomotion.core.wall.mesh import WallMesh

KNOTS = 24  # of the spline along the circumference
# Of the polynomials across the wall. A second degree for the growth takes radial strain of true
# motions a little nearer, but that of refined virtual hearts from 2.6 to 3.9 points: what tracking
# leaves open at the edges is not to be drawn out. The turn needs it, where shear is not even.
GROWTH_DEGREE, TURN_DEGREE = 1, 2
INSET_VOXELS = 0.5  # how far from the edges of the wall a pixel must lie
INSET_SHARE = 0.3  # of the wall's thickness, where that is less
SMOOTHNESS = 0.02  # weight of the spline's second differences
RIDGE = 1e-4  # weight of the coefficients themselves, which settles those that no pixel does
LEAST_RADIUS_MM = 0.5  # of a node that moves inwards


class WallField:
    """How the pixels of a grid move the nodes of a mesh; made once, applied to every frame.

    Args:
        mesh: of the wall; pixel ``(i, j)`` lies at ``(i, j)`` times the spacing.
        spacing: of the pixels, mm, of both axes or one for each.
        shape: of the grid.
    """

    def __init__(
        self, mesh: WallMesh, spacing: float | Sequence[float], shape: Sequence[int]
    ) -> None:
        self.mesh = mesh
        steps = np.broadcast_to(np.asarray(spacing, float), 2)
        axes = [np.arange(n) * step for n, step in zip(shape, steps, strict=True)]
        pixels = np.stack(np.meshgrid(*axes, indexing="ij"), axis=-1).reshape(-1, 2)
        angle, radius, inner, outer = mesh.polar(pixels)
        inset = np.minimum(INSET_VOXELS * float(steps.max()), INSET_SHARE * (outer - inner))
        self.pixels = np.flatnonzero((radius > inner + inset) & (radius < outer - inset))
        self.offset = pixels[self.pixels] - mesh.center
        self.angle = angle[self.pixels]
        affine = np.column_stack([np.ones(len(self.pixels)), self.offset])
        self.to_center = np.linalg.pinv(affine)[0]
        self.growth, self.turn = (_fit(mesh, pixels[self.pixels], power) for power in (2, 1))

    def nodes(self, displacement: np.ndarray) -> np.ndarray:
        """Where the nodes are in every frame.

        Args:
            displacement: ``(T, 2, *shape)`` in mm, from the reference on.

        Returns:
            ``(T, angles, rows + 1, 2)`` in mm.
        """
        moves = np.asarray(displacement, float).reshape(len(displacement), 2, -1)[..., self.pixels]
        drift = moves @ self.to_center
        place = self.offset[None] + (moves - drift[..., None]).transpose(0, 2, 1)
        growth = (place**2).sum(-1) - (self.offset**2).sum(-1)
        # The turn of a pixel is read in axes that turn with its ray, where it is small.
        cosine, sine = np.cos(self.angle), np.sin(self.angle)
        turn = np.arctan2(
            cosine * place[..., 1] - sine * place[..., 0],
            cosine * place[..., 0] + sine * place[..., 1],
        )
        start = self.mesh.nodes.reshape(-1, 2) - self.mesh.center
        squared = (start**2).sum(-1) + growth @ self.growth.T
        radius = np.sqrt(np.maximum(squared, LEAST_RADIUS_MM**2))
        angle = np.arctan2(start[:, 1], start[:, 0]) + turn @ self.turn.T
        moved = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=-1)
        moved += self.mesh.center + drift[:, None]
        return moved.reshape(len(moves), *self.mesh.nodes.shape)


def _fit(mesh: WallMesh, pixels: np.ndarray, power: int) -> np.ndarray:
    """What values at pixels ``(N, 2)`` are at the nodes of the mesh, ``(nodes, N)``."""
    basis = _basis(mesh, pixels, power)
    normal = basis.T @ basis + RIDGE**2 * np.eye(basis.shape[1])
    lines = _degree(power) + 1
    local = KNOTS * lines
    normal[:local, :local] += SMOOTHNESS**2 * np.kron(_roughness(KNOTS), np.eye(lines))
    found: np.ndarray = _basis(mesh, mesh.nodes.reshape(-1, 2), power)
    return found @ np.linalg.solve(normal, basis.T)


def _degree(power: int) -> int:
    return GROWTH_DEGREE if power == 2 else TURN_DEGREE


def _basis(mesh: WallMesh, points: np.ndarray, power: int) -> np.ndarray:
    """Splines times polynomials in a power of the radius, ``(points, functions)``."""
    angle, radius, inner, outer = mesh.polar(points)
    depth = (radius**power - inner**power) / (outer**power - inner**power)
    across = np.polynomial.legendre.legvander(2 * depth - 1, _degree(power))
    around = _periodic_splines(angle)
    local = (around[:, :, None] * across[:, None]).reshape(len(points), -1)
    scaled = (radius / mesh.epi[1].mean()) ** power
    if power == 1:
        return np.column_stack([local, scaled])
    twice = 2 * angle
    return np.column_stack([local, scaled, scaled * np.cos(twice), scaled * np.sin(twice)])


def _periodic_splines(angle: np.ndarray) -> np.ndarray:
    """Cubic B-splines on :data:`KNOTS` even knots of a circle, ``(N, KNOTS)``."""
    place = angle / (2 * np.pi) * KNOTS
    first = np.floor(place).astype(int)
    t = place - first
    weights = ((1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3)
    values = np.zeros((len(angle), KNOTS))
    for step, weight in enumerate(weights):
        values[np.arange(len(angle)), (first + step) % KNOTS] = weight / 6
    return values


def _roughness(knots: int) -> np.ndarray:
    """Sum of squared second differences along a circle, as a matrix."""
    one = np.eye(knots)
    second = 2 * one - np.roll(one, 1, axis=0) - np.roll(one, -1, axis=0)
    return second.T @ second
