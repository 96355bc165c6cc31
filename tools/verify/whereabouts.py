"""Ways in which a stack may lie in its pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

SHIFT_MM, STRIP_MM = 80.0, 25.0

Changed = tuple[np.ndarray, np.ndarray]
Change = Callable[[np.ndarray, np.ndarray, tuple[float, float]], Changed]


def _as_it_is(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    return volume, heart


def _padded(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    width = [(round(40 / spacing[0]),) * 2, (round(40 / spacing[1]),) * 2, (0, 0)]
    return np.pad(volume, width), np.pad(heart, width)


def _shifted(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    width = [(round(2 * SHIFT_MM / spacing[0]), 0), (0, 0), (0, 0)]
    return np.pad(volume, width), np.pad(heart, width)


def _cropped(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    where = np.argwhere(heart.any(2))
    margin = [round(15 / s) for s in spacing]
    low, high = where.min(0) - margin, where.max(0) + margin + 1
    part = tuple(slice(max(a, 0), b) for a, b in zip(low, high, strict=True))
    return volume[part], heart[part]


def _flipped(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    return volume[::-1], heart[::-1]


def _turned(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    return volume[::-1, ::-1], heart[::-1, ::-1]


def _beside_strip(volume: np.ndarray, heart: np.ndarray, spacing: tuple[float, float]) -> Changed:
    width = round(STRIP_MM / spacing[0])
    changed = np.concatenate([np.full_like(volume[:width], 2 * volume.max()), volume])
    return changed, np.concatenate([np.zeros_like(heart[:width]), heart])


#: What is done to the pictures ``(X, Y, Z)`` and with them to the heart's mask.
CHANGES: dict[str, Change] = {
    "as it is": _as_it_is,
    "padded": _padded,
    "shifted by 80 mm": _shifted,
    "cropped": _cropped,
    "flipped": _flipped,
    "turned": _turned,
    "beside a bright strip": _beside_strip,
}
