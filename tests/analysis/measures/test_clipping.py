"""A picture whose bright end was cut off has too little contrast left, and says so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.clipping import LIMITS, clipped_share
from myomotion.analysis.measures.measure import AMBER, GREEN
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.io.cine import Cine
from tests.support.analytic import ring_labels

PAIR, NOISE = 2, 20.0
BLOOD, WALL, AROUND = 800.0, 200.0, 400.0


def noisy_ring() -> Cine:
    """Bright blood, dark wall, fat that is brighter, air that is darker; noise."""
    label = ring_labels()
    frame = np.select([label == 1, label == 2], [BLOOD, WALL], AROUND)
    frame[:8, :8], frame[-8:] = 1500.0, 0.0
    rng = np.random.default_rng(0)
    image = frame[..., None, None] + rng.normal(0, NOISE, (*frame.shape, 1, PAIR))
    affine = np.diag([1.5, 1.5, 8, 1.0])
    return Cine(
        name="ring",
        image=image.astype(np.float32),
        affine=affine,
        ed_frame=0,
        label_ed=label[..., None],
        levels=["mid"],
    )


def tracked(cine: Cine) -> TrackedSlice:
    (found,) = tracked_slices(source_motion(working_slices(cine), torch.zeros(1, PAIR, 2, 96, 96)))
    return found


def light(cine: Cine) -> int:
    found = tracked(cine)
    share = clipped_share(found)
    return LIMITS.light(share) if LIMITS.reason(share, found) else GREEN


def test_whole_range_of_intensities_is_not_clipped() -> None:
    cine = noisy_ring()
    assert clipped_share(tracked(cine)) == 0 and light(cine) == GREEN


@pytest.mark.parametrize("scale", [1.0, 255 / 300])
@pytest.mark.parametrize("constant", [0.0, 1000.0])
def test_blood_cut_off_near_the_brightness_of_the_wall_is_amber(
    scale: float, constant: float
) -> None:
    cine = noisy_ring()
    cut = replace(cine, image=np.minimum(cine.image, 300.0) * np.float32(scale) + constant)
    assert clipped_share(tracked(cut)) == 1 and light(cut) == AMBER


def test_what_lossy_compression_leaves_of_one_value_is_one_value() -> None:
    cine = noisy_ring()
    ripple = np.random.default_rng(1).uniform(-1, 0, cine.image.shape)
    cut = replace(cine, image=(np.minimum(cine.image, 300.0) + ripple).astype(np.float32))
    assert clipped_share(tracked(cut)) > 0.9


def test_blood_of_one_value_beside_a_dark_wall_is_right() -> None:
    cine = noisy_ring()
    assert cine.label_ed is not None
    drawn = np.where(cine.label_ed[..., None] == 1, 1700.0, cine.image).astype(np.float32)
    assert clipped_share(tracked(replace(cine, image=drawn))) == 1
    assert light(replace(cine, image=drawn)) == GREEN
