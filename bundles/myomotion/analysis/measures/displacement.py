"""How far the wall moves, and how much of that is left when the cycle ends."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import FrameMeasure, Limits, Meaning, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice

DRIFT_FLOOR_MM = 1.0  # less than a voxel of the working grid is not a drift


def mean_displacement(tracked: TrackedSlice) -> list[float]:
    """Mean displacement of the wall (or the disc) in every frame, millimetres.

    Args:
        tracked: the slice.

    Returns:
        One value a frame.
    """
    length = np.linalg.norm(tracked.displacement, axis=1)
    return [float(v) for v in length[:, tracked.part].mean(1)]


def displacement_left(tracked: TrackedSlice) -> float:
    """Mean displacement in the frame before end-diastole comes round again, millimetres."""
    moved = tracked.once(mean_displacement)
    return moved[(tracked.cine.ed_frame - 1) % len(moved)]


def drift(tracked: TrackedSlice) -> float | None:
    """Displacement in the last frame of the cycle relative to the largest.

    None where the pictures themselves do not come back to end-diastole: pairs of frames, and cines
    that end in diastole.
    """
    if not tracked.motion.slices.closes:
        return None
    return displacement_left(tracked) / max(max(tracked.once(mean_displacement)), 1e-6)


def _reason(value: float, tracked: TrackedSlice) -> str | None:
    left = displacement_left(tracked)
    if left <= DRIFT_FLOOR_MM:
        return None
    return f"drift: {value:.0%} of the largest motion ({left:.1f} mm) is left in the last frame"


# The heart comes back to end-diastole; 10 to 25 % remain because the last frame is one frame early.
DRIFT_LIMITS = Limits(amber=0.40, red=0.60, reason=_reason)

MEAN_DISPLACEMENT = FrameMeasure(
    key="mean_displacement_mm",
    compute=lambda tracked: tracked.once(mean_displacement),
    tooltip="mean motion {:.1f} mm",
)
DRIFT = SliceMeasure(
    key="drift",
    compute=drift,
    heading="drift",
    format="{:.0%}",
    limits=DRIFT_LIMITS,
    meaning=Meaning(
        "drift",
        "Motion of the wall that is left in the last frame, relative to the largest of the cycle. "
        f"Amber and red above {DRIFT_LIMITS.amber:.0%} and {DRIFT_LIMITS.red:.0%}, if it is more "
        f"than {DRIFT_FLOOR_MM:g} mm. Not known where the cine stops before the cycle ends, by the "
        "difference of its last picture from end-diastole.",
    ),
)
