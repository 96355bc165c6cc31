"""Time course of a cardiac cycle: contraction curve and the position along a simulated path."""

from __future__ import annotations

import numpy as np


def contraction_curve(
    frames: int, es_frame: int, *, skew: float = 1.0, early_filling: float = 0.75
) -> np.ndarray:
    """Normalised contraction of one periodic cycle, 0 at frame 0 (ED), 1 at `es_frame` (ES).

    Systole is a raised cosine of `(t / t_es) ** skew`. Diastole has the rapid (E wave) filling over
    the first half, diastasis, and the atrial (A wave) filling over the last third.

    Args:
        frames: frames of the cycle; frame `frames` would be frame 0 again.
        es_frame: end-systolic frame, 0 < es_frame < frames.
        skew: below 1 contracts early, above 1 late.
        early_filling: share of the stroke volume filled by the E wave.

    Returns:
        (frames,) contraction.

    Raises:
        ValueError: es_frame outside the cycle.
    """
    if not 0 < es_frame < frames:
        raise ValueError(f"es_frame is {es_frame}; it must lie between 1 and {frames - 1}.")
    time = np.arange(frames, dtype=float)
    systole = _rise((np.minimum(time, es_frame) / es_frame) ** skew)
    diastole = np.clip((time - es_frame) / (frames - es_frame), 0.0, 1.0)
    early = _rise(np.clip(diastole / 0.5, 0.0, 1.0))
    atrial = _rise(np.clip((diastole - 0.67) / 0.33, 0.0, 1.0))
    return systole - early_filling * early - (1 - early_filling) * atrial


def _rise(fraction: np.ndarray) -> np.ndarray:
    return 0.5 * (1 - np.cos(np.pi * fraction))


def path_position(area_ratio: np.ndarray, contraction: np.ndarray) -> np.ndarray:
    """Fractional index along a simulated path for each contraction value.

    The cavity area at contraction a is `A_ED - a (A_ED - A_ES)`.

    Args:
        area_ratio: (P,) cavity area over ES cavity area, falling from ED to ES.
        contraction: (T,) values in [0, 1].

    Raises:
        ValueError: the areas do not fall monotonically.
    """
    if np.any(np.diff(area_ratio) >= 0):
        raise ValueError("area_ratio must fall strictly from ED to ES along the cycle.")
    wanted = area_ratio[0] - contraction * (area_ratio[0] - area_ratio[-1])
    return np.interp(-wanted, -area_ratio, np.arange(len(area_ratio), dtype=float))
