"""Slices that begin at another phase, and cines without end-systole, are said; others are not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN
from myomotion.analysis.measures.phases import LAG_LIMITS, SHOWN_LIMITS, largest_lag
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.quality import StudyQuality, assess
from myomotion.io.cine import Cine
from tests.support.cines.ring import contraction, ring_cine

# Systole of five frames, filling of four, rest of six.
SHARES = np.r_[0, 0.1, 0.35, 0.65, 0.9, 1, 0.85, 0.55, 0.25, 0.1, 0, 0, 0, 0, 0]
LATE = np.roll(SHARES, 5)


def stack(pictures: Sequence[np.ndarray]) -> Cine:
    """Drawn rings, one a slice, that contract by these shares."""
    cines = [ring_cine(shares) for shares in pictures]
    return cines[0].with_arrays(
        image=np.concatenate([cine.image for cine in cines], axis=2),
        label_ed=np.concatenate([cine.label_ed for cine in cines], axis=2),
        levels=["basal", "mid", "apical"][: len(cines)],
    )


def tracked(pictures: Sequence[np.ndarray], motions: Sequence[np.ndarray]) -> list[TrackedSlice]:
    """A stack that is tracked as its motions are."""
    field = torch.cat([contraction(shares) for shares in motions])
    slices = working_slices(stack(pictures))
    return tracked_slices(source_motion(slices, field, torch.zeros_like(field)))


def lag(pictures: Sequence[np.ndarray], motions: Sequence[np.ndarray]) -> float | None:
    """The largest lag in a stack."""
    slices = tracked(pictures, motions)
    return largest_lag(TrackedStudy(slices=slices, segments=[], frames=[], values=[], passed=[]))


@pytest.mark.parametrize(
    ("slices", "said"),
    [
        ([SHARES, LATE, SHARES], "slice 1 goes through the beat 5 frames later than the others"),
        ([LATE, SHARES, LATE], "slice 1 goes through the beat 5 frames earlier than the others"),
    ],
)
def test_slice_at_another_phase_is_amber_and_named(slices: list[np.ndarray], said: str) -> None:
    quality = assess(tracked(slices, slices))
    assert quality.values["largest_phase_lag_percent"] == pytest.approx(100 / 3)
    (reason,) = (reason for reason in quality.reasons if "another phase" in reason)
    assert reason.startswith(f"amber: {said}")


@pytest.mark.parametrize("second", [SHARES, 0.5 * SHARES, np.roll(SHARES, 1)])
def test_slices_in_step_that_contract_less_or_a_frame_late_lag_little(second: np.ndarray) -> None:
    slices = [SHARES, second, SHARES]
    assert lag(slices, slices) == pytest.approx(0, abs=7)


@pytest.mark.parametrize(("picture", "motion"), [(SHARES, LATE), (LATE, SHARES)])
def test_cavity_and_pictures_must_agree_on_a_lag(picture: np.ndarray, motion: np.ndarray) -> None:
    assert lag([SHARES, SHARES, picture], [SHARES, SHARES, motion]) == 0


@pytest.mark.parametrize("slices", [[SHARES, 0.3 * LATE], [SHARES], [SHARES[:7], LATE[:7]]])
def test_phase_needs_two_cavities_that_change_and_a_course(slices: list[np.ndarray]) -> None:
    assert lag(slices, slices) is None


def of_frames(frames: np.ndarray, ed_frame: int = 0, **given: Any) -> StudyQuality:
    """What is said of one ring whose file has these frames of the beat."""
    shares = SHARES[frames]
    cine = replace(stack([shares]), ed_frame=ed_frame, **given)
    field = contraction(np.roll(shares, -ed_frame))
    motion = source_motion(working_slices(cine), field, torch.zeros_like(field))
    return assess(tracked_slices(motion))


@pytest.mark.parametrize(
    ("frames", "ed_frame", "past"),
    [
        (np.arange(5), 0, 0),  # broken off in systole
        (np.arange(-5, 4), 5, 0),  # the same, with the end of the beat before
        (np.arange(7, 15), 7, 0),  # begins after systole
        (np.arange(8), 0, 2),  # cut in diastole
        (np.arange(-3, 8), 3, 2),
        (np.arange(15), 0, None),  # whole cycles
        (np.arange(5, 20) % 15, 10, None),
        (np.arange(5, 35) % 15, 10, None),  # two beats, from end-systole on
        (np.array([0, 5]), 0, None),  # a pair
    ],
)
def test_end_systole_at_an_end_of_a_part_of_a_cycle_is_amber(
    frames: np.ndarray, ed_frame: int, past: int | None
) -> None:
    quality = of_frames(frames, ed_frame)
    assert quality.values["frames_past_es"] == past
    said = [reason for reason in quality.reasons if "end-systole may not be in it" in reason]
    assert [reason.split(":")[0] for reason in said] == ["amber"] * (past == 0)


def test_end_systole_that_was_given_or_labelled_is_believed() -> None:
    assert of_frames(np.arange(5), es_frame=4).values["frames_past_es"] is None
    label = stack([SHARES]).label_ed
    assert of_frames(np.arange(5), label_es=label).values["frames_past_es"] is None


def test_neither_light_is_ever_red() -> None:
    assert [LAG_LIMITS.light(value) for value in (15.0, 15.1, 50.0)] == [GREEN, AMBER, AMBER]
    assert [SHOWN_LIMITS.light(value) for value in (1.0, 0.0)] == [GREEN, AMBER]
