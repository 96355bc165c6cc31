"""Rates of a curve over the cycle, against curves whose slope is known."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.core.rates import FEWEST_SMOOTHED, harmonics_of, steepest_rates

CYCLE = 900.0


def even(frames: int) -> np.ndarray:
    return np.arange(frames) / frames * CYCLE


@pytest.mark.parametrize("frames", [8, 20, 30])
def test_slope_of_a_cosine_is_known(frames: int) -> None:
    times = even(frames)
    fall, rise = steepest_rates(100 + 40 * np.cos(2 * np.pi * times / CYCLE), times, CYCLE) or (
        0,
        0,
    )
    expected = 40 * 2 * np.pi / CYCLE * 1000
    assert fall == pytest.approx(expected, rel=1e-3) and rise == pytest.approx(expected, rel=1e-3)


def test_fall_and_rise_are_told_apart_and_frames_may_be_uneven() -> None:
    times = np.sort(np.random.default_rng(0).uniform(0, CYCLE, 25))
    phase = 2 * np.pi * times / CYCLE
    fall, rise = steepest_rates(np.cos(phase) + 0.25 * np.sin(2 * phase), times, CYCLE) or (0, 0)
    fine = np.linspace(0, 2 * np.pi, 10000)
    slope = (-np.sin(fine) + 0.5 * np.cos(2 * fine)) * 2 * np.pi / CYCLE * 1000
    assert (fall, rise) == pytest.approx((-slope.min(), slope.max()), rel=1e-3)
    assert fall > 1.3 * rise or rise > 1.3 * fall


def test_noise_of_single_frames_is_smoothed() -> None:
    times = even(30)
    smooth = 100 + 40 * np.cos(2 * np.pi * times / CYCLE)
    expected = 40 * 2 * np.pi / CYCLE * 1000
    errors = []
    for seed in range(20):
        noisy = smooth + np.random.default_rng(seed).normal(0, 2.0, 30)
        found = steepest_rates(noisy, times, CYCLE)
        assert found is not None
        steps = np.diff(noisy, append=noisy[:1]) / (CYCLE / 30) * 1000
        errors.append([found[0] - expected, -steps.min() - expected])
    smoothed, raw = np.abs(errors).mean(0) / expected
    assert smoothed < 0.15 and smoothed < raw / 2


def test_few_frames_have_no_rates_and_many_no_more_than_five_harmonics() -> None:
    assert steepest_rates(np.ones(FEWEST_SMOOTHED - 1), even(FEWEST_SMOOTHED - 1), CYCLE) is None
    assert [harmonics_of(n) for n in (8, 20, 100)] == [2, 5, 5]
