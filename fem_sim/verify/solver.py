"""Claims about the solver: an analytic solution, area, gauge and mesh convergence."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from fem_sim.claims import Claim, below
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.gauge import remove_rigid_motion
from fem_sim.mechanics.kinematics import pixel_jacobian
from fem_sim.mechanics.lattice import LatticeMap, node_areas
from fem_sim.mechanics.materials.first_invariant import FirstInvariant
from fem_sim.mechanics.materials.registry import MATERIALS, Material, NeoHookean
from fem_sim.mechanics.parameters import Scar, SimulationParameters
from fem_sim.mechanics.path import cycle_states, inflation_path
from fem_sim.mechanics.ring import RingModel, ring_model
from fem_sim.population.subjects import VirtualSlice
from fem_sim.verify.cylinder import deformed_radius, inflation_pressure
from fem_sim.verify.rings import (
    angle_degrees,
    best_rotation,
    drawn_slices,
    equivalent_radii,
    relative_l2,
    round_contours,
    without_rigid_motion,
)

CYLINDER_RADII_MM = 16.0, 27.0
CYLINDER_RATIOS = 1.5, 2.0, 2.6
GAUGE_TURN_DEG = 10.0
CONVERGENCE_RINGS = 3
JACOBIAN_RINGS = 6


def cylinder_claims(ratios: tuple[float, ...] = CYLINDER_RATIOS) -> Iterator[Claim]:
    """Inflation of a thick-walled cylinder against the analytic solution (cylinder.py).

    In plane strain every material moves a cylinder alike, so only the pressure tells them apart; it
    is known for the neo-Hookean and for all materials of the first invariant.
    """
    contours = round_contours(*CYLINDER_RADII_MM)
    inner, outer = equivalent_radii(contours)
    mesh, note = ring_mesh(contours), "48 x 4 elements, relative"
    for material in (kind() for kind in MATERIALS.values()):
        modulus = shear_modulus(material)
        if modulus is None:
            continue
        model = RingModel(mesh, material)
        nodes = model.reference.reshape(-1, 2)
        radius = np.linalg.norm(nodes, axis=1)
        for ratio in ratios:
            name = f"thick-walled cylinder, {material.name}, area ratio {ratio:g}"
            state = inflation_path(model, ratio)[-1]
            exact = inflation_pressure(inner, outer, ratio, modulus)
            yield below(f"{name}: pressure", abs(state.pressure / exact - 1), 1e-5, note=note)
            moved = nodes * (deformed_radius(radius, inner, ratio) / radius)[:, None]
            found = without_rigid_motion(nodes, model.positions(state.x).reshape(-1, 2))
            error = relative_l2(found, moved - nodes)
            yield below(f"{name}: displacement (L2)", error, 1e-3, note=note)


def shear_modulus(material: Material) -> Callable[[float], float] | None:
    """``2 dW/dI1`` of a material as a function of I1, None where its energy has other arguments."""
    if isinstance(material, NeoHookean):
        return lambda i1: material.mu_kpa
    if isinstance(material, FirstInvariant):
        return lambda i1: float(material.modulus(np.array(i1)))
    return None


def gauge_claims(seed: int) -> Iterator[Claim]:
    """The prescribed area ratio is reached, and no rotation is left after the gauge."""
    areas, turns = [], []
    scar = Scar(angle=40.0, width=80.0, stiffness=4.0)
    for drawn in drawn_slices(3, seed):
        parameters = _short(drawn.parameters, scar=scar, support=0.1, lambda_z=1.15)
        mesh = ring_mesh(drawn.contours)
        model = ring_model(mesh, parameters)
        path = inflation_path(model, parameters.area_ratio, parameters.lambda_z)
        states, _ = cycle_states(model, path, parameters)
        positions = np.stack([model.positions(state.x) for state in states])
        area = [_fine_area(frame[:, 0]) for frame in (positions[0], positions[-1])]
        areas.append(abs(area[0] / area[1] / parameters.area_ratio - 1))
        turn = np.deg2rad(GAUGE_TURN_DEG) * np.linspace(-1, 1, len(positions))
        turned = np.stack([p @ _rotation(a) for p, a in zip(positions, turn, strict=True)])
        fitted = remove_rigid_motion(turned).reshape(len(positions), -1, 2)
        weight = node_areas(turned[0]).ravel()
        turns += [abs(angle_degrees(best_rotation(fitted[0], f, weight))) for f in fitted]
    note = "worst of three drawn rings with a scar, springs and lambda_z 1.15"
    yield below("cavity area ratio reached", max(areas), 1e-6, note=f"relative, {note}")
    yield below("mean rotation left after the gauge", max(turns), 1e-6, "deg", note)


def jacobian_claims(seed: int) -> Iterator[Claim]:
    """The area of the wall is kept, in elements and on the pixel grid (paper preset)."""
    means, tails, pixels = [], [], []
    slices = drawn_slices(JACOBIAN_RINGS, seed)
    for drawn in slices:
        cycle = simulate_cycle(drawn.contours, _short(drawn.parameters))
        record = cycle.provenance["jacobian"]
        means.append(record["mean_abs_j_over_lambda_minus_1_elements"])
        tails.append(record["p99_abs_j_over_lambda_minus_1_elements"])
        pixels.append(_pixel_area_error(cycle))
    note = f"worst of {len(slices)} drawn rings, lambda_z = 1, end-systole"
    yield below("mean |J / lambda_z - 1|, Gauss points", max(means), 5e-3, note=note)
    yield below("99th percentile |J / lambda_z - 1|, Gauss points", max(tails), 3e-2, note=note)
    yield below("mean |J - 1|, pixels of the eroded wall, ED grid", max(pixels), 5e-3, note=note)


def convergence_claims(seed: int) -> Iterator[Claim]:
    """The displacement hardly changes on a mesh twice as fine."""
    errors = [_refinement_change(s) for s in drawn_slices(CONVERGENCE_RINGS, seed)]
    yield below(
        "displacement against a 2 x finer mesh (L2, common nodes)",
        max(errors),
        5e-3,
        note=f"relative, 48 x 4 against 96 x 8, worst of {len(errors)} drawn rings",
    )


def _short(parameters: SimulationParameters, **changes: Any) -> SimulationParameters:
    return replace(parameters, levels=5, **changes)


def _rotation(angle: float) -> np.ndarray:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.array([[cosine, sine], [-sine, cosine]])


def _fine_area(edge: np.ndarray, pieces: int = 400) -> float:
    """Area inside quadratic edges ``(2 n, 2)`` by the shoelace formula on many short chords."""
    a, m, b = edge[::2], edge[1::2], np.roll(edge[::2], -1, axis=0)
    s = np.arange(pieces)[None, :, None] / pieces
    a, m, b = a[:, None], m[:, None], b[:, None]
    points = (2 * s - 1) * (s - 1) * a + 4 * s * (1 - s) * m + s * (2 * s - 1) * b
    x, y = points.reshape(-1, 2).T
    return float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) / 2)


def _pixel_area_error(cycle: Cycle) -> float:
    """Mean |J - 1| from end-diastole to end-systole in the wall without its outermost pixels."""
    wall = cycle.labels == 2
    core = wall.copy()
    for d0 in (-1, 0, 1):
        for d1 in (-1, 0, 1):
            core &= np.roll(wall, (d0, d1), axis=(0, 1))
    jacobian = pixel_jacobian(cycle.displacement[-1].astype(float), float(cycle.spacing[0]))
    return float(np.abs(jacobian[core] - 1).mean())


def _refinement_change(drawn: VirtualSlice) -> float:
    coarse, fine = (RingModel(ring_mesh(drawn.contours, 48 * k, 4 * k)) for k in (1, 2))
    ratio = drawn.parameters.area_ratio
    moved, finer = (model.positions(inflation_path(model, ratio)[-1].x) for model in (coarse, fine))
    vertices = coarse.reference[::2, ::2].reshape(-1, 2)
    map_ = LatticeMap(fine.reference.shape[:2])
    # Vertices on the boundary may lie some micrometres outside the finer polygon.
    s, t, _ = map_.locate(fine.reference, vertices)
    nodes, weights, _, _ = map_.weights(s, t)
    found = np.einsum("nk,nkd->nd", weights, fine.reference.reshape(-1, 2)[nodes])
    if np.abs(found - vertices).max() > 1e-6:
        raise ArithmeticError("a node of the coarse mesh is not on the fine mesh")
    arrived = np.einsum("nk,nkd->nd", weights, finer.reshape(-1, 2)[nodes])
    return relative_l2(
        without_rigid_motion(vertices, moved[::2, ::2].reshape(-1, 2)),
        without_rigid_motion(vertices, arrived),
    )
