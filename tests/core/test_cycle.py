"""Whether a cine shows a whole cycle is seen in its pictures."""

from __future__ import annotations

import pytest
import torch

from myomotion.core.cycle import beats, cycle_closes, shows_whole_cycle


def beating_disc(frames: int, of_cycle: float = 1.0) -> torch.Tensor:
    """A disc whose area shrinks and grows again, ``(T, 64, 64)``, with a little noise."""
    axis = torch.arange(64.0) - 31.5
    radius = torch.hypot(axis[:, None], axis[None])
    phase = torch.arange(frames) / frames * of_cycle
    edge = 18 - 6 * torch.sin(torch.pi * phase)
    noise = torch.randn(frames, 64, 64, generator=torch.Generator().manual_seed(0))
    return torch.sigmoid(edge[:, None, None] - radius) + 0.02 * noise


@pytest.mark.parametrize("frames", [10, 30])
def test_whole_cycle_closes_and_two_thirds_of_one_do_not(frames: int) -> None:
    assert cycle_closes(beating_disc(frames))
    assert not cycle_closes(beating_disc(frames, of_cycle=2 / 3))


@pytest.mark.parametrize("left", [0.45, 0.6])
def test_vigorous_heart_cut_in_diastasis_has_not_come_back(left: float) -> None:
    course = torch.cat(
        [torch.linspace(0, 1, 9), torch.linspace(1, left, 7)[1:], torch.full((5,), left)]
    )
    axis = torch.arange(64.0) - 31.5
    radius = torch.hypot(axis[:, None], axis[None])
    cut = torch.sigmoid(18 - 8 * course[:, None, None] - radius)
    assert not cycle_closes(cut)
    filling = torch.linspace(left, 0.1, 4)[1:, None, None]
    assert cycle_closes(torch.cat([cut, torch.sigmoid(18 - 8 * filling - radius)]))


def test_slices_are_judged_together() -> None:
    slices = torch.stack([beating_disc(12), beating_disc(12, of_cycle=0.95)])
    assert cycle_closes(slices)


def test_pairs_have_no_cycle_even_where_both_frames_are_alike() -> None:
    assert not cycle_closes(torch.ones(2, 64, 64))
    assert not cycle_closes(beating_disc(4))


def test_padded_empty_frames_at_the_end_do_not_close_a_cycle() -> None:
    cine = beating_disc(12)
    cine[-3:] = 0
    assert not cycle_closes(cine)


@pytest.mark.parametrize("count", [1, 2, 3])
def test_beats_are_counted(count: int) -> None:
    one = beating_disc(12)
    assert beats(one.repeat(count, 1, 1)) == count
    assert beats(torch.roll(one, 3, 0)[:8]) == 1


def test_movie_that_stands_still_shows_no_beats() -> None:
    noise = torch.randn(30, 64, 64, generator=torch.Generator().manual_seed(1))
    assert beats(noise) == 1 and beats(torch.ones(30, 64, 64)) == 1


@pytest.mark.parametrize("start", range(0, 24, 3))
def test_whole_cycle_is_one_from_whichever_frame_it_begins(start: int) -> None:
    assert shows_whole_cycle(torch.roll(beating_disc(24), -start, 0))


@pytest.mark.parametrize("part", [0.35, 0.5, 2 / 3])
@pytest.mark.parametrize("before", [0, 1, 2])
def test_part_of_a_cycle_is_none_though_it_begins_before_end_diastole(
    part: float, before: int
) -> None:
    cut = torch.roll(beating_disc(30), before, 0)[: round(30 * part)]
    assert not shows_whole_cycle(cut)
    assert not shows_whole_cycle(beating_disc(4))
