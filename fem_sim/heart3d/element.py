"""The element: 27-node hexahedra (Q2) with trilinear pressure (Q1), and their 9-node faces.

Shape functions and quadrature are SfePy's. Its mapping from the reference element is straight-edged
and would cut the corners of a ventricle; here positions, too, are quadratic (isoparametric).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from fem_sim.mechanics.quiet_sfepy import GeometryElement, Integral, PolySpace

QUADRATURE_ORDER = 5  # 3 Gauss points along each axis


@dataclass(frozen=True)
class Shapes:
    """Shape functions at the Gauss points of a reference element.

    Attributes:
        weights: ``(points,)``, their sum is 1.
        values: ``(points, nodes)``.
        slopes: ``(points, nodes, axes)``, derivatives by reference coordinates.
        steps: ``(nodes, axes)`` place of each node on a lattice with steps 0, 1, 2 along an axis.
    """

    weights: np.ndarray
    values: np.ndarray
    slopes: np.ndarray
    steps: np.ndarray


@lru_cache
def shapes(cell: str, order: int) -> Shapes:
    """Shape functions of a cell (``3_8`` hexahedron, ``2_4`` face) of an order, 1 or 2."""
    points, weights = Integral("i", order=QUADRATURE_ORDER).get_qp(cell)
    space = PolySpace.any_from_args(None, GeometryElement(cell), order)
    values = space.eval_basis(points)[:, 0]
    slopes = np.swapaxes(space.eval_basis(points, diff=True), 1, 2)
    steps = np.rint(2 * space.node_coors).astype(int)
    return Shapes(weights, values, np.ascontiguousarray(slopes), steps)


def lattice_cells(numbers: np.ndarray) -> np.ndarray:
    """Cells of a block of nodes, each ordered as SfePy orders the nodes of its element.

    Args:
        numbers: ``(2 l + 1, 2 m + 1)`` or ``(2 l + 1, 2 m + 1, 2 n + 1)`` node numbers.

    Returns:
        ``(l m, 9)`` or ``(l m n, 27)``.
    """
    axes = numbers.ndim
    steps = shapes("3_8" if axes == 3 else "2_4", 2).steps
    counts = [(size - 1) // 2 for size in numbers.shape]
    corners = np.stack(np.meshgrid(*(2 * np.arange(n) for n in counts), indexing="ij"), axis=-1)
    places = corners.reshape(-1, 1, axes) + steps
    return numbers[tuple(np.moveaxis(places, -1, 0))]
