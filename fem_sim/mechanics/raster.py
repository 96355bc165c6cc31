"""From the deformed Q2 lattice to pixels, and smoothly on beyond the wall."""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp
from matplotlib.path import Path as Polygon
from scipy import ndimage
from scipy.sparse.linalg import splu

from fem_sim.mechanics.lattice import LatticeMap

RIM_VOXELS = 3
EXTENSION = "biharmonic outside the wall, zero at the border of the grid"


class RasterGrid:
    """Pixels of the end-diastolic grid and how they hang on the mesh.

    Args:
        lattice: end-diastolic node positions in mm, ``(2 n_circ, 2 n_rad + 1, 2)``.
        spacing: pixel size in mm.
        size: pixels along each axis.

    Attributes:
        labels: uint8 ``(size, size)``, 1 cavity, 2 myocardium.
        rim: uint8 ``(size, size)``, 1 within three pixels around the wall.
    """

    def __init__(self, lattice: np.ndarray, spacing: float, size: int) -> None:
        self.size = size
        map_ = LatticeMap(lattice.shape[:2])
        axis = np.arange(size) * spacing
        pixels = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
        within_epi = Polygon(lattice[:, -1]).contains_points(pixels, radius=0.0)
        near = ndimage.binary_dilation(within_epi.reshape(size, size), iterations=2).ravel()
        candidates = np.flatnonzero(near)
        s, t, inside = map_.locate(lattice, pixels[candidates])
        self.wall = candidates[inside]
        nodes, w, _, _ = map_.weights(s[inside], t[inside])
        rows = np.repeat(np.arange(len(self.wall)), 9)
        self.interpolation = sp.csr_matrix(
            (w.ravel(), (rows, nodes.ravel())),
            (len(self.wall), lattice.shape[0] * lattice.shape[1]),
        )
        labels = np.zeros(size * size, np.uint8)
        labels[Polygon(lattice[:, 0]).contains_points(pixels)] = 1
        labels[self.wall] = 2
        self.labels = labels.reshape(size, size)
        disc = np.hypot(*np.mgrid[-RIM_VOXELS : RIM_VOXELS + 1, -RIM_VOXELS : RIM_VOXELS + 1])
        wall = self.labels == 2
        grown = ndimage.binary_dilation(wall, structure=disc <= RIM_VOXELS)
        self.rim = (grown & ~wall).astype(np.uint8)

    def rasterise(self, fields: np.ndarray) -> np.ndarray:
        """Nodal displacements to pixel fields, extended beyond the wall.

        The extension minimises the squared Laplacian with the wall's values given and zero at the
        two outermost pixels (biharmonic).

        Args:
            fields: ``(T, 2 n_circ, 2 n_rad + 1, 2)`` in mm.

        Returns:
            ``(T, 2, size, size)`` in mm.
        """
        frames = len(fields)
        columns = fields.reshape(frames, -1, 2).transpose(1, 0, 2).reshape(-1, 2 * frames)
        known = self.interpolation @ columns
        full = np.zeros((self.size * self.size, 2 * frames))
        full[self.wall] = known
        free = self._free_pixels()
        operator = _bilaplacian(self.size)
        # The frames span few dimensions: extend the basis, not every frame.
        left, scale, right = np.linalg.svd(known, full_matrices=False)
        rank = max(1, int((scale > 1e-8 * max(scale[0], 1e-300)).sum()))
        load = operator[free][:, self.wall] @ left[:, :rank]
        solver = splu(
            operator[free][:, free].tocsc(),
            permc_spec="MMD_AT_PLUS_A",
            diag_pivot_thresh=0.0,
            options={"SymmetricMode": True},
        )
        full[free] = -solver.solve(load) @ (scale[:rank, None] * right[:rank])
        maps = full.reshape(self.size, self.size, frames, 2)
        return maps.transpose(2, 3, 0, 1)

    def _free_pixels(self) -> np.ndarray:
        free = np.ones((self.size, self.size), bool)
        free[:2], free[-2:], free[:, :2], free[:, -2:] = False, False, False, False
        free.ravel()[self.wall] = False
        return np.flatnonzero(free)


def _bilaplacian(size: int) -> sp.csr_matrix:
    line = sp.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(size, size))
    one = sp.eye_array(size)
    laplacian = sp.kron(line, one) + sp.kron(one, line)
    return sp.csr_matrix(laplacian.T @ laplacian)
