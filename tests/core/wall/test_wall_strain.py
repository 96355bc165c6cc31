"""Strain on the wall's mesh: known answers of closed form, then what must not change it."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels
from myomotion.core.wall.mesh import LAYERS, wall_mesh
from myomotion.core.wall.strain import wall_strain
from tests.support.wall_rings import (
    INNER,
    MIDDLE,
    NAMES,
    OUTER,
    RING_DROP,
    deflated,
    layer,
    moved_by,
    offsets,
    ring,
    strain_of,
    turned,
)


def test_rigid_motion_has_no_strain() -> None:
    strain = strain_of(turned(25.0) + np.array([4.0, -7.0])[:, None, None])
    for name in NAMES[:-1]:
        assert np.abs(getattr(strain, name)).max() < 1e-4
    assert strain.jacobian == pytest.approx(1.0, abs=1e-4)


@pytest.mark.parametrize("oval", [0.0, 0.15])
def test_homogeneous_stretch_has_its_strain_in_every_element(oval: float) -> None:
    gradient = np.array([[1.1, 0.06], [-0.02, 0.85]])
    strain = strain_of(moved_by(gradient), ring(oval=oval))
    e1, e2 = np.linalg.eigvalsh((gradient.T @ gradient - np.eye(2)) / 2)[::-1]
    assert strain.e1 == pytest.approx(e1, abs=2e-3)
    assert strain.e2 == pytest.approx(e2, abs=2e-3)
    assert strain.jacobian == pytest.approx(np.linalg.det(gradient), abs=2e-3)
    assert strain.err + strain.ecc == pytest.approx(e1 + e2, abs=2e-3)  # the trace


def test_uniform_scaling_is_the_same_in_every_direction() -> None:
    strain = strain_of(moved_by(0.9 * np.eye(2)))
    for name in ("err", "ecc", "e1", "e2"):
        assert getattr(strain, name) == pytest.approx((0.81 - 1) / 2, abs=1e-4)
    for name in ("engineering_err", "engineering_ecc"):
        assert getattr(strain, name) == pytest.approx(-0.1, abs=1e-4)
    assert strain.erc == pytest.approx(0.0, abs=1e-4)


def test_ring_that_keeps_its_area_has_the_strain_of_the_formula_in_every_element() -> None:
    mesh, strain = wall_mesh(ring()), strain_of(deflated())
    squared = ((mesh.middles - mesh.center) ** 2).sum(-1)
    stretch = np.sqrt(1 - RING_DROP / squared)  # along the circumference; 1 over it across
    assert strain.ecc[0] == pytest.approx((stretch**2 - 1) / 2, abs=5e-4)
    assert strain.err[0] == pytest.approx((stretch**-2 - 1) / 2, abs=4e-3)
    assert strain.engineering_ecc[0] == pytest.approx(stretch - 1, abs=5e-4)
    assert strain.jacobian == pytest.approx(1.0, abs=2e-3)
    assert np.abs(strain.erc).max() < 1e-3
    means = [100 * strain.mean("ecc", layer(mesh, i))[0] for i in range(len(LAYERS))]
    assert means == sorted(means) and means[0] < -10 > means[-1] - 4


def test_twist_of_the_layers_is_the_shear_of_the_formula() -> None:
    """``theta = Theta + k R``: ``F = [[1, 0], [R k, 1]]`` along r and c."""
    slope = np.deg2rad(10.0) / (OUTER - INNER)
    strain = strain_of(turned(np.rad2deg(slope) * (np.hypot(*offsets()) - INNER)))
    mesh = wall_mesh(ring())
    radius = np.linalg.norm(mesh.middles - mesh.center, axis=-1)
    assert strain.erc[0] == pytest.approx(radius * slope / 2, abs=1e-3)
    assert strain.err[0] == pytest.approx((radius * slope) ** 2 / 2, abs=1e-3)
    assert np.abs(strain.ecc).max() < 1e-3
    assert strain.jacobian == pytest.approx(1.0, abs=2e-3)
    other_way = wall_strain(mesh, mesh.nodes[None], turn=-1.0)
    assert np.abs(other_way.erc).max() < 1e-12


def test_what_lies_outside_the_wall_has_no_say() -> None:
    """Blood that stands still and a chest that moves otherwise change nothing."""
    radius = np.hypot(*offsets())
    outside = (radius < INNER) | (radius > OUTER)
    disturbed = np.where(outside, 9.0, deflated())
    first, second = strain_of(deflated()), strain_of(disturbed)
    for name in NAMES:
        assert getattr(second, name) == pytest.approx(getattr(first, name), abs=1e-12)


def test_directions_follow_a_wall_that_is_not_round() -> None:
    """A flat septum that is pressed thin thins across itself, wherever the cavity's centre is."""
    contours = ring(oval=0.6)
    strain, mesh = strain_of(moved_by(np.diag([0.8, 1.0])), contours), wall_mesh(contours)
    flat = int(np.abs(mesh.middles[:, 4, 1] - MIDDLE).argmin())
    assert strain.err[0, flat] == pytest.approx((0.64 - 1) / 2, abs=3e-3)
    assert strain.ecc[0, flat] == pytest.approx(0.0, abs=3e-3)


def test_mesh_covers_the_wall_and_its_layers_are_thirds() -> None:
    mesh = wall_mesh(ring())
    assert mesh.nodes.shape == (72, 10, 2)
    assert mesh.area.sum() == pytest.approx(np.pi * (OUTER**2 - INNER**2), rel=3e-3)
    thickness = np.linalg.norm(mesh.nodes[:, -1] - mesh.nodes[:, 0], axis=-1)
    assert thickness == pytest.approx(OUTER - INNER, abs=0.01)
    assert np.bincount(mesh.layers).tolist() == [3, 3, 3]


def test_contours_of_oblong_voxels_are_those_of_square_ones() -> None:
    def outlined(steps: tuple[float, float]) -> Contours:
        axes = [np.arange(int(120 / s)) * s - 60.3 for s in steps]
        radius = np.hypot(*np.meshgrid(*axes, indexing="ij"))
        label = np.where(radius < INNER, 1, np.where(radius < OUTER, 2, 0))
        return contours_from_labels(label, steps)

    for steps in ((1.5, 1.5), (1.0, 1.6)):
        found = outlined(steps)
        for contour, radius in ((found.endo, INNER), (found.epi, OUTER)):
            assert np.hypot(*(contour - 60.3).T).mean() == pytest.approx(radius, abs=0.1)


def test_wall_that_is_not_seen_from_its_cavity_is_refused() -> None:
    dented = ring()
    dented.endo[80:100] = MIDDLE + 0.3 * (dented.endo[80:100] - MIDDLE) * [-1.0, 1.0]
    with pytest.raises(RejectedSliceError, match="not_star_shaped"):
        wall_mesh(dented)
    touching = ring()
    touching.endo[40:60] = touching.epi[40:60]
    with pytest.raises(RejectedSliceError, match="thin_wall"):
        wall_mesh(touching)
