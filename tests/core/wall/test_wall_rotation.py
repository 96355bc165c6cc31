"""Rotation of the wall: rings turned by known angles, whatever else they do."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.core.wall.contours import contours_from_labels
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import WallMesh, wall_mesh
from myomotion.core.wall.rotation import wall_rotation_deg
from tests.support.wall_rings import (
    INNER,
    OUTER,
    RING_DROP,
    SIZE,
    SPACING,
    layer,
    offsets,
    ring,
    turned,
)


def nodes_of(mesh: WallMesh, displacement: np.ndarray) -> np.ndarray:
    return WallField(mesh, SPACING, (SIZE, SIZE)).nodes(displacement[None])


def labelled_mesh() -> WallMesh:
    radius = np.hypot(*offsets())
    label = np.where(radius < INNER, 1, np.where(radius < OUTER, 2, 0))
    return wall_mesh(contours_from_labels(label, SPACING))


@pytest.mark.parametrize("degrees", [-25.0, -3.0, 0.5, 10.0, 40.0])
def test_ring_turned_by_a_known_angle_has_that_rotation(degrees: float) -> None:
    mesh = labelled_mesh()
    shift = np.array([4.0, -7.0])[:, None, None]
    found = wall_rotation_deg(mesh, nodes_of(mesh, turned(degrees) + shift))
    assert found == pytest.approx([degrees], abs=0.05)
    other_way = wall_rotation_deg(mesh, nodes_of(mesh, turned(degrees)), turn=-1.0)
    assert other_way == pytest.approx([-degrees], abs=0.05)


def test_ring_that_contracts_as_it_turns_has_the_rotation_alone() -> None:
    mesh = labelled_mesh()
    radius = np.maximum(np.hypot(*offsets()), 15.0)
    moved = nodes_of(mesh, turned(8.0, np.sqrt(1 - RING_DROP / radius**2)))
    assert wall_rotation_deg(mesh, moved) == pytest.approx([8.0], abs=0.05)


def test_layers_turn_by_their_own_angles_and_the_wall_by_the_mean() -> None:
    """``theta = Theta + k R``: the mean of k R with weights R^2 dA, as least squares has it."""
    mesh, per_mm = wall_mesh(ring()), 1.2
    moved = nodes_of(mesh, turned(per_mm * (np.hypot(*offsets()) - INNER)))
    edges = np.linspace(INNER, OUTER, 4)
    found = [wall_rotation_deg(mesh, moved, layer(mesh, i))[0] for i in range(3)]
    for value, low, high in zip(found, edges, edges[1:], strict=False):
        radius = np.linspace(low, high, 2001)
        angle = np.deg2rad(per_mm * (radius - INNER))
        sine, cosine = ((f(angle) * radius**3).sum() for f in (np.sin, np.cos))
        assert value == pytest.approx(np.rad2deg(np.arctan2(sine, cosine)), abs=0.05)
    assert found[0] < wall_rotation_deg(mesh, moved)[0] < found[2]


def test_oval_wall_that_is_squeezed_without_turning_does_not_rotate() -> None:
    mesh = wall_mesh(ring(oval=0.2))
    squeezed = np.einsum("ij,jhw->ihw", np.diag([0.8, 1.1]) - np.eye(2), offsets())
    assert wall_rotation_deg(mesh, nodes_of(mesh, squeezed)) == pytest.approx([0.0], abs=0.02)
