"""Inflate a ring with FElupe, an independent finite element code, for comparison.

    python tools/compare_felupe.py PROBLEM.npz SOLUTION.npz

FElupe (GPL) is a development tool here: this script runs as a process of its own, exchanges files
with whoever calls it and is never imported.

The problem holds ``points`` (n, 2) in mm with the corners of the elements first, ``cells`` (m, 9)
in VTK's order of biquadratic quadrilaterals, ``endo`` (k,) point numbers of the endocardium,
``pins`` (3,) fixed degrees of freedom (two a point), ``mu_kpa``, ``bulk_over_mu``, ``pressure_kpa``
and the number of load ``steps``. The solution holds ``displacement`` (n, 2) in mm, ``seconds`` of
processor time (without imports), ``newton_iterations`` and the ``version`` of FElupe.
"""

from __future__ import annotations

import sys
import time
from importlib.metadata import version
from typing import Any

import felupe as fem
import numpy as np
from scipy.sparse.linalg import spsolve

TOLERANCE = 1e-8  # of the last Newton step, relative to the largest displacement
MAX_NEWTON = 25


def inflate(problem: dict[str, Any]) -> tuple[np.ndarray, int]:
    """Displacement under a follower pressure in plane strain.

    Biquadratic displacement with continuous bilinear pressure and volume ratio (FElupe's
    ``NearlyIncompressible`` three-field form of a neo-Hookean solid), which is the Q2/Q1 element
    with a large but finite bulk modulus.

    Args:
        problem: as described above.

    Returns:
        ``(n, 2)`` in mm and the Newton iterations it took.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    points, cells = problem["points"], problem["cells"]
    corners = int(cells[:, :4].max()) + 1
    mesh = fem.Mesh(points, cells, cell_type="quad9")
    dual = fem.Mesh(points[:corners], cells[:, :4], cell_type="quad")
    region = fem.RegionBiQuadraticQuad(mesh)
    field = fem.FieldsMixed(region, n=3, planestrain=True, mesh=dual)
    mu = float(problem["mu_kpa"])
    material = fem.NearlyIncompressible(
        fem.NeoHooke(mu=mu), bulk=float(problem["bulk_over_mu"]) * mu
    )
    solid = fem.SolidBody(material, field)
    mask = np.zeros(len(points), bool)
    mask[problem["endo"]] = True
    boundary = fem.RegionBiQuadraticQuadBoundary(mesh, mask=mask, ensure_3d=True)
    follower = fem.SolidBodyPressure(
        fem.FieldContainer([fem.FieldPlaneStrain(boundary, dim=2)]), pressure=0.0
    )
    sizes = [f.values.size for f in field.fields]
    free = np.setdiff1d(np.arange(sum(sizes)), problem["pins"])
    steps, iterations = int(problem["steps"]), 0
    for pressure in float(problem["pressure_kpa"]) * np.arange(1, steps + 1) / steps:
        iterations += _newton(field, solid, follower, pressure, free)
    return field[0].values.copy(), iterations


def _newton(
    field: fem.FieldContainer,
    solid: fem.SolidBody,
    follower: fem.SolidBodyPressure,
    pressure: float,
    free: np.ndarray,
) -> int:
    sizes = [f.values.size for f in field.fields]
    ends = np.cumsum(sizes)
    n_u = sizes[0]
    for iteration in range(1, MAX_NEWTON + 1):
        residual = np.asarray(solid.assemble.vector(field).todense()).ravel()
        load = np.asarray(follower.assemble.vector(field, pressure).todense()).ravel()
        residual[:n_u] -= load[:n_u]
        matrix = solid.assemble.matrix(field)
        stiffness = follower.assemble.matrix(field, pressure)
        stiffness.resize(*matrix.shape)
        matrix = (matrix - stiffness).tocsc()
        change = np.zeros(ends[-1])
        change[free] = spsolve(matrix[free][:, free], -residual[free])
        for part, values in zip(np.split(change, ends[:-1]), field.fields, strict=True):
            values.values += part.reshape(values.values.shape)
        size = np.abs(change[:n_u]).max()
        if size < TOLERANCE * max(np.abs(field[0].values).max(), 1e-12):
            return iteration
        if not np.isfinite(size):
            break
    raise ArithmeticError(f"FElupe's Newton iteration did not converge at {pressure:.3f} kPa.")


def main(problem_file: str, solution_file: str) -> None:
    """Read a problem, solve it, write the solution."""
    with np.load(problem_file) as archive:
        problem = {name: archive[name] for name in archive.files}
    begin = time.process_time()
    displacement, iterations = inflate(problem)
    seconds = time.process_time() - begin
    np.savez(
        solution_file,
        displacement=displacement,
        seconds=seconds,
        newton_iterations=iterations,
        version=version("felupe"),
    )


if __name__ == "__main__":
    main(*sys.argv[1:3])
