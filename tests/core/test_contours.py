"""Contours that are drawn: of a closed wall two closed ones, however thin it is somewhere."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.path import Path as Outline

from myomotion.core.contours import enclosed_area, filled, heart_contours, ring_contours

SIZE, INNER, OUTER = 64, 12.0, 18.0


def ring(thin: float = OUTER, opening: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """Wall and cavity; a tenth of the wall ends at a radius, or is open over an angle."""
    rows, columns = np.indices((SIZE, SIZE)) - (SIZE - 1) / 2
    radius, angle = np.hypot(rows, columns), np.arctan2(rows, columns)
    outer = np.where(np.abs(angle) < 0.3, thin, OUTER)
    wall = (radius >= INNER) & (radius < outer) & (np.abs(angle) >= opening / 2)
    return wall.astype(float), (radius < INNER).astype(float)


@pytest.mark.parametrize(("thin", "opening"), [(OUTER, 0.0), (INNER + 1, 0.0), (OUTER, 0.1)])
def test_closed_wall_has_two_closed_contours_however_thin(thin: float, opening: float) -> None:
    wall, cavity = ring(thin, opening)
    outer, inner = (enclosed_area([line]) for line in heart_contours(wall, cavity, 0.8))
    assert outer == pytest.approx(wall.sum() + cavity.sum(), rel=0.02)
    assert inner == pytest.approx(cavity.sum(), rel=0.02)


def test_open_wall_and_a_lone_one_are_drawn_as_they_are() -> None:
    wall, cavity = ring(opening=1.0)
    (line,) = heart_contours(wall, cavity)
    assert enclosed_area([line]) == pytest.approx(wall.sum(), rel=0.02)
    lone, _ = ring()
    expected = [len(line) for line in ring_contours(lone)]
    assert [len(line) for line in heart_contours(lone, np.zeros_like(lone))] == expected
    assert heart_contours(np.zeros_like(lone), np.zeros_like(lone)) == []


@pytest.mark.parametrize("seed", range(5))
def test_voxels_within_lines_are_those_that_another_library_finds(seed: int) -> None:
    rng = np.random.default_rng(seed)
    angle = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    star = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    outer, hole = (r * rng.uniform(0.7, 1.0, (60, 1)) * star + 15.3 for r in (18.0, 6.0))
    shape = (31, 26)  # the line leaves the picture on every side
    index = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 2)
    inside = [Outline(line).contains_points(index).reshape(shape) for line in (outer, hole)]
    assert np.array_equal(filled([outer, hole], shape), inside[0] & ~inside[1])
    assert np.array_equal(filled([hole[::-1]], shape), inside[1]) and inside[1].any()
    assert not filled([], shape).any()
