"""The figure of a simulated ventricle."""

from __future__ import annotations

import numpy as np

from fem_sim.heart3d.benchmark import MUSCLE, ellipsoid
from fem_sim.heart3d.model import SolidModel
from fem_sim.heart3d.motion import HeartMotion
from tools.figures.heart3d import vtk_grid


def test_quadratic_cells_of_vtk_have_the_volume_of_the_elements() -> None:
    mesh = ellipsoid(2, 4, 1)
    moved = np.stack([mesh.nodes, 1.1 * mesh.nodes]).astype(np.float32)
    motion = HeartMotion(
        positions=moved,
        cells=mesh.cells,
        endocardium=mesh.loaded,
        depth=mesh.depth,
        height=mesh.height,
        volume_ml=np.ones(2),
        pressure_kpa=np.ones(2),
        tension_kpa=np.ones(2),
        es_frame=1,
    )
    grid = vtk_grid(motion, 0)
    volume = SolidModel(mesh, MUSCLE).weights.sum()
    # VTK measures its quadratic cells by straight pieces.
    assert abs(grid.compute_cell_sizes()["Volume"].sum() / volume - 1) < 0.05
    np.testing.assert_allclose(
        vtk_grid(motion, 1)["displacement, mm"],
        0.1 * np.linalg.norm(mesh.nodes, axis=1),
        rtol=1e-4,
        atol=1e-5,
    )
