"""When the frames of a cine were taken, and whether a heart beats so fast."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

# Frame distances of cine MRI in milliseconds; headers often hold a placeholder such as 1 instead.
BELIEVABLE_MS = (5.0, 250.0)
BELIEVABLE_BPM = (20.0, 300.0)  # heart beats in a minute
USUAL_BPM = (35.0, 180.0)  # of adults in a scanner; others are asked about
STATED_SHARE = 0.2  # by which a rate may be off one that is stated, and is not asked about
MILLISECONDS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}


def header_frame_times(header: Any, frames: int) -> np.ndarray | None:
    """Time of every frame from the fourth voxel size, the first at 0.

    It counts in its unit (milliseconds, else seconds, where the header names none), and only where
    that is a believable distance.

    Args:
        header: of a NIfTI file.
        frames: how many it has.

    Returns:
        ``(frames,)`` in milliseconds, or None where unknown.
    """
    zooms, unit = header.get_zooms(), header.get_xyzt_units()[1]
    return believable_times(float(zooms[3]) if len(zooms) > 3 else 0.0, unit, frames)


def mean_step(times_ms: np.ndarray | None) -> float:
    """Mean distance of frames in milliseconds, 0 where unknown.

    Args:
        times_ms: ``(T,)``, the first at 0, or None.
    """
    if times_ms is None or len(times_ms) < 2:
        return 0.0
    return float(times_ms[-1] / (len(times_ms) - 1))


def checked_cycle(
    times_ms: np.ndarray | None, stated_bpm: float | None = None
) -> tuple[np.ndarray | None, str | None]:
    """Frame times of a whole cycle, and what a reader is told of the heart rate that they make.

    Args:
        times_ms: ``(T,)``, the first at 0, or None.
        stated_bpm: heart rate by the user, or None: one that agrees is not asked about.

    Returns:
        The times, None where no heart beats so fast or so slowly; and a sentence, None for a usual
        rate and where the times are unknown.
    """
    step = mean_step(times_ms)
    if times_ms is None or not step > 0:
        return times_ms, None
    rate = 60000 / float(times_ms[-1] + step)
    agrees = stated_bpm is not None and abs(rate / stated_bpm - 1) <= STATED_SHARE
    if agrees or USUAL_BPM[0] <= rate <= USUAL_BPM[1]:
        return times_ms, None
    said = f"{len(times_ms)} frames of {step:.4g} ms make a heart rate of {rate:.0f} a minute"
    if BELIEVABLE_BPM[0] <= rate <= BELIEVABLE_BPM[1]:
        return times_ms, (
            f"{said}: their distance may be a repetition time. Give the right frame_interval_ms in "
            "info.json, or heart_rate_bpm if that is the rate."
        )
    return None, (
        f"{said}, which no heart has: the times were not used. The distance may be a repetition "
        "time; give the right frame_interval_ms in info.json."
    )


def believable_times(step: float, unit: str, frames: int) -> np.ndarray | None:
    """Time of every frame from the distance of frames, the first at 0.

    Args:
        step: distance as stored.
        unit: of ``step``, as NIfTI names it; milliseconds, else seconds, for any other.
        frames: how many there are.

    Returns:
        ``(frames,)`` in milliseconds, or None where the distance is no believable one.
    """
    factors = [MILLISECONDS[unit]] if unit in MILLISECONDS else [1.0, 1000.0]
    for factor in factors:
        if BELIEVABLE_MS[0] <= step * factor <= BELIEVABLE_MS[1]:
            return np.arange(frames) * step * factor
    return None


def listed_times(times: Sequence[float], frames: int) -> np.ndarray | None:
    """Time of every frame from a list of them in milliseconds, else seconds, the first at 0.

    Args:
        times: as stored.
        frames: how many there are.

    Returns:
        ``(frames,)`` in milliseconds, or None where they are not as many, do not rise, or their
        mean distance is no believable one.
    """
    stored = np.array(times, float)
    if len(stored) != frames or frames < 2 or not (np.diff(stored) > 0).all():
        return None
    stored -= stored[0]
    even = believable_times(float(stored[-1]) / (frames - 1), "unknown", frames)
    return None if even is None else stored * (even[-1] / stored[-1])
