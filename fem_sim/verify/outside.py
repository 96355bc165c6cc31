"""Claims against others: an independent finite element code, and the authors' own simulation."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import numpy as np
from scipy import ndimage

from fem_sim.claims import Claim, below, broken, not_run
from fem_sim.geometry.mesh import RingMesh, ring_mesh
from fem_sim.mechanics.lattice import LatticeMap
from fem_sim.mechanics.materials.registry import NeoHookean
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.path import cycle_states, inflation_path
from fem_sim.mechanics.ring import RingModel
from fem_sim.verify.rings import drawn_slices, relative_l2, without_rigid_motion
from myomotion.core.wall.contours import contours_from_labels, polygon_area

FELUPE_SCRIPT = Path(__file__).parents[2] / "tools" / "compare_felupe.py"
FELUPE_CLAIM = "displacement against FElupe on the same mesh (L2)"
FELUPE_LIMIT = 3e-3
BULK_OVER_MU = 5e4
FELUPE_MINUTES = 5
AUTHORS_CLAIM = "displacement against the method authors' cycle, largest frame (L2)"
AUTHORS_LIMIT_PERCENT = 6.0
AUTHORS_FIELD, AUTHORS_MASK = "001_slice_05_disp.npy", "001_slice_05_ED.npy"


def felupe_claims(seed: int) -> Iterator[Claim]:
    """The same mesh under the same pressure in FElupe, as a process of its own."""
    threshold = f"< {FELUPE_LIMIT:g}"
    if find_spec("felupe") is None:
        yield not_run(FELUPE_CLAIM, threshold, "felupe is not installed (pip install felupe)")
        return
    if not FELUPE_SCRIPT.is_file():
        yield not_run(FELUPE_CLAIM, threshold, f"{FELUPE_SCRIPT} is missing; run from the clone")
        return
    material = NeoHookean()
    drawn = drawn_slices(2, seed)[1]
    RingModel(
        ring_mesh(drawn.contours, 8, 1), material
    )  # SfePy loads what it needs at the first model
    begin = time.process_time()
    model = RingModel(ring_mesh(drawn.contours), material)
    path = inflation_path(model, drawn.parameters.area_ratio)
    seconds = time.process_time() - begin
    lattice = model.reference
    ours = model.positions(path[-1].x) - lattice
    numbers, cells = biquadratic_cells(model.mesh)
    points = np.empty((numbers.size, 2))
    points[numbers] = lattice
    opposite = lattice.shape[0] // 2
    across = int(np.argmin(np.abs(lattice[0, 0] - lattice[opposite, 0])))
    first = 2 * numbers[0, 0]
    problem = {
        "points": points,
        "cells": cells,
        "endo": numbers[:, 0],
        "pins": np.array([first, first + 1, 2 * numbers[opposite, 0] + across]),
        "mu_kpa": material.mu_kpa,
        "bulk_over_mu": BULK_OVER_MU,
        "pressure_kpa": path[-1].pressure,
        "steps": len(path) - 1,
    }
    try:
        theirs = _run_felupe(problem)
    except (subprocess.SubprocessError, OSError) as error:
        yield broken(FELUPE_CLAIM, error)
        return
    displacement = theirs["displacement"][numbers]
    yield below(
        FELUPE_CLAIM,
        relative_l2(displacement, ours),
        FELUPE_LIMIT,
        note=(
            f"relative; FElupe {theirs['version']} with continuous Q2/Q1 fields and bulk modulus "
            f"{BULK_OVER_MU:g} mu, area ratio {drawn.parameters.area_ratio:.2f}; processor time "
            f"{float(theirs['seconds']):.2f} s there at a given pressure, {seconds:.2f} s here "
            f"with the pressure sought (ratio {float(theirs['seconds']) / seconds:.1f})"
        ),
    )


def authors_claims(folder: Path | None) -> Iterator[Claim]:
    """The cycle published with the method (Qin et al., MICCAI 2020), rebuilt from its mask.

    Its mask is the undeformed ring and its field is minus the inflation, in pixels on the
    undeformed grid; both motions are compared on wall pixels without their best rigid motion.

    Args:
        folder: holds the field and the mask; None if the user named none.
    """
    threshold = f"< {AUTHORS_LIMIT_PERCENT:g}"
    if folder is None:
        yield not_run(AUTHORS_CLAIM, threshold, "no folder given (--reference)")
        return
    missing = [n for n in (AUTHORS_FIELD, AUTHORS_MASK) if not (folder / n).is_file()]
    if missing:
        yield not_run(AUTHORS_CLAIM, threshold, f"{folder} lacks {', '.join(missing)}")
        return
    theirs = -np.load(folder / AUTHORS_FIELD).astype(float)
    wall = np.load(folder / AUTHORS_MASK) > 0
    contours = contours_from_labels(
        np.where(wall, 2, np.where(ndimage.binary_fill_holes(wall), 1, 0)), 1.0
    )
    largest = int(np.argmax(np.abs(theirs[:, :, wall]).max((1, 2))))
    edge = contours.endo.T
    moved = edge + np.stack([ndimage.map_coordinates(c, edge, order=1) for c in theirs[largest]])
    ratio = polygon_area(moved.T) / contours.cavity_area()
    mesh = ring_mesh(contours)
    model = RingModel(mesh)
    parameters = SimulationParameters(area_ratio=ratio, levels=largest + 1)
    states, _ = cycle_states(model, inflation_path(model, ratio), parameters)
    map_ = LatticeMap(model.reference.shape[:2])
    pixels = np.argwhere(wall).astype(float)
    s, t, inside = map_.locate(model.reference, pixels)
    pixels = pixels[inside]
    nodes, weights, _, _ = map_.weights(s[inside], t[inside])
    ours, published = [], []
    for frame, state in enumerate(states[::-1]):
        lattice = model.positions(state.x).reshape(-1, 2)
        arrived = np.einsum("nk,nkd->nd", weights, lattice[nodes])
        ours.append(without_rigid_motion(pixels, arrived))
        target = pixels + theirs[frame][:, wall].T[inside]
        published.append(without_rigid_motion(pixels, target))
    every = relative_l2(np.array(ours), np.array(published))
    yield below(
        AUTHORS_CLAIM,
        100 * relative_l2(ours[-1], published[-1]),
        AUTHORS_LIMIT_PERCENT,
        "%",
        f"frame {largest}, cavity area ratio {ratio:.2f}, {len(pixels)} of {int(wall.sum())} wall "
        f"pixels (the others are outside the smooth mesh); all frames {100 * every:.1f} %",
    )


def biquadratic_cells(mesh: RingMesh) -> tuple[np.ndarray, np.ndarray]:
    """Numbers of the Q2 lattice's nodes, element corners first, and the cells in VTK's order.

    Args:
        mesh: the ring.

    Returns:
        ``(2 n_circ, 2 n_rad + 1)`` and ``(elements, 9)``: corners, edge middles, centre.
    """
    n_circ, n_rad = mesh.shape
    shape = 2 * n_circ, 2 * n_rad + 1
    corner = np.zeros(shape, bool)
    corner[::2, ::2] = True
    numbers = np.empty(shape, int)
    numbers[corner] = np.arange(corner.sum())
    numbers[~corner] = corner.sum() + np.arange((~corner).sum())
    i, j = np.divmod(np.arange(n_circ * n_rad), n_rad)
    places = [(0, 0), (0, 2), (2, 2), (2, 0), (0, 1), (1, 2), (2, 1), (1, 0), (1, 1)]
    around = [numbers[(2 * i + di) % shape[0], 2 * j + dj] for di, dj in places]
    return numbers, np.stack(around, axis=1)


def _run_felupe(problem: dict[str, object]) -> dict[str, np.ndarray]:
    """Solve the problem in another process; see tools/compare_felupe.py for the entries."""
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "problem.npz", Path(folder) / "solution.npz"
        np.savez(question, **problem)  # type: ignore[arg-type]
        finished = subprocess.run(
            [sys.executable, str(FELUPE_SCRIPT), str(question), str(answer)],
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            timeout=60 * FELUPE_MINUTES,
            check=False,
        )
        if finished.returncode != 0:
            lines = finished.stderr.strip().splitlines() or ["no message"]
            raise subprocess.SubprocessError(f"compare_felupe.py: {lines[-1]}")
        with np.load(answer) as archive:
            return {name: archive[name] for name in archive.files}
