"""The simulator in three dimensions: element, mesh, fibres, material, equations, equilibrium."""

from __future__ import annotations

import numpy as np
import pytest

from fem_sim.heart3d.benchmark import BAR_MM, MUSCLE, apex_heights, bend_bar, ellipsoid, inflate
from fem_sim.heart3d.element import lattice_cells, shapes
from fem_sim.heart3d.equilibrium import State, load_path, loaded, solve_at_volume
from fem_sim.heart3d.fibres import helix_frames
from fem_sim.heart3d.material import ENTRIES, TWICE, Guccione, HolzapfelOgden, Muscle
from fem_sim.heart3d.mesh import bar_mesh, ventricle_mesh
from fem_sim.heart3d.model import Load, SolidModel
from fem_sim.verify.heart3d import patch_claims, tangent_claims


def ellipsoid_volume(short: float, long: float, base: float) -> float:
    """Volume of an ellipsoid below a plane, by integration of its circles."""
    heights = base + long - (base**3 + long**3) / (3 * long**2)
    return np.pi * short**2 * heights


@pytest.mark.parametrize(("cell", "axes"), [("3_8", 3), ("2_4", 2)])
def test_quadratic_shapes_reproduce_quadratic_fields(cell: str, axes: int) -> None:
    quadratic = shapes(cell, 2)
    places = quadratic.steps / 2
    points = quadratic.values @ places
    field, slope = places[:, 0] ** 2 * places[:, 1], 2 * points[:, 0] * points[:, 1]
    np.testing.assert_allclose(quadratic.values @ field, points[:, 0] ** 2 * points[:, 1])
    np.testing.assert_allclose(quadratic.slopes[..., 0] @ field, slope, atol=1e-14)
    assert quadratic.weights.sum() == pytest.approx(1)
    assert quadratic.slopes.shape[-1] == axes


def test_cells_of_a_lattice_hold_its_nodes_in_the_elements_order() -> None:
    numbers = np.arange(5 * 3 * 3).reshape(5, 3, 3)
    cells = lattice_cells(numbers)
    steps = shapes("3_8", 2).steps
    assert cells.shape == (2, 27)
    for cell, start in zip(cells, (0, 2), strict=True):
        expected = [numbers[start + a, b, c] for a, b, c in steps]
        assert cell.tolist() == expected


def energy(muscle: Muscle, strain: np.ndarray) -> np.ndarray:
    """As the materials' docstrings have it."""
    e, trace = strain, np.trace(strain, axis1=-2, axis2=-1)
    if isinstance(muscle, Guccione):
        across = e[..., 1, 1] ** 2 + e[..., 2, 2] ** 2 + 2 * e[..., 1, 2] ** 2
        shear = 2 * (e[..., 0, 1] ** 2 + e[..., 0, 2] ** 2)
        q = muscle.bf * e[..., 0, 0] ** 2 + muscle.bt * across + muscle.bfs * shear
        return muscle.c_kpa / 2 * (np.exp(q) - 1)
    assert isinstance(muscle, HolzapfelOgden)
    pulled = np.maximum(2 * e[..., 0, 0], 0)
    matrix = (np.exp(2 * muscle.b * trace) - 1) / (2 * muscle.b)
    fibres = (np.exp(muscle.bf * pulled**2) - 1) / (2 * muscle.bf)
    return muscle.c_kpa * (matrix + muscle.fibre * fibres)


