"""A ventricle that is no heart's size or shape says which size of the voxels may be wrong."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN, RED
from myomotion.analysis.measures.size import (
    AXIS_LIMITS,
    AXIS_RATIO,
    ELONGATION,
    ELONGATION_LIMITS,
    LENGTH,
    LENGTH_LIMITS,
    LIMITS,
)
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.study import Study, analyse
from tests.support.analytic import coordinates, ring_labels
from tests.support.cines.ring import FRAMES, beat, contraction, ring_cine
from tests.support.volume.cup import cup, tracked


def sized(factor: float) -> Study:
    """The drawn ring, its voxels larger or smaller, tracked as if it were as it is."""
    cine = ring_cine(beat())
    affine = cine.affine @ np.diag([factor, factor, 1, 1])
    changed = cine.with_arrays(affine=affine)
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


def of_stretches(stretches: Sequence[float], first_voxel: float = 1.0) -> Study:
    """Slices longer along the first axis by a factor each, voxels of another size along it."""
    cine, depth = ring_cine(beat()[[0, FRAMES // 2]]), len(stretches)
    x, y = coordinates(96, 1.5)
    labels = []
    for stretch in stretches:
        radius = np.hypot(x / stretch**0.5, y * stretch**0.5)
        labels.append(np.select([radius < 15, radius < 22], [1, 2], 0).astype(np.uint8))
    stack = cine.with_arrays(
        image=np.repeat(cine.image, depth, 2),
        label_ed=np.stack(labels, -1),
        levels=["mid"] * depth,
        affine=cine.affine @ np.diag([first_voxel, 1, 1, 1]),
    )
    return analyse(working_slices(stack), torch.zeros(depth, 2, 2, 96, 96))


@pytest.mark.parametrize("factor", [1.3, 1 / 1.3])
def test_voxel_of_another_length_along_one_axis_stretches_every_slice(factor: float) -> None:
    study = of_stretches([1.0, 1.0, 1.0], factor)
    value = study.quality.values[AXIS_RATIO.key]
    assert value == pytest.approx(factor, rel=0.02) and AXIS_LIMITS.light(value) == AMBER
    assert any("1.3 times as long along one axis" in text for text in study.quality.reasons)


def test_hearts_that_are_longer_in_some_slices_are_right() -> None:
    for stretches, expected in (([1.3, 1.25, 0.95], 1.0), ([1.3, 1.25, 1.1], 1.1)):
        value = of_stretches(stretches).quality.values[AXIS_RATIO.key]
        assert value == pytest.approx(expected, rel=0.02) and AXIS_LIMITS.light(value) == GREEN
    assert of_stretches([1.3, 1.3]).quality.values[AXIS_RATIO.key] is None


@pytest.mark.parametrize(
    ("distance", "light"), [(10.0, GREEN), (15.0, GREEN), (5.0, AMBER), (19.5, AMBER)]
)
def test_whole_ventricle_that_is_too_short_or_too_long_for_its_width_is_said(
    tmp_path: Path, distance: float, light: int
) -> None:
    # Six slices with a ventricle 62 mm wide, and one beyond its base.
    radii = (10.0, 16.0, 20.0, 22.0, 22.0, 22.0, -20.0)
    study = tracked(cup(tmp_path / "cup", distance=distance, slices=7, radii=radii), volume=False)
    assert study.function is not None and study.function.partial is None
    value = study.quality.values[LENGTH.key]
    assert value == pytest.approx(6 * distance / 62, rel=0.02)
    assert LENGTH_LIMITS.light(value) == light
    said = f"{6 * distance:.0f} mm long and 62 mm wide"
    assert any(said in text for text in study.quality.reasons) == (light == AMBER)


def test_part_of_a_ventricle_has_no_length(tmp_path: Path) -> None:
    study = tracked(cup(tmp_path / "cup", distance=5.0), volume=False)
    assert study.quality.values[LENGTH.key] is None
