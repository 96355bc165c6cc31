"""Thickness of the wall against rings whose thickness is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.on_wall.mesh import wall_of
from myomotion.analysis.measures.on_wall.thickness import thickening_percent, thickness_mm
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from tests.support.analytic import coordinates
from tests.support.cines.ring import RADIUS, beat, contraction, ring_cine

INNER, OUTER, DROP = 22.0, 32.0, 500.0 / np.pi  # of the drawn ring, mm and mm^2
SHARES = beat()


def tracked(field: torch.Tensor) -> TrackedSlice:
    slices = working_slices(ring_cine(SHARES))
    return tracked_slices(source_motion(slices, field, -field))[0]


def true_thickening(es: int) -> float:
    radius = np.array([INNER, (INNER + OUTER) / 2, OUTER])
    new = np.sqrt(radius**2 - DROP * SHARES[es])
    return float(100 * ((new[2] ** 2 - new[0] ** 2) / (2 * new[1]) / (OUTER - INNER) - 1))


def test_ring_is_as_thick_as_between_its_radii_in_every_segment() -> None:
    one = tracked(contraction(SHARES))
    wall, es = wall_of(one), one.motion.es_frame
    assert wall is not None
    assert thickness_mm(wall, wall.segment(0))[0] == pytest.approx(OUTER - INNER, abs=0.15)
    for segment in (0, *np.unique(wall.segments)):
        value = thickening_percent(wall, wall.segment(int(segment)))
        assert value[0] == pytest.approx(0, abs=1e-9)
        assert value[es] == pytest.approx(true_thickening(es), abs=0.7)


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
    assert thickening_percent(wall, wall.segment(0))[4] == pytest.approx(0, abs=1.5)
