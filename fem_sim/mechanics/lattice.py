"""The Q2 lattice of a ring: interpolation on it, its areas and its area change."""

from __future__ import annotations

import numpy as np
from scipy.spatial import cKDTree

NEWTON_ITERATIONS = 12
GUESS_POINTS = 4  # guesses along each direction of an element


def shape_functions(local: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Quadratic Lagrange functions at 0, 1/2, 1 and their derivatives.

    Args:
        local: ``(n,)`` coordinates in [0, 1].

    Returns:
        Values and derivatives, each ``(n, 3)``.
    """
    x = local[:, None]
    values = np.hstack([(2 * x - 1) * (x - 1), 4 * x * (1 - x), x * (2 * x - 1)])
    slopes = np.hstack([4 * x - 3, 4 - 8 * x, 4 * x - 1])
    return values, slopes


class LatticeMap:
    """Evaluation of fields on a Q2 lattice that is periodic along its first axis.

    Args:
        shape: ``(2 n_circ, 2 n_rad + 1)`` of the lattice.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.n_circ, self.n_rad = shape[0] // 2, shape[1] // 2
        self.shape = shape

    def weights(
        self, s: np.ndarray, t: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
        """Nodes and weights that interpolate at lattice coordinates.

        Args:
            s: ``(n,)``, in elements along the circumference (periodic).
            t: ``(n,)``, in elements across the wall, 0 at the endocardium.

        Returns:
            Node numbers ``(n, 9)`` (row-major in the lattice), weights ``(n, 9)`` and their
            derivatives along s and t.
        """
        i = np.floor(s).astype(int)
        j = np.clip(np.floor(t).astype(int), 0, self.n_rad - 1)
        ns, ds = shape_functions(s - i)
        nt, dt = shape_functions(t - j)
        rows = (2 * i[:, None] + np.arange(3)) % self.shape[0]
        columns = 2 * j[:, None] + np.arange(3)
        nodes = (rows[:, :, None] * self.shape[1] + columns[:, None, :]).reshape(-1, 9)

        def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return (a[:, :, None] * b[:, None, :]).reshape(-1, 9)

        return nodes, product(ns, nt), product(ds, nt), product(ns, dt)

    def locate(self, lattice: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, ...]:
        """Lattice coordinates of points, by Newton's iteration from the nearest of many guesses.

        Args:
            lattice: node positions ``(2 n_circ, 2 n_rad + 1, 2)``.
            points: ``(n, 2)``.

        Returns:
            ``s``, ``t`` and a mask of the points that lie in the lattice.
        """
        step = (np.arange(GUESS_POINTS) + 0.5) / GUESS_POINTS
        gs = (np.arange(self.n_circ)[:, None] + step).ravel()
        gt = (np.arange(self.n_rad)[:, None] + step).ravel()
        gs, gt = (g.ravel() for g in np.meshgrid(gs, gt, indexing="ij"))
        flat = lattice.reshape(-1, 2)
        nodes, w, _, _ = self.weights(gs, gt)
        nearest = cKDTree(np.einsum("nk,nkd->nd", w, flat[nodes])).query(points)[1]
        s, t = gs[nearest].copy(), gt[nearest].copy()
        gap = np.full(len(points), np.inf)
        for _ in range(NEWTON_ITERATIONS):
            nodes, w, ws, wt = self.weights(s, t)
            corner = flat[nodes]
            error = points - np.einsum("nk,nkd->nd", w, corner)
            gap = np.linalg.norm(error, axis=1)
            a, b = np.einsum("nk,nkd->nd", ws, corner), np.einsum("nk,nkd->nd", wt, corner)
            det = a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
            det = np.where(np.abs(det) < 1e-12, 1e-12, det)
            s += np.clip((error[:, 0] * b[:, 1] - error[:, 1] * b[:, 0]) / det, -0.5, 0.5)
            t += np.clip((a[:, 0] * error[:, 1] - a[:, 1] * error[:, 0]) / det, -0.5, 0.5)
            t = np.clip(t, -0.5, self.n_rad + 0.5)
        inside = (gap < 1e-6) & (t >= -1e-9) & (t <= self.n_rad + 1e-9)
        return s, t, inside


def node_areas(lattice: np.ndarray) -> np.ndarray:
    """Area that each Q2 node stands for (Simpson's weights on every element).

    Args:
        lattice: ``(2 n_circ, 2 n_rad + 1, 2)`` in mm.

    Returns:
        ``(2 n_circ, 2 n_rad + 1)`` in mm^2.
    """
    corners = [lattice[::2, :-1:2], lattice[::2, 2::2]]
    corners += [np.roll(c, -1, axis=0) for c in (corners[1], corners[0])]
    d0, d1 = corners[2] - corners[0], corners[3] - corners[1]
    area = np.abs(d0[..., 0] * d1[..., 1] - d0[..., 1] * d1[..., 0]) / 2
    total = np.zeros(lattice.shape[:2])
    simpson = np.array([1.0, 4.0, 1.0]) / 6
    rows, columns = lattice.shape[0], lattice.shape[1]
    for i in range(3):
        for j in range(3):
            where = np.ix_((np.arange(0, rows, 2) + i) % rows, np.arange(0, columns - 2, 2) + j)
            np.add.at(total, where, simpson[i] * simpson[j] * area)
    return total


def lattice_jacobian(reference: np.ndarray, deformed: np.ndarray) -> np.ndarray:
    """In-plane area change at the Gauss points (3 x 3 an element) between two lattices.

    Args:
        reference: ``(2 n_circ, 2 n_rad + 1, 2)``.
        deformed: the same shape.

    Returns:
        ``(points,)``.
    """
    gauss = (np.array([-np.sqrt(0.6), 0.0, np.sqrt(0.6)]) + 1) / 2
    map_ = LatticeMap((reference.shape[0], reference.shape[1]))
    s = (np.arange(map_.n_circ)[:, None] + gauss).ravel()
    t = (np.arange(map_.n_rad)[:, None] + gauss).ravel()
    s, t = (g.ravel() for g in np.meshgrid(s, t, indexing="ij"))
    nodes, _, ws, wt = map_.weights(s, t)

    def determinant(lattice: np.ndarray) -> np.ndarray:
        corner = lattice.reshape(-1, 2)[nodes]
        a, b = np.einsum("nk,nkd->nd", ws, corner), np.einsum("nk,nkd->nd", wt, corner)
        return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

    return determinant(deformed) / determinant(reference)


def quadratic_polygon_area(edge: np.ndarray) -> float:
    """Area inside a closed chain of quadratic edges (vertex, middle, vertex, middle, ...).

    Exact: ``1/2 int (x y' - y x')`` of a quadratic edge from ``a`` over ``m`` to ``b`` is
    ``(4 a x m + 4 m x b - a x b) / 6`` with the two-dimensional cross product.

    Args:
        edge: ``(2 n, 2)`` nodes.
    """
    a, m = edge[::2], edge[1::2]
    b = np.roll(a, -1, axis=0)

    def cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]

    return float(np.sum(4 * cross(a, m) + 4 * cross(m, b) - cross(a, b)) / 6)
