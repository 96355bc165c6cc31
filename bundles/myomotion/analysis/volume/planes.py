"""Lines of tissue from apex to base, and the planes of slices that they meet."""

from __future__ import annotations

import numpy as np

FLAT_MM = 1e-3  # rise of a step of a line that has none


def meet(positions: np.ndarray, level: float) -> tuple[np.ndarray, np.ndarray]:
    """Where lines of tissue from apex to base meet a plane.

    Args:
        positions: ``(heights, ..., 3)``.
        level: of the plane along the axis.

    Returns:
        Index of the ring below the place and the way to the next one, ``(...)`` each; beyond the
        ends the way is below 0 or above 1, by one step at the most.
    """
    z = positions[..., 2]
    below = (z[1:-1] <= level).sum(0)
    low = np.take_along_axis(z, below[None], 0)[0]
    rise = np.take_along_axis(z, below[None] + 1, 0)[0] - low
    way = (level - low) / np.where(np.abs(rise) < FLAT_MM, FLAT_MM, rise)
    return below, np.clip(way, -1.0, 2.0)


def at_place(place: tuple[np.ndarray, np.ndarray], values: np.ndarray) -> np.ndarray:
    """Values at places from :func:`meet`.

    Args:
        place: index and way, ``(...)`` each.
        values: ``(heights, ..., *C)``.

    Returns:
        ``(..., *C)``.
    """
    below, way = place
    index = np.ix_(*(np.arange(n) for n in below.shape))
    share = way.reshape(*way.shape, *(1,) * (values.ndim - 1 - below.ndim))
    low, high = (values[(below + step, *index)] for step in (0, 1))
    found: np.ndarray = low + share * (high - low)
    return found


def line_slope(positions: np.ndarray, below: np.ndarray) -> np.ndarray:
    """In-plane way of lines of tissue for a step along the axis, ``(..., 2)``.

    Args:
        positions: ``(heights, ..., 3)``.
        below: from :func:`meet`.
    """
    index = np.ix_(*(np.arange(n) for n in below.shape))
    low, high = (positions[(below + step, *index)] for step in (0, 1))
    rise = (high - low)[..., 2:]
    return (high - low)[..., :2] / np.where(np.abs(rise) < FLAT_MM, FLAT_MM, rise)


def beyond_ends(positions: np.ndarray, level: float) -> np.ndarray:
    """How far a plane lies above or below the ends of lines of tissue, ``(...)`` mm; 0 between."""
    z = positions[..., 2]
    outside: np.ndarray = np.maximum(np.maximum(z[0] - level, level - z[-1]), 0)
    return outside
