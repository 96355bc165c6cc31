"""Outlines are round: notches, islands and what stands off the wall are not a reader's."""

from __future__ import annotations

import numpy as np
import torch

from myomotion.analysis.drawing.round import rounded


def disc(radius: float, middle: tuple[float, float] = (40.0, 40.0)) -> torch.Tensor:
    x, y = np.indices((80, 80))
    distance = np.hypot(x - middle[0], y - middle[1])
    return torch.from_numpy(np.clip(radius - distance + 0.5, 0, 1).astype(np.float32))


def ring(inner: float, outer: float) -> tuple[torch.Tensor, torch.Tensor]:
    cavity = disc(inner)[None]
    return cavity, disc(outer)[None] - cavity


def test_a_round_ventricle_stays_as_it_is() -> None:
    cavity, wall = ring(12, 24)
    inner, outer = rounded(cavity, wall)
    torch.testing.assert_close(inner, cavity, atol=0.35, rtol=0)  # at the edge
    assert abs(float(outer.sum() / wall.sum()) - 1) < 0.01
    assert abs(float(inner.sum() / cavity.sum()) - 1) < 0.02


def test_a_papillary_muscle_in_the_cavity_is_cavity() -> None:
    cavity, wall = ring(12, 24)
    muscle = disc(5, (40, 52)) * cavity
    inner, outer = rounded(cavity - muscle, wall + muscle)
    assert abs(float(inner.sum() / cavity.sum()) - 1) < 0.04
    assert abs(float((inner + outer).sum() / (cavity + wall).sum()) - 1) < 0.01


def test_what_stands_off_the_wall_is_none_of_it_and_the_wall_stays() -> None:
    cavity, wall = ring(12, 24)
    with_knob = torch.maximum(wall, disc(4, (40, 68))[None]) * (1 - cavity)
    _, outer = rounded(cavity, with_knob)
    assert float(outer[0, 40, 70]) == 0.0  # beyond the ring, 24 voxels from the middle
    assert abs(float(outer.sum() / wall.sum()) - 1) < 0.03


def test_the_cavity_stays_within_the_ventricle_and_nothing_comes_of_nothing() -> None:
    cavity, wall = ring(20, 24)
    outside = disc(10, (40, 66))[None]
    cavity, wall = cavity * (1 - outside), wall * (1 - outside)
    inner, outer = rounded(cavity, wall)
    assert float(outer.min()) >= 0
    assert float(((inner + outer) - (cavity + wall)).max()) < 1e-5
    empty = torch.zeros(2, 8, 8)
    for part in rounded(empty, empty):
        assert torch.equal(part, empty)
