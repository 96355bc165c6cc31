"""A ventricle that is no heart's size says that the voxel size may be wrong."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN, RED
from myomotion.analysis.measures.size import ELONGATION, ELONGATION_LIMITS, LIMITS
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.study import Study, analyse
from tests.support.analytic import coordinates, ring_labels
from tests.support.cines.ring import beat, contraction, ring_cine


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
    ("mm", "light"), [(None, GREEN), (15, RED), (45, AMBER), (60, GREEN), (120, AMBER), (150, RED)]
)
def test_light_of_a_diameter(mm: float | None, light: int) -> None:
    assert LIMITS.light(mm) == light


@pytest.mark.parametrize("mm", [25, 35, 48])
def test_ventricle_of_a_child_is_asked_about_and_not_called_a_failure(mm: float) -> None:
    assert LIMITS.light(mm) == AMBER
    assert "a child, or the voxel size may be wrong" in (LIMITS.reason(mm, None) or "")


@pytest.mark.parametrize(("stretch", "light"), [(1.2, GREEN), (1.7, AMBER), (2.4, RED)])
def test_ventricle_that_is_longer_than_wide_is_said(stretch: float, light: int) -> None:
    cine = ring_cine(beat())
    x, y = coordinates(96, 1.5)
    radius = np.hypot(x / stretch**0.5, y * stretch**0.5)
    cine.label_ed = np.select([radius < 15, radius < 22], [1, 2], 0).astype(np.uint8)[..., None]
    slices = tracked_slices(source_motion(working_slices(cine), contraction(beat())))
    value = ELONGATION.compute(slices[0])
    assert value == pytest.approx(stretch, rel=0.05)
    assert ELONGATION_LIMITS.light(value) == light
