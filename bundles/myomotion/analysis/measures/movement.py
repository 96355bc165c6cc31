"""Whether anything moves: a static movie, copies of one frame and pure noise are no cines."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from myomotion.analysis.measures.images import residual_left
from myomotion.analysis.measures.measure import Limits, Meaning, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy

FEWEST_OF_A_BEAT = 8  # over which a beat changes slowly enough to be told from noise
BLUR_VOXELS = 1.0  # against noise
RIM_VOXELS = 3  # around the ventricle, as it moves against its surroundings
NOTHING_MOVES = "nothing moves"


def beat(tracked: TrackedSlice) -> float | None:
    """Share of the temporal deviation around the ventricle that is a course, and not noise.

    ``1 - sum (x_{t+1} - x_t)^2 / (2 sum (x_t - mean)^2)`` (von Neumann's ratio) over the cycle:
    near 1 for what changes slowly, 0 for noise, and 0 for what does not change at all.

    Args:
        tracked: the slice.

    Returns:
        The share, at least 0; None for fewer than :data:`FEWEST_OF_A_BEAT` that change.
    """
    region = tracked.region.wall | tracked.region.cavity
    part = ndimage.binary_dilation(region if region.any() else tracked.part, iterations=RIM_VOXELS)
    smooth = ndimage.gaussian_filter(tracked.images, (0, BLUR_VOXELS, BLUR_VOXELS))
    frames = tracked.cine.from_ed(smooth[:, part].astype(np.float64), axis=0)
    total = 2 * ((frames - frames.mean(0)) ** 2).sum()
    if total <= 1e-12 * (frames**2).sum():
        return 0.0
    if len(frames) < FEWEST_OF_A_BEAT:
        return None
    steps = (np.diff(frames, axis=0) ** 2).sum() * len(frames) / (len(frames) - 1)
    return max(0.0, 1 - float(steps / total))


def largest_beat(study: TrackedStudy) -> float | None:
    """:func:`beat` of the slice that beats most; None where it is not known."""
    known = [share for share in (s.once(beat) for s in study.measured) if share is not None]
    return max(known) if known else None


def least_left(study: TrackedStudy) -> float | None:
    """:func:`residual_left` of the slice that is tracked best; None where nothing differs."""
    known = [left for left in (residual_left(s) for s in study.measured) if left is not None]
    return min(known) if known else None


# Noise stays below 0.1; a beat of 8 frames reaches 0.6, one of 20 frames 0.9.
BEAT_LIMITS = Limits(
    amber=0.4,
    red=0.2,
    reason=lambda value, _: (
        f"{NOTHING_MOVES}: {value:.0%} of what changes around the ventricle is motion, the rest "
        "noise"
    ),
)
LEFT_LIMITS = Limits(
    amber=0.9,
    red=0.98,
    reason=lambda value, _: (
        f"{NOTHING_MOVES} that tracking finds: it leaves {value:.0%} of the difference between the "
        "frames"
    ),
)

BEAT = SliceMeasure(key="beat", compute=lambda tracked: tracked.once(beat))
STUDY_BEAT = StudyMeasure(
    key="largest_beat",
    compute=largest_beat,
    limits=BEAT_LIMITS,
    meaning=Meaning(
        "nothing moves",
        "Share of what changes over the cycle around the ventricle that has a course and is not "
        f"noise: amber and red where no slice reaches {BEAT_LIMITS.amber:.0%} and "
        f"{BEAT_LIMITS.red:.0%}. Likewise where tracking leaves more than {LEFT_LIMITS.amber:.0%} "
        f"and {LEFT_LIMITS.red:.0%} of the largest difference between frames in every slice.",
    ),
)
RESIDUAL_LEFT = StudyMeasure(key="residual_left", compute=least_left, limits=LEFT_LIMITS)
