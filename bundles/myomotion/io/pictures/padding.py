"""Voxels outside the reconstruction: one value along the border that is no intensity."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

FEWEST, MOST = 0.005, 0.95  # share of a slice that padding may take
CLEAR = 0.1  # of the range of all other voxels: how far padding lies outside it
NO_SIGNAL = 0.3  # of the bright end: where the dark end lies higher, a constant was added to it
RANGE = (0.5, 99.5)  # percentiles of the other voxels


def without_padding(image: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Fill the padding of a cine with the nearest intensities, as beyond the border.

    Padding is one value that never changes, joined to the border of a slice, and either all of it
    but a rectangle (0 about a picture that was made square) or clear of every other intensity
    (-1000, 32767, a bright ring); there that of no signal stays.

    Args:
        image: ``(X, Y, Z, T)``.

    Returns:
        The image itself where there is no such padding, else a new one; and a sentence for the
        user, None where nothing was changed.
    """
    filled, values = image, set()
    for z in range(image.shape[2]):
        found = _padding(image[:, :, z])
        if found is None:
            continue
        padding, value = found
        filled = image.copy() if filled is image else filled
        filled[:, :, z] = _nearest(image[:, :, z], padding)
        values.add(f"{value:g}")
    if not values:
        return image, None
    return filled, (
        f"Padding of value {', '.join(sorted(values))} along the border is no intensity: the "
        "nearest intensities took its place."
    )


def blank_slices(image: np.ndarray) -> list[int]:
    """Slices that hold one value throughout, as they are put at the ends of a stack to fill it.

    Args:
        image: ``(X, Y, Z, T)``.
    """
    # One frame tells of nearly all slices that they are none.
    likely = [z for z in range(image.shape[2]) if float(np.ptp(image[:, :, z, 0])) == 0]
    return [z for z in likely if float(np.ptp(image[:, :, z])) == 0]


def without_gaps(image: np.ndarray) -> tuple[np.ndarray, str | None]:
    """Fill what is NaN in every frame and joined to the border with the nearest intensities.

    Programs that resample leave NaN where nothing was taken. NaN elsewhere stays, as it is damage.

    Args:
        image: ``(X, Y, Z, T)``.

    Returns:
        See :func:`without_padding`.
    """
    if np.isfinite(image).all():
        return image, None
    filled = image.copy()
    for z in range(image.shape[2]):
        gap = _joined_to_border(np.isnan(image[:, :, z]).all(2))
        if 0 < gap.mean() <= MOST:
            filled[:, :, z] = _nearest(image[:, :, z], gap)
    if np.array_equal(filled, image, equal_nan=True):
        return image, None
    return filled, "NaN along the border is no intensity: the nearest intensities took its place."


def _nearest(frames: np.ndarray, gap: np.ndarray) -> np.ndarray:
    """Frames ``(X, Y, T)`` with the nearest intensities in a part of them."""
    places = ndimage.distance_transform_edt(gap, return_distances=False, return_indices=True)
    found: np.ndarray = frames[tuple(places)]
    return found


def _joined_to_border(part: np.ndarray) -> np.ndarray:
    """What of a part ``(X, Y)`` of a slice is joined to the slice's border."""
    border = np.ones(part.shape, bool)
    border[1:-1, 1:-1] = False
    pieces, _ = ndimage.label(part)
    joined: np.ndarray = np.isin(pieces, np.setdiff1d(pieces[border], 0))
    return joined


def _padding(frames: np.ndarray) -> tuple[np.ndarray, float] | None:
    """Padded voxels ``(X, Y)`` of a slice, and their value."""
    border = np.ones(frames.shape[:2], bool)
    border[1:-1, 1:-1] = False
    edge = frames[border]
    values, counts = np.unique(edge[(edge == edge[:, :1]).all(1), 0], return_counts=True)
    if not len(values):
        return None
    value = float(values[counts.argmax()])
    still = frames[..., 0] == value
    still[still] = (frames[still] == value).all(1)
    padding = _joined_to_border(still)
    if not FEWEST <= padding.mean() <= MOST:
        return None
    if _but_a_rectangle(padding):  # air has no straight edges
        return padding, value
    low, high = (float(v) for v in np.percentile(frames[~padding], RANGE))
    margin = CLEAR * (high - low)
    if low - margin <= value <= high + margin:
        return None
    if 0 <= value < low <= NO_SIGNAL * high:  # air: no signal, and that is dark already
        return None
    return padding, value


def _but_a_rectangle(part: np.ndarray) -> bool:
    """Whether a part ``(X, Y)`` of a slice is whole rows and columns along its border."""
    rows, columns = (np.flatnonzero((~part).any(axis)) for axis in (1, 0))
    return not part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1].any()
