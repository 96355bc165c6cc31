"""How much the tracked frames still look different from end-diastole."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from scipy import ndimage

from myomotion.analysis.intensity import intensities
from myomotion.analysis.measures.displacement import mean_displacement
from myomotion.analysis.measures.measure import FrameMeasure, Limits, Meaning, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.flow import warp

RIM_VOXELS = 3  # around the wall, so that a missed contour counts

# Root mean square relative to the range of the end-diastolic frame about the heart. Cines that are
# tracked well reach 0.04 to 0.17 (noise, flow and through-plane motion; vigorous hearts most; 0.06
# to 0.15 in nine hearts that settings are chosen on), untracked ones 0.1 to 0.4. Whether tracking
# took away what it could is judged by RESIDUAL_SHARE.
LIMITS = Limits(
    amber=0.13,
    red=0.20,
    reason=lambda value, _: (
        f"the tracked frames differ from end-diastole, {value:.0%} of its range"
    ),
)
MADE_WORSE = "tracking made the images differ more than they did before"


class Residuals(NamedTuple):
    """Difference of every frame from end-diastole, before and after tracking."""

    untracked: list[float]
    tracked: list[float]


def residuals(tracked: TrackedSlice) -> Residuals:
    """Root mean square differences in the wall and its rim, relative to the frame's range.

    Args:
        tracked: the slice.

    Returns:
        One value a frame, before and after the frames were moved back to end-diastole.
    """
    rim = ndimage.binary_dilation(tracked.part, iterations=RIM_VOXELS)
    images = torch.from_numpy(tracked.images.copy())
    field = torch.from_numpy(tracked.displacement.copy())
    warped = warp(images[:, None], field / tracked.grid.spacing)[:, 0].numpy()
    reference = images[tracked.cine.ed_frame].numpy()
    scale = intensities(tracked.motion.slices, tracked.index).extent
    before, after = (
        np.sqrt(((v - reference)[:, rim] ** 2).mean(1)) / scale for v in (images.numpy(), warped)
    )
    return Residuals(untracked=[float(v) for v in before], tracked=[float(v) for v in after])


def residual_left(tracked: TrackedSlice) -> float | None:
    """What tracking leaves of the largest difference from end-diastole; None without one."""
    found = tracked.once(residuals)
    frame = int(np.argmax(found.untracked))
    return found.tracked[frame] / found.untracked[frame] if found.untracked[frame] > 0 else None


def _share_reason(value: float, tracked: TrackedSlice) -> str | None:
    if max(tracked.once(residuals).untracked) < LIMITS.amber:
        return None
    return f"tracking leaves {value:.0%} of the largest difference from end-diastole"


# Of a difference that is no noise; slices of nine right cines reach 0.74.
SHARE_LIMITS = Limits(amber=0.80, red=0.95, reason=_share_reason)


def made_worse(tracked: TrackedSlice) -> bool:
    """Whether the frame of the largest motion looks less like end-diastole than before.

    Args:
        tracked: the slice.

    Returns:
        True where that cannot be noise.
    """
    found = tracked.once(residuals)
    peak = int(np.argmax(tracked.once(mean_displacement)))
    return found.tracked[peak] > max(found.untracked[peak], LIMITS.amber)


IMAGE_RESIDUAL = FrameMeasure(
    key="image_residual",
    compute=lambda tracked: tracked.once(residuals).tracked,
    heading="image residual",
    format="{:.3f}",
    tooltip="image residual {:.3f}",
    limits=LIMITS,
    meaning=Meaning(
        "image residual",
        "How much the frame, moved back to end-diastole, still differs from it: root mean square "
        "in the wall and 3 voxels around, relative to the range about the heart at end-diastole. "
        f"Amber and red above {LIMITS.amber:.0%} and {LIMITS.red:.0%}. Red as well if tracking "
        "made it worse (untracked: the same before tracking). Where the largest difference before "
        f"tracking is above {LIMITS.amber:.0%}, amber and red as well if more than "
        f"{SHARE_LIMITS.amber:.0%} and {SHARE_LIMITS.red:.0%} of it are left.",
    ),
)
RESIDUAL_SHARE = SliceMeasure(key="residual_share", compute=residual_left, limits=SHARE_LIMITS)
UNTRACKED_RESIDUAL = FrameMeasure(
    key="image_residual_untracked",
    compute=lambda tracked: tracked.once(residuals).untracked,
    heading="untracked",
    format="{:.3f}",
)
