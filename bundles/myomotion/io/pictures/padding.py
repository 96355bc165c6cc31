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

    Padding is one value that never changes, joined to the border of a slice, and clear of every
    other intensity (-1000, 32767, a bright ring); that of no signal stays.

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
        nearest = ndimage.distance_transform_edt(
            padding, return_distances=False, return_indices=True
        )
        filled[:, :, z] = image[:, :, z][tuple(nearest)]
        values.add(f"{value:g}")
    if not values:
        return image, None
    return filled, (
        f"Padding of value {', '.join(sorted(values))} along the border is no intensity: the "
        "nearest intensities took its place."
    )


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
    pieces, _ = ndimage.label(still)
    padding = np.isin(pieces, np.setdiff1d(pieces[border], 0))
    if not FEWEST <= padding.mean() <= MOST:
        return None
    low, high = (float(v) for v in np.percentile(frames[~padding], RANGE))
    margin = CLEAR * (high - low)
    if low - margin <= value <= high + margin:
        return None
    if 0 <= value < low <= NO_SIGNAL * high:  # air: no signal, and that is dark already
        return None
    return padding, value
