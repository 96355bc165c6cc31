"""The cavity follows its endocardium, however small it becomes."""

from __future__ import annotations

import numpy as np
import pytest

from fem_sim.mechanics.kinematics import pixel_jacobian
from fem_sim.phantom.cavity import CavityMotion
from fem_sim.phantom.geometry import HeartGeometry, heart_geometry

SPACING, SIZE = 1.0, 65
MIDDLE = (SIZE - 1) / 2


@pytest.fixture
def geometry() -> HeartGeometry:
    """An oval cavity in the middle of the grid."""
    angle = 2 * np.pi * np.arange(180) / 180
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    endo, epi = MIDDLE + circle * [20, 16], MIDDLE + circle * [28, 24]
    return heart_geometry(endo, epi, "mid", 2.7, np.random.default_rng(0))


def grid() -> np.ndarray:
    axis = np.arange(SIZE) * SPACING
    return np.stack(np.meshgrid(axis, axis, indexing="ij"))


def affine(matrix: list[list[float]], shift: tuple[float, float]) -> np.ndarray:
    """Displacement on the grid of an affine motion about its middle."""
    offset = grid() - MIDDLE
    moved = np.einsum("ij,jab->iab", np.array(matrix), offset)
    return moved - offset + np.array(shift)[:, None, None]


def inside(geometry: HeartGeometry) -> np.ndarray:
    offset = grid() - MIDDLE
    radius, angle = np.hypot(*offset), np.arctan2(offset[1], offset[0])
    return radius < geometry.endo_radius(angle)


@pytest.mark.parametrize(
    "matrix",
    [[[0.4, 0.0], [0.0, 0.4]], [[0.95, -0.3], [0.3, 0.95]], [[0.5, 0.1], [0.0, 0.3]]],
    ids=["shrinks", "turns", "shears"],
)
def test_linear_motion_of_the_endocardium_is_that_of_the_cavity(
    geometry: HeartGeometry, matrix: list[list[float]]
) -> None:
    field, mask = affine(matrix, (1.5, -2.0)), inside(geometry)
    motion = CavityMotion(grid()[:, mask], geometry, 0.0, SPACING)
    assert motion.displacement(field) == pytest.approx(field[:, mask], abs=0.05)


def test_cavity_that_nearly_vanishes_does_not_fold(geometry: HeartGeometry) -> None:
    offset = grid() - MIDDLE
    angle = np.arctan2(offset[1], offset[0])
    share = 0.3 + 0.06 * np.cos(5 * angle)  # trabeculae make the end-systolic outline rough
    field, mask = offset * (share - 1), inside(geometry)
    motion = CavityMotion(grid()[:, mask], geometry, 0.0, SPACING)
    whole = field.copy()
    whole[:, mask] = motion.displacement(field)
    assert pixel_jacobian(whole, SPACING)[mask].min() > 0.02
