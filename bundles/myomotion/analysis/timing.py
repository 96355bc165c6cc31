"""Where a frame lies in the cycle."""

from __future__ import annotations

import numpy as np

from myomotion.io.cine import Cine


def cycle_ms(cine: Cine) -> float | None:
    """Length of the cycle: one mean frame distance more than the last frame's time.

    Args:
        cine: the study; its frames show a whole cycle.

    Returns:
        Milliseconds; None where frame times are unknown or there is but one frame.
    """
    times = cine.frame_times_ms
    if times is None or len(times) < 2:
        return None
    return float(times[-1] + np.diff(times).mean())


def time_of(cine: Cine, frame: int) -> float | None:
    """Milliseconds from the file's first frame; None where frame times are unknown."""
    return None if cine.frame_times_ms is None else float(cine.frame_times_ms[frame])


def since_ed(cine: Cine, frame: int, whole: bool) -> float | None:
    """Time from end-diastole to a frame.

    Args:
        cine: the study.
        frame: of the file.
        whole: the cine shows a whole cycle, so that what comes before end-diastole follows it.

    Returns:
        Milliseconds, less than a cycle; None where frame times are unknown, or what lies between is
        not shown.
    """
    if frame < cine.ed_frame and not whole:
        return None
    times, cycle = cine.frame_times_ms, cycle_ms(cine)
    if times is None or cycle is None:
        return None
    return float((times[frame] - times[cine.ed_frame]) % cycle)
