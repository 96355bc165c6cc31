"""Thickness of the wall against rings whose thickness is known, with and without a picture."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.measures.on_wall.mesh import wall_of
from myomotion.analysis.measures.on_wall.thickness import (
    mesh_thickening,
    mesh_thickness_mm,
    thickening_percent,
)
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from tests.support.analytic import coordinates
from tests.support.cines.ring import RADIUS, beat, contraction, ring_cine

INNER, OUTER, DROP = 22.0, 32.0, 500.0 / np.pi  # of the drawn ring, mm and mm^2
SHARES = beat()


def tracked(field: torch.Tensor, tissues: torch.Tensor | None = None) -> TrackedSlice:
    slices: Slices = replace(working_slices(ring_cine(SHARES)), tissues=tissues)
    return tracked_slices(source_motion(slices, field, -field))[0]


def seen(outer: float, at_es: float, es: int) -> torch.Tensor:
    """Tissues of a ring that grows by a share of its area in one frame, the cavity as it was."""
    found = torch.zeros(1, len(SHARES), 3, 96, 96)
    for t in range(len(SHARES)):
        edge = np.sqrt(INNER**2 + (outer**2 - INNER**2) * (at_es if t == es else 1.0))
        inside, ball = (1 / (1 + np.exp((RADIUS - r) / 0.4)) for r in (INNER, edge))
        found[0, t, 0], found[0, t, 1] = torch.from_numpy(inside), torch.from_numpy(ball - inside)
    return found


def true_thickening(es: int) -> float:
    radius = np.array([INNER, (INNER + OUTER) / 2, OUTER])
    new = np.sqrt(radius**2 - DROP * SHARES[es])
    return float(100 * ((new[2] ** 2 - new[0] ** 2) / (2 * new[1]) / (OUTER - INNER) - 1))


def test_ring_is_as_thick_as_between_its_radii_in_every_segment() -> None:
    one = tracked(contraction(SHARES))
    wall, es = wall_of(one), one.motion.es_frame
    assert wall is not None
    assert mesh_thickness_mm(wall, wall.segment(0))[0] == pytest.approx(OUTER - INNER, abs=0.15)
    for segment in (0, *np.unique(wall.segments)):
        value = thickening_percent(one, int(segment))[es]
        assert value == pytest.approx(true_thickening(es), abs=0.7)
    assert thickening_percent(one, 0)[0] == pytest.approx(0, abs=1e-9)


def test_layers_that_slide_along_each_other_thicken_no_wall() -> None:
    x = coordinates(96, 1.5)
    angle = np.deg2rad(1.5) * (np.clip(RADIUS, INNER, OUTER) - INNER)
    turned = np.stack(
        [np.cos(angle) * x[0] - np.sin(angle) * x[1], np.sin(angle) * x[0] + np.cos(angle) * x[1]]
    )
    field = torch.zeros(1, len(SHARES), 2, 96, 96)
    field[0, 4] = torch.from_numpy(turned - x).float()
    wall = wall_of(tracked(field))
    assert wall is not None
    assert 100 * wall.strain.mean("err")[4] > 20
    assert 100 * mesh_thickening(wall, wall.segment(0))[4] == pytest.approx(0, abs=1.5)


def test_wall_that_is_seen_to_grow_adds_half_of_what_tracking_lacks() -> None:
    plain = tracked(contraction(SHARES))
    es = plain.motion.es_frame
    with_picture = tracked(contraction(SHARES), seen(OUTER, 1.2, es))
    for segment in (0, 8):
        without, value = (thickening_percent(s, segment)[es] for s in (plain, with_picture))
        assert without is not None and value is not None
        assert 100 + value == pytest.approx(1.1 * (100 + without), rel=5e-3)
    assert thickening_percent(with_picture, 0)[0] == pytest.approx(0, abs=1e-9)


def test_picture_of_another_wall_than_the_label_has_no_say() -> None:
    plain = tracked(contraction(SHARES))
    es = plain.motion.es_frame
    other = tracked(contraction(SHARES), seen(OUTER + 8, 1.2, es))
    assert thickening_percent(other, 0)[es] == thickening_percent(plain, 0)[es]
