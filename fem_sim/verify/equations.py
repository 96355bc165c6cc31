"""Claims about the discrete equations: a patch test, and tangents against finite differences."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from fem_sim.claims import Claim, below
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.materials.registry import MATERIALS, NeoHookean
from fem_sim.mechanics.newton import State
from fem_sim.mechanics.parameters import Scar, element_stiffness
from fem_sim.mechanics.path import inflation_path
from fem_sim.mechanics.ring import RingModel
from fem_sim.verify.differences import derivative
from fem_sim.verify.rings import round_contours

OVAL_RING = 14.0, 24.0, 0.08
STEP = 2.5e-4  # of the finite differences: mm for displacements, kPa for pressures
PERTURBATION_MM = 0.02
AREA_CHANGE = 0.85


def patch_claims() -> Iterator[Claim]:
    """An affine displacement with its area change and any constant pressure is exact (neo-Hookean).

    Inside, forces cancel and the volume equation holds; on the boundary, forces are those of the
    first Piola-Kirchhoff stress, ``T = mu J^(-2/3) (F - (tr C + 1) / 3 F^-T) - p J F^-T``.
    """
    model = RingModel(ring_mesh(round_contours(*OVAL_RING)), NeoHookean())
    inside, edge = [], []
    for area_change in (1.0, AREA_CHANGE):
        gradient = _affine_gradient(area_change)
        forces, volume, exact = _affine_forces(model, gradient, area_change, hydrostatic=11.0)
        scale = np.abs(exact).max()
        inside += [np.abs(forces[:, 1:-1]).max() / scale, volume]
        edge.append(np.abs((forces - exact)[:, [0, -1]]).max() / scale)
    note = "relative to the largest boundary force, area change 1 and 0.85"
    yield below("patch test, affine motion: forces inside the wall", max(inside), 1e-10, note=note)
    yield below("patch test, affine motion: forces on the boundary", max(edge), 1e-10, note=note)


def tangent_claims(seed: int) -> Iterator[Claim]:
    """Directional derivatives of the residual are those of the tangent, for every material."""
    mesh = ring_mesh(round_contours(*OVAL_RING))
    for material in (kind() for kind in MATERIALS.values()):
        scar = element_stiffness(mesh, Scar(angle=40.0, width=80.0, stiffness=6.0))
        cases: dict[str, tuple[RingModel, float]] = {
            "plain": (RingModel(mesh, material), 1.0),
            "scar": (RingModel(mesh, material, stiffness=scar), 1.0),
            "epicardial springs": (RingModel(mesh, material, support=0.2), 1.0),
            "out-of-plane stretch": (RingModel(mesh, material), 1 / AREA_CHANGE),
            "all of them": (
                RingModel(mesh, material, stiffness=scar, support=0.2),
                1 / AREA_CHANGE,
            ),
        }
        note = f"relative, one random direction, fourth-order central differences, step {STEP:g}"
        for name, (model, lambda_z) in cases.items():
            rng = np.random.default_rng(seed)
            state = _perturbed_state(model, lambda_z, rng)
            error = tangent_error(model, state, 1 / lambda_z, rng)
            claim = f"tangent against finite differences: {material.name}, {name}"
            yield below(claim, error, 1e-7, note=note)
    rng = np.random.default_rng(seed)
    model = RingModel(mesh)
    state = _perturbed_state(model, 1.0, rng)
    direction = rng.normal(size=len(state.x))
    slope = -float(model.load(state.x) @ direction[model.u])
    truth = derivative(lambda x: np.array([model.cavity_area(x)]), state.x, direction, STEP)
    error = abs(slope / float(truth[0]) - 1)
    yield below("pressure load against the cavity area's differences", error, 1e-7, note=note)


def tangent_error(
    model: RingModel, state: State, area_change: float, rng: np.random.Generator
) -> float:
    """Relative difference of ``tangent @ direction`` and central differences of the residual.

    Args:
        model: the ring.
        state: where to differentiate; best no equilibrium.
        area_change: in-plane area change c of the volume equation.
        rng: draws the direction.
    """
    direction = rng.normal(size=len(state.x))
    # SfePy's tangent reuses what the residual stored for the same state.
    model.residual(state.x, state.pressure, area_change)
    product = model.tangent(state.x, state.pressure) @ direction
    truth = derivative(
        lambda x: model.residual(x, state.pressure, area_change), state.x, direction, STEP
    )
    return float(np.linalg.norm(product - truth) / np.linalg.norm(truth))


def _perturbed_state(model: RingModel, lambda_z: float, rng: np.random.Generator) -> State:
    state = inflation_path(model, 1.6, lambda_z)[-1]
    x = state.x.copy()
    x[model.u] += PERTURBATION_MM * rng.normal(size=model.n_u)
    x[model.p] += rng.normal(size=model.n_p)
    return State(x, state.pressure, 1.0)


def _affine_gradient(area_change: float) -> np.ndarray:
    """A stretched and sheared deformation gradient with the given determinant."""
    gradient = np.array([[1.25, 0.3], [-0.1, 0.9]])
    return gradient * np.sqrt(area_change / np.linalg.det(gradient))


def _affine_forces(
    model: RingModel, gradient: np.ndarray, area_change: float, hydrostatic: float
) -> tuple[np.ndarray, float, np.ndarray]:
    """Nodal forces of an affine state, the volume equation's largest error, and exact forces.

    Returns:
        Forces ``(2 n_circ, 2 n_rad + 1, 2)`` in kPa mm, the volume error over the area that the
        largest pressure node stands for, and the exact boundary forces in the shape of the first.
    """
    x = np.zeros(model.n_u + model.n_p)
    moved = np.empty((model.n_u // 2, 2))
    moved[model.nodes] = model.reference @ (gradient - np.eye(2)).T
    x[model.u] = moved.ravel()
    x[model.p] = hydrostatic
    residual = model.residual(x, 0.0, area_change)
    forces = residual[model.u].reshape(-1, 2)[model.nodes]
    shares = model.residual(x, 0.0, area_change - 1)[model.p] - residual[model.p]
    volume = float(np.abs(residual[model.p]).max() / np.abs(shares).max())
    cofactor = area_change * np.linalg.inv(gradient).T
    trace = float(np.sum(gradient**2)) + 1
    isochoric = gradient - trace / 3 * np.linalg.inv(gradient).T
    stress = NeoHookean().mu_kpa * area_change ** (-2 / 3) * isochoric - hydrostatic * cofactor
    exact = np.zeros_like(forces)
    for column, sign in ((0, -1.0), (-1, 1.0)):
        edge = model.reference[:, column]
        chord = np.roll(edge[::2], -1, axis=0) - edge[::2]
        # Outward normal times length of the straight, counter-clockwise edge.
        normal = sign * np.stack([chord[:, 1], -chord[:, 0]], axis=1)
        traction = normal @ stress.T
        exact[1::2, column] = 4 / 6 * traction
        exact[::2, column] = (traction + np.roll(traction, 1, axis=0)) / 6
    return forces, volume, exact
