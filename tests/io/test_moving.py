"""What moves as a heart does is told from the slow harmonics of a cine alone."""

from __future__ import annotations

import numpy as np
import pytest

from myomotion.io.pictures.moving import FRAMES_PER_HARMONIC, SLOW_SHARE, _slow_deviation


@pytest.mark.parametrize("frames", [2, 3, 4, 5, 12, 25, 30])
def test_slow_share_is_that_of_all_harmonics(frames: int) -> None:
    rng = np.random.default_rng(frames)
    beat = np.sin(2 * np.pi * np.arange(frames) / frames + 0.4)
    cine = (rng.random((40, 40, frames)) + rng.random((40, 40, 1)) * beat).astype(np.float32)
    power = np.abs(np.fft.rfft(cine, axis=-1)[..., 1:]) ** 2
    slow = power[..., : max(1, frames // FRAMES_PER_HARMONIC)].sum(-1)
    expected = np.where(slow >= SLOW_SHARE * power.sum(-1), cine.std(axis=-1), 0.0)
    np.testing.assert_array_equal(_slow_deviation(cine), expected)
    assert frames < 4 or 0 < (expected > 0).mean() < 1
