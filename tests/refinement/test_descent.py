"""Quasi-Newton descent of frames: down only, each for itself, whatever curvature is given."""

from __future__ import annotations

from itertools import pairwise

import pytest
import torch

from myomotion.refinement.curvature import Curvature, inner, over
from myomotion.refinement.descent import LONGEST, Descent

SIZE = 8


def flat(points: torch.Tensor) -> Curvature:
    """Curvature of control points that do not depend on each other."""
    none = points.new_zeros(len(points), 1, SIZE - 1, SIZE)
    return Curvature(
        torch.stack([points, 0 * points, points], 1),
        0 * points[:, None],
        (none, none.mT),
        points.new_zeros(len(points), 2, SIZE, SIZE),
        points.new_zeros(len(points)),
    )


def stiffness(count: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(0)
    return 10 ** (2 * torch.rand(count, SIZE, SIZE, generator=generator) - 1)


def descended(count: int, given: torch.Tensor, steps: int) -> tuple[Descent, list[torch.Tensor]]:
    """Frames in bowls a hundred times as steep along some axes, the middle at 1.5."""
    true = stiffness(count)[:, None]

    def bowl(position: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        away = position - 1.5
        return inner(true * away, away) / 2, true * away

    descent = Descent(torch.zeros(count, 2, SIZE, SIZE))
    descent.curvature = flat(given)
    descent.set(*bowl(descent.position))
    values = [descent.value]
    for _ in range(steps):
        descent.propose()
        descent.take(*bowl(descent.proposed))
        values.append(descent.value)
    return descent, values


def test_one_step_where_the_curvature_is_known() -> None:
    descent, _ = descended(2, stiffness(2), 1)
    torch.testing.assert_close(descent.position, torch.full_like(descent.position, 1.5))


@pytest.mark.parametrize("factor", [0.3, 1.0, 30.0])
def test_wrong_curvature_is_corrected_on_the_way(factor: float) -> None:
    _, values = descended(3, torch.full((3, SIZE, SIZE), factor), 60)
    assert bool((values[-1] < 3e-3 * values[0]).all())
    assert all(bool((then <= before).all()) for before, then in pairwise(values))


def test_frames_do_not_depend_on_each_other() -> None:
    def run(frames: list[int]) -> torch.Tensor:
        start = torch.arange(1.0, 4)[frames]
        descent = Descent(over(start) * torch.ones(len(frames), 2, SIZE, SIZE))
        descent.curvature = flat(2 * torch.ones(len(frames), SIZE, SIZE))
        for _ in range(4):
            descent.set(inner(descent.position, descent.position), 2 * descent.position**3)
            descent.propose()
            descent.take(inner(descent.proposed, descent.proposed), 2 * descent.proposed**3)
        return descent.position

    assert torch.equal(run([0, 1, 2])[[1]], run([1]))


def test_a_higher_place_is_refused_and_the_next_is_half_as_far() -> None:
    descent = Descent(torch.zeros(2, 2, SIZE, SIZE))
    descent.curvature = flat(torch.ones(2, SIZE, SIZE))
    descent.set(torch.zeros(2), torch.ones(2, 2, SIZE, SIZE))
    descent.propose()
    first = descent.proposed
    nowhere = torch.full_like(first, torch.nan)
    slope = torch.stack([torch.ones(2, SIZE, SIZE), nowhere[1]])  # no curvature to be learned
    descent.take(torch.tensor([1.0, torch.nan]), slope)
    assert torch.equal(descent.position, torch.zeros_like(first))
    descent.propose()
    torch.testing.assert_close(descent.proposed, first / 2)
    descent.take(torch.full((2,), -1.0), torch.ones_like(first))
    assert torch.equal(descent.position, descent.proposed)


def test_no_step_is_longer_than_what_frames_can_tell() -> None:
    descent = Descent(torch.zeros(1, 2, SIZE, SIZE))
    descent.curvature = flat(torch.full((1, SIZE, SIZE), 1e-6))
    descent.set(torch.zeros(1), torch.ones(1, 2, SIZE, SIZE))
    descent.propose()
    assert float(descent.proposed.abs().max()) == pytest.approx(LONGEST)
