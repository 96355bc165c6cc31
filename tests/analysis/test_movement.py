"""A movie in which nothing moves is no cine of a heart, and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.movement import NOTHING_MOVES, beat
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.study import Study, analyse
from myomotion.io.cine import Cine
from tests.support.cines.ring import FRAMES, contraction, ring_cine
from tests.support.cines.ring import beat as shares_of_a_beat


def still(cine: Cine) -> Study:
    """A study that is tracked without motion."""
    return analyse(working_slices(cine), torch.zeros(1, FRAMES, 2, 96, 96))


def copies(noise: float = 0.0) -> Cine:
    cine = ring_cine(np.zeros(FRAMES))
    drawn = np.random.default_rng(0).normal(0, noise, cine.image.shape)
    return replace(cine, image=(cine.image + drawn).astype(np.float32))


def beat_of(cine: Cine) -> float | None:
    motion = source_motion(working_slices(cine), torch.zeros(1, FRAMES, 2, 96, 96))
    (tracked,) = tracked_slices(motion)
    return beat(tracked)


def test_heart_that_beats_is_motion_and_noise_is_none() -> None:
    assert beat_of(ring_cine(shares_of_a_beat())) > 0.5
    assert beat_of(copies()) == 0.0
    assert beat_of(copies(noise=40)) < 0.1


@pytest.mark.parametrize("noise", [0.0, 40.0])
@pytest.mark.parametrize("labelled", [True, False])
def test_copies_of_a_frame_are_red_because_nothing_moves(noise: float, labelled: bool) -> None:
    cine = copies(noise)
    study = still(cine if labelled else replace(cine, label_ed=None))
    assert study.summary["light"] == "red"
    assert any(NOTHING_MOVES in reason for reason in study.quality.reasons)
    assert any(NOTHING_MOVES in text for text in study.summary["warnings"])


def test_heart_that_is_tracked_moves_and_one_that_tracking_leaves_does_not() -> None:
    shares = shares_of_a_beat()
    cine = ring_cine(shares)
    tracked = analyse(working_slices(cine), contraction(shares))
    assert tracked.quality.reasons == [] and tracked.quality.values["residual_left"] < 0.5
    left = still(cine)
    assert left.quality.values["residual_left"] == pytest.approx(1)
    assert left.quality.reasons and NOTHING_MOVES in left.quality.reasons[0]


def test_pair_of_frames_has_no_course_to_judge() -> None:
    cine = ring_cine(shares_of_a_beat())
    pair = replace(cine, image=cine.image[..., [0, FRAMES // 2]])
    motion = source_motion(working_slices(pair), torch.zeros(1, 2, 2, 96, 96))
    (tracked,) = tracked_slices(motion)
    assert beat(tracked) is None


def test_beat_of_a_pure_sine_is_that_of_its_steps() -> None:
    phase = 2 * np.pi * np.arange(FRAMES) / FRAMES
    cine = copies()
    cine = replace(cine, image=(100 + 10 * np.sin(phase) + 0 * cine.image).astype(np.float32))
    half = np.pi / FRAMES
    steps = 2 * np.sin(half) ** 2 * (FRAMES - 2 * np.cos(half) ** 2) / (FRAMES - 1)
    assert beat_of(cine) == pytest.approx(1 - steps, abs=1e-5)
