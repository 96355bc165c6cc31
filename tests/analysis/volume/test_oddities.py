"""Stacks of an ellipsoid, whole, cut short, shifted or out of order, and what is said of each."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from myomotion.analysis.volume.oddities import oddities
from myomotion.analysis.volume.shape import HeartShape, heart_shape
from myomotion.core.wall.contours import Contours

RADIUS, WALL, LONG = 24.0, 9.0, 65.0  # mm, of the endocardium; its widest level at z = 0
LEVELS = np.arange(-56.0, 20.0, 9.0)  # a whole stack: 9 mm above the apex to 16 mm above the middle


def stack(
    levels: Sequence[float], order: Sequence[int] | None = None, shifted: int | None = None
) -> tuple[HeartShape, np.ndarray]:
    """Its shape and epicardial radii; slice k shows what lies at place ``order[k]``."""
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    contours, outer = [], []
    for k, z in enumerate(np.asarray(levels)[list(order or range(len(levels)))]):
        inside = RADIUS * np.sqrt(1 - (z / LONG) ** 2)
        outside = (RADIUS + WALL) * np.sqrt(1 - (z / (LONG + WALL)) ** 2)
        off = np.array([9.0 if k == shifted else 0.0, 0.0])
        contours.append(Contours(endo=inside * ray + off, epi=outside * ray + off))
        outer.append(outside)
    return heart_shape(list(levels), contours), np.array(outer)


def said(*arguments: object, **options: object) -> list[str]:
    shape, outer = stack(*arguments, **options)  # type: ignore[arg-type]
    return oddities(shape, range(10, 10 + len(outer)), outer)


def test_nothing_is_said_of_a_whole_stack() -> None:
    assert said(LEVELS) == []


def test_a_stack_without_apex_is_told_by_how_far_away_it_is() -> None:
    shape, _ = stack(LEVELS[3:])
    assert shape.apex_below_mm == pytest.approx(LONG + LEVELS[3], rel=0.1)
    (sentence,) = said(LEVELS[3:])
    assert (
        f"does not reach the apex, which is taken to lie {shape.apex_below_mm:.0f} mm" in sentence
    )


def test_a_stack_without_base_is_told_by_its_widening() -> None:
    shape, _ = stack(LEVELS[:5])
    assert shape.widest_above_mm == pytest.approx(-LEVELS[4], rel=0.15)
    (sentence,) = said(LEVELS[:5])
    assert "may not reach the base" in sentence


def test_a_base_that_is_seen_lies_above_the_widest_level() -> None:
    shape, _ = stack(LEVELS)
    assert shape.widest_above_mm == pytest.approx(-LEVELS[-1], abs=2.0)


@pytest.mark.parametrize(
    ("order", "named"),
    [
        ([1, 0, 2, 3, 4, 5, 6, 7, 8], "[11]"),  # the two lowest changed places
        ([0, 1, 3, 2, 4, 5, 6, 7, 8], "[13]"),
        ([0, 1, 2, 3, 4, 5, 0, 7, 8], "[16]"),
        ([4, 1, 2, 3, 0, 5, 6, 7, 8], "[11"),
    ],
)
def test_slices_out_of_order_make_a_waist(order: list[int], named: str) -> None:
    found = [line for line in said(LEVELS, order=order) if "out of order" in line]
    assert any(f"size of slices {named}" in line for line in found)


def test_a_small_basal_slice_is_no_waist() -> None:
    levels = [*LEVELS, 28.0, 37.0]
    assert not any("out of order" in line for line in said(levels))


def test_a_slice_beside_the_axis_is_named() -> None:
    (sentence,) = said(LEVELS, shifted=4)
    assert "Slices [14] lie more than 5 mm beside the axis" in sentence
