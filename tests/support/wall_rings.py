"""Rings on a grid, and motions of closed form that strain on the wall's mesh is tried on."""

from __future__ import annotations

import numpy as np

from myomotion.core.wall.contours import Contours
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import WallMesh, wall_mesh
from myomotion.core.wall.strain import WallStrain, wall_strain

SIZE, SPACING, MIDDLE = 96, 1.5, 70.6
INNER, OUTER = 22.0, 32.0
NAMES = ("err", "ecc", "erc", "e1", "e2", "jacobian")
RING_DROP = 400.0 / np.pi  # what the square of every radius loses, mm^2


def ring(inner: float = INNER, outer: float = OUTER, oval: float = 0.0) -> Contours:
    angle = 2 * np.pi * np.arange(180) / 180
    ray = np.stack([np.cos(angle), (1 + oval) * np.sin(angle)], axis=1)
    return Contours(endo=MIDDLE + inner * ray, epi=MIDDLE + outer * ray)


def offsets() -> np.ndarray:
    """From the ring's middle to the pixels, ``(2, SIZE, SIZE)`` in mm."""
    axis = np.arange(SIZE) * SPACING - MIDDLE
    return np.stack(np.meshgrid(axis, axis, indexing="ij"))


def moved_by(gradient: np.ndarray) -> np.ndarray:
    return np.einsum("ij,jhw->ihw", gradient, offsets()) - offsets()


def turned(degrees: np.ndarray | float, scale: np.ndarray | float = 1.0) -> np.ndarray:
    x, angle = offsets(), np.deg2rad(degrees)
    cosine, sine = scale * np.cos(angle), scale * np.sin(angle)
    return np.stack([cosine * x[0] - sine * x[1], sine * x[0] + cosine * x[1]]) - x


def deflated() -> np.ndarray:
    radius = np.maximum(np.hypot(*offsets()), 15.0)
    return turned(0.0, np.sqrt(1 - RING_DROP / radius**2))


def strain_of(displacement: np.ndarray, contours: Contours | None = None) -> WallStrain:
    mesh = wall_mesh(contours or ring())
    nodes = WallField(mesh, SPACING, (SIZE, SIZE)).nodes(displacement[None])
    return wall_strain(mesh, nodes)


def layer(mesh: WallMesh, index: int) -> np.ndarray:
    return np.broadcast_to(mesh.layers == index, mesh.area.shape)
