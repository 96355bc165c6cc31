"""A ventricle that is no heart's size says that the voxel size may be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN, RED
from myomotion.analysis.measures.size import LIMITS
from myomotion.analysis.study import Study, analyse
from tests.support.analytic import ring_labels
from tests.support.ring_cine import beat, contraction, ring_cine


def sized(factor: float) -> Study:
    """The drawn ring, its voxels larger or smaller, tracked as if it were as it is."""
    cine = ring_cine(beat())
    affine = cine.affine @ np.diag([factor, factor, 1, 1])
    changed = replace(cine, affine=affine, storage=None, forms=None)  # type: ignore[arg-type]
    return analyse(working_slices(changed), contraction(beat()))


def test_diameter_is_that_of_the_ring() -> None:
    area = (ring_labels() > 0).sum() * 1.5**2
    found = sized(1).quality.values["ventricle_diameter_mm"]
    assert found == pytest.approx(2 * np.sqrt(area / np.pi), rel=0.01)
    assert not any("mm wide" in reason for reason in sized(1).quality.reasons)


@pytest.mark.parametrize("factor", [0.5, 2.0])
def test_voxels_of_another_size_are_said(factor: float) -> None:
    study = sized(factor)
    assert any("mm wide" in reason for reason in study.quality.reasons)
    assert study.summary["light"] != "green"


@pytest.mark.parametrize(
    ("mm", "light"), [(None, GREEN), (30, RED), (45, AMBER), (60, GREEN), (120, AMBER), (150, RED)]
)
def test_light_of_a_diameter(mm: float | None, light: int) -> None:
    assert LIMITS.light(mm) == light