@pytest.mark.parametrize(
    "muscle", [Guccione(c_kpa=2.0, bf=8.0, bt=2.0, bfs=4.0), HolzapfelOgden(c_kpa=2.0)]
)
def test_stress_is_the_slope_of_the_energy_and_the_moduli_that_of_the_stress(
    muscle: Muscle,
) -> None:
    rng = np.random.default_rng(0)
    strain = 0.1 * rng.normal(size=(6, 3, 3))
    strain = (strain + strain.mT) / 2
    ones, step = np.ones(6), 1e-5
    stress, moduli = muscle.response(strain, ones)
    for entry, (i, j) in enumerate(ENTRIES):
        change = np.zeros((3, 3))
        change[i, j] = change[j, i] = step
        higher, lower = strain + change, strain - change
        slope = (energy(muscle, higher) - energy(muscle, lower)) / (2 * step) / TWICE[entry]
        np.testing.assert_allclose(stress[:, entry], slope, rtol=1e-6, atol=1e-6)
        ahead, behind = (muscle.response(place, ones)[0] for place in (higher, lower))
        slopes = (ahead - behind) / (2 * step) / TWICE[entry]
        np.testing.assert_allclose(moduli[..., entry], slopes, rtol=1e-5, atol=1e-5)
    twice, _ = muscle.of_stiffness(4.0).response(strain, ones / 2)
    np.testing.assert_allclose(twice, stress)
    with pytest.raises(ArithmeticError, match="beyond all muscle"):
        muscle.response(strain + 3.0 * np.eye(3), ones)


def test_ventricle_has_the_volumes_of_its_ellipsoids() -> None:
    model = SolidModel(ellipsoid(2, 6, 1), MUSCLE)
    cavity, outer = (ellipsoid_volume(a, c, 5.0) for a, c in ((7, 17), (10, 20)))
    assert model.cavity_volume(np.zeros(model.size)) == pytest.approx(cavity, rel=1e-3)
    assert model.weights.sum() == pytest.approx(outer - cavity, rel=1e-3)


def test_ventricle_has_no_degenerate_element_and_one_apex() -> None:
    mesh = ellipsoid(4, 4, 2)
    jacobians = mesh.jacobians()
    assert (jacobians.min(axis=1) / jacobians.max(axis=1)).min() > 0.1
    np.testing.assert_allclose(mesh.nodes[list(mesh.apex)], [[0, 0, -17], [0, 0, -20]], atol=1e-9)
    np.testing.assert_allclose(mesh.nodes[mesh.held, 2], 5.0)
    assert len(mesh.cells) == 2 * (16 + 4 * 16)


def test_a_wall_turned_inside_out_is_refused() -> None:
    def inside_out(size: np.ndarray, angle: np.ndarray, depth: np.ndarray) -> np.ndarray:
        radius = (2 - depth) * size
        return np.stack([radius * np.cos(angle), radius * np.sin(angle), size + depth], axis=-1)

    with pytest.raises(ValueError, match="inside out"):
        ventricle_mesh(inside_out, 2, 2, 1)


def test_fibres_turn_through_the_wall_as_the_benchmark_has_them() -> None:
    mesh = ellipsoid(2, 5, 2)
    frames = helix_frames(mesh, 90.0, -90.0)
    identity = np.swapaxes(frames, -1, -2) @ frames
    np.testing.assert_allclose(identity, np.broadcast_to(np.eye(3), identity.shape), atol=1e-12)
    assert np.linalg.det(frames).min() > 0.99
    values = shapes("3_8", 2).values
    point = np.einsum("eai,qa->eqi", mesh.nodes[mesh.cells], values)
    depth = mesh.depth[mesh.cells] @ values.T
    turn, (short, long) = np.arctan2(point[..., 1], point[..., 0]), (7 + 3 * depth, 17 + 3 * depth)
    u = -np.arctan2(np.hypot(point[..., 0], point[..., 1]) / short, point[..., 2] / long)
    v = turn + np.pi
    along = np.stack(
        [short * np.cos(u) * np.cos(v), short * np.cos(u) * np.sin(v), -long * np.sin(u)], axis=-1
    )
    along /= np.linalg.norm(along, axis=-1, keepdims=True)
    around = np.stack([-np.sin(turn), np.cos(turn), np.zeros_like(turn)], axis=-1)
    angle = np.deg2rad(90 - 180 * depth)[..., None]
    expected = np.sin(angle) * along + np.cos(angle) * around
    # The mesh's elements are quadratic, the ellipsoid is not.
    assert np.abs(np.sum(expected * frames[..., 0], axis=-1)).min() > 0.998


