"""Where a frame lies in the cycle."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.motion import Motion
from myomotion.io.cine import Cine


def since_ed(cine: Cine, frame: int) -> float | None:
    """Time from end-diastole to a frame.

    Args:
        cine: the study.
        frame: of the file.

    Returns:
        Milliseconds, less than a cycle; None where frame times are unknown.
    """
    times = cine.frame_times_ms
    if times is None:
        return None
    cycle = float(times[-1] + np.diff(times).mean())
    return float((times[frame] - times[cine.ed_frame]) % cycle)


def systolic_frames(motion: Motion) -> np.ndarray:
    """Frames from end-diastole to end-systole, both included.

    Args:
        motion: of the study.

    Returns:
        Frames of the file in the order of the cycle.
    """
    cine = motion.slices.cine
    frames = cine.image.shape[3]
    length = (motion.es_frame - cine.ed_frame) % frames
    return (cine.ed_frame + np.arange(length + 1)) % frames
