"""When the frames of a cine were taken."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from myomotion.errors import InputError

# Frame distances of cine MRI in milliseconds; headers often hold a placeholder such as 1 instead.
BELIEVABLE_MS = (5.0, 250.0)
MILLISECONDS = {"sec": 1000.0, "msec": 1.0, "usec": 0.001}


def read_frame_times(path: Path, frames: int, info: Mapping[str, Any]) -> np.ndarray | None:
    """Time of every frame of a NIfTI file, the first at 0.

    ``frame_times_ms`` of ``info.json`` wins; else the fourth voxel size of the NIfTI header, in its
    unit (milliseconds, else seconds, where it names none), if that is a believable distance.

    Args:
        path: NIfTI file of the cine.
        frames: how many it has.
        info: content of ``info.json``.

    Returns:
        ``(frames,)`` in milliseconds, or None where unknown.

    Raises:
        InputError: if ``frame_times_ms`` is not one rising number a frame.
    """
    times = given_frame_times(path.with_name("info.json"), frames, info)
    if times is not None:
        return times
    header: Any = nib.load(path).header
    zooms, unit = header.get_zooms(), header.get_xyzt_units()[1]
    step = float(zooms[3]) if len(zooms) > 3 else 0.0
    factors = [MILLISECONDS[unit]] if unit in MILLISECONDS else [1.0, 1000.0]
    for factor in factors:
        if BELIEVABLE_MS[0] <= step * factor <= BELIEVABLE_MS[1]:
            return np.arange(frames) * step * factor
    return None


def given_frame_times(path: Path, frames: int, info: Mapping[str, Any]) -> np.ndarray | None:
    """Time of every frame that ``info.json`` gives, the first at 0.

    Args:
        path: of ``info.json``, for messages.
        frames: how many the cine has.
        info: its content.

    Returns:
        ``(frames,)`` in milliseconds, or None without ``frame_times_ms``.

    Raises:
        InputError: if ``frame_times_ms`` is not one rising number a frame.
    """
    given = info.get("frame_times_ms")
    if given is None:
        return None
    try:
        times = np.asarray(given, float)
    except (TypeError, ValueError):
        times = np.empty(0)
    rising = times.shape == (frames,) and bool(np.isfinite(times).all())
    if not rising or bool((np.diff(times) <= 0).any()):
        raise InputError(
            f"{path}: frame_times_ms is {str(given)[:60]}, expected {frames} rising numbers in "
            "milliseconds, one a frame."
        )
    return times - times[0]