def test_guccione_stress_is_the_derivative_of_its_energy() -> None:
    material = Guccione(c_kpa=2.0, bf=8.0, bt=2.0, bfs=4.0)
    rng = np.random.default_rng(0)
    strain = rng.normal(0, 0.1, (3, 3))
    strain = (strain + strain.T) / 2

    def energy(e: np.ndarray) -> float:
        exponent = material.bf * e[0, 0] ** 2 + 2 * material.bfs * (e[0, 1] ** 2 + e[0, 2] ** 2)
        exponent += material.bt * (e[1, 1] ** 2 + e[2, 2] ** 2 + 2 * e[1, 2] ** 2)
        return material.c_kpa / 2 * (np.exp(exponent) - 1)

    stress, moduli = material.response(strain, np.array(1.0))
    for place, (i, j) in enumerate(((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))):
        step = np.zeros((3, 3))
        step[i, j] = step[j, i] = 1e-6 if i == j else 5e-7  # a shear of 1e-6
        slope = (energy(strain + step) - energy(strain - step)) / 2e-6
        assert stress[place] == pytest.approx(slope, rel=1e-6, abs=1e-9)
        ahead, _ = material.response(strain + step, np.array(1.0))
        behind, _ = material.response(strain - step, np.array(1.0))
        np.testing.assert_allclose(moduli[:, place], (ahead - behind) / 2e-6, rtol=1e-5, atol=1e-6)


def test_strain_beyond_all_muscle_is_an_arithmetic_error() -> None:
    with pytest.raises(ArithmeticError, match="beyond all muscle"):
        MUSCLE.response(10 * np.eye(3), np.array(1.0))


def test_patch_test_is_exact() -> None:
    assert all(claim.passed for claim in patch_claims())


def test_tangents_are_the_derivatives_of_the_residual() -> None:
    claims = list(tangent_claims(1))
    assert len(claims) == 6
    assert all(claim.passed for claim in claims), [claim.line() for claim in claims]


def test_a_wrong_tangent_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fem_sim.heart3d.model._skew", lambda v: np.zeros((*v.shape, 3)))
    assert not all(claim.passed for claim in tangent_claims(1))


def test_bar_bends_as_in_the_benchmark() -> None:
    assert 4.1 < bend_bar((8, 2, 1)) < 4.2


def test_bar_that_pulls_along_its_fibres_shortens_and_keeps_its_volume() -> None:
    mesh = bar_mesh(BAR_MM, (4, 1, 1))
    model = SolidModel(mesh, MUSCLE)
    state = loaded(model, Load(tension=5.0))
    end = mesh.nodes[:, 0] == BAR_MM[0]
    assert model.positions(state.x)[end, 0].mean() < 9.5
    volume = np.sum(np.linalg.det(model.gradients(state.x)) * model.weights)
    assert volume == pytest.approx(np.prod(BAR_MM), rel=1e-9)


@pytest.mark.slow
def test_ellipsoid_inflates_as_in_the_benchmark() -> None:
    endo, epi = apex_heights(*inflate(ellipsoid(2, 4, 1)))
    assert endo == pytest.approx(-26.6, rel=0.01)
    assert epi == pytest.approx(-28.2, rel=0.01)


@pytest.mark.slow
def test_pressure_is_found_at_a_volume_and_gives_that_volume() -> None:
    model = SolidModel(ellipsoid(2, 3, 1), MUSCLE, augmentation=50.0)
    start = State(np.zeros(model.size), Load())
    volume = 1.15 * model.cavity_volume(start.x)
    state = solve_at_volume(model, start.x, Load(), volume, "pressure")
    again = loaded(model, state.load)
    assert state.load.pressure > 0
    assert model.cavity_volume(again.x) == pytest.approx(volume, rel=1e-6)


def test_a_way_without_end_says_how_far_it_went() -> None:
    def step(guess: np.ndarray, share: float) -> State:
        if share > 0.5:
            raise ArithmeticError("it broke")
        return State(guess, Load())

    with pytest.raises(ArithmeticError, match=r"beyond 49\.\d% of the load \(it broke\)"):
        load_path(State(np.zeros(3), Load()), step, first=0.4)
