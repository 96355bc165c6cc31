"""Meshes of 27-node hexahedra: a bar, and the wall of a ventricle without degenerate elements."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from fem_sim.heart3d.element import lattice_cells, shapes

SQUARE_ROUNDNESS = 0.4  # of the apex's square of elements: 0 straight, 1 a circle
#: Maps size and angle on the unit disc, and depth in the wall, all ``(n,)``, to points ``(n, 3)``.
Lofting = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclass(frozen=True, kw_only=True)
class SolidMesh:
    """Curved hexahedra, lengths in mm.

    Attributes:
        nodes: ``(n, 3)``.
        cells: ``(elements, 27)`` node numbers in SfePy's order.
        loaded: ``(faces, 9)`` node numbers of the faces that a pressure acts on, in SfePy's order;
            the first reference direction times the second points from the fluid into the wall.
        held: numbers of the nodes of the held end: a bar's left one, a ventricle's base.
        depth: ``(n,)`` 0 at the endocardium, 1 at the epicardium.
        height: ``(n,)`` 0 at the apex, 1 at the base.
        apex: numbers of the apex's nodes on endo- and epicardium; empty for a bar.
    """

    nodes: np.ndarray
    cells: np.ndarray
    loaded: np.ndarray
    held: np.ndarray
    depth: np.ndarray
    height: np.ndarray
    apex: tuple[int, ...] = ()

    def jacobians(self) -> np.ndarray:
        """Volume change ``(elements, points)`` from the reference element, positive if upright."""
        slopes = shapes("3_8", 2).slopes
        return np.linalg.det(np.einsum("eai,qaj->eqij", self.nodes[self.cells], slopes))


def bar_mesh(lengths: tuple[float, float, float], counts: tuple[int, int, int]) -> SolidMesh:
    """A bar from the origin along the axes; its pressure acts on the face z = 0.

    Args:
        lengths: mm.
        counts: elements along each axis.
    """
    sides = [np.linspace(0, length, 2 * n + 1) for length, n in zip(lengths, counts, strict=True)]
    nodes = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, 3)
    numbers = np.arange(len(nodes)).reshape([len(side) for side in sides])
    return SolidMesh(
        nodes=nodes,
        cells=lattice_cells(numbers),
        loaded=lattice_cells(numbers[:, :, 0]),
        held=numbers[0].ravel(),
        depth=nodes[:, 2] / lengths[2],
        height=nodes[:, 0] / lengths[0],
    )


def ventricle_mesh(lofting: Lofting, square: int, rings: int, layers: int) -> SolidMesh:
    """The wall as the image of a disc times its depth.

    The disc has a square of elements in its middle, the apex, and rings of ``4 square`` elements
    around it, so no element has a collapsed edge.

    Args:
        lofting: where a point of disc and depth lies; its z rises from apex to base.
        square: elements along a side of the apex's square; even, so that the apex is a vertex.
        rings: of elements, from the square to the base.
        layers: of elements, from endo- to epicardium.

    Raises:
        ValueError: if an element is turned inside out.
    """
    disc, faces = _disc(square, rings)
    levels = np.linspace(0, 1, 2 * layers + 1)
    size, angle = np.hypot(*disc.T), np.arctan2(disc[:, 1], disc[:, 0])
    size[np.isclose(size, 1)] = 1.0
    nodes = np.concatenate([lofting(size, angle, np.full(len(disc), t)) for t in levels])
    steps = shapes("3_8", 2).steps
    flat = shapes("2_4", 2).steps
    local = {tuple(step): place for place, step in enumerate(flat.tolist())}
    in_face = np.array([local[a, b] for a, b, _ in steps.tolist()])
    cells = np.concatenate(
        [faces[:, in_face] + (2 * layer + steps[:, 2]) * len(disc) for layer in range(layers)]
    )
    mesh = SolidMesh(
        nodes=nodes,
        cells=cells,
        loaded=faces,
        held=np.flatnonzero(np.tile(size == 1.0, len(levels))),
        depth=np.repeat(levels, len(disc)),
        height=np.tile(size, len(levels)),
        apex=(int(np.argmin(size)), int(np.argmin(size)) + 2 * layers * len(disc)),
    )
    worst = float(mesh.jacobians().min())
    if worst <= 0:
        raise ValueError(
            f"an element of the ventricle's wall is turned inside out (Jacobian {worst:.2g}); "
            "make the wall thinner or the apex less sharp."
        )
    return mesh


def ellipsoid_lofting(endo: tuple[float, float], epi: tuple[float, float], base: float) -> Lofting:
    """A truncated thick ellipsoid about the z axis, apex at negative z.

    ``x = r_s sin u cos v, y = r_s sin u sin v, z = r_l cos u`` with ``u`` from ``-pi`` at the apex
    to ``-acos(base / r_l)`` and radii that grow linearly with the depth (Land et al., Proc. R.
    Soc. A 471, 2015, problem 2).

    Args:
        endo: short and long radius of the endocardium in mm.
        epi: of the epicardium.
        base: z of the base's plane in mm.
    """

    def position(size: np.ndarray, angle: np.ndarray, depth: np.ndarray) -> np.ndarray:
        short, long = (a + (b - a) * depth for a, b in zip(endo, epi, strict=True))
        u = np.pi - size * (np.pi - np.arccos(base / long))
        across = short * np.sin(u)
        z = np.where(size == 1.0, base, long * np.cos(u))
        return np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=-1)

    return position


def _disc(square: int, rings: int) -> tuple[np.ndarray, np.ndarray]:
    """Nodes ``(n, 2)`` and clockwise 9-node faces of the unit disc, which is seen from the base."""
    if square % 2 or square < 2 or rings < 1:
        raise ValueError(f"square {square}, rings {rings}: need an even square and one ring.")
    inner = square / (square + 2 * rings)
    middle = inner * _rounded_square(2 * square + 1)
    # Counter-clockwise along the square's border, from its corner at -45 degrees.
    edge = np.concatenate(
        [middle[-1, :-1], middle[:0:-1, -1], middle[0, :0:-1], middle[:-1, 0]], axis=0
    )
    turn = -np.pi / 4 + 2 * np.pi * np.arange(len(edge)) / len(edge)
    circle = np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    share = np.linspace(0, 1, 2 * rings + 1)[:, None, None]
    ring = (1 - share) * edge + share * circle
    ring = np.concatenate([ring, ring[:, :1]], axis=1)
    blocks = [middle, ring]
    points = np.concatenate([block.reshape(-1, 2) for block in blocks])
    _, first, numbers = np.unique(
        np.round(points, 9), axis=0, return_index=True, return_inverse=True
    )
    faces, start = [], 0
    for block in blocks:
        size = block.shape[0] * block.shape[1]
        faces.append(lattice_cells(numbers[start : start + size].reshape(block.shape[:2]).T))
        start += size
    return points[first], np.concatenate(faces)


def _rounded_square(count: int) -> np.ndarray:
    """Lattice ``(count, count, 2)`` between a square and the circle around it."""
    side = np.linspace(-1, 1, count)
    a, b = np.meshgrid(side, side, indexing="ij")
    larger = np.maximum(np.abs(a), np.abs(b))
    steep = np.abs(b) > np.abs(a)
    with np.errstate(divide="ignore", invalid="ignore"):
        turn = np.where(steep, np.pi / 2 - np.pi / 4 * a / b, np.pi / 4 * b / a)
    turn = np.where(larger == 0, 0, turn)
    turn += np.where(np.where(steep, b, a) < 0, np.pi, 0)
    round_ = larger[..., None] * np.stack([np.cos(turn), np.sin(turn)], axis=-1)
    straight = np.stack([a, b], axis=-1) / np.sqrt(2)
    return (1 - SQUARE_ROUNDNESS) * straight + SQUARE_ROUNDNESS * round_
