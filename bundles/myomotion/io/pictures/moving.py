"""Where a cine moves as a heart does, for studies without a label."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

MOVING_SHARE = 98.0  # percentile of temporal deviation above which a voxel counts as heart
# A heart beats once a cycle, so that its voxels change slowly; what flickers from frame to frame
# (a strip of wrapped signal, noise, one bad frame) spreads over all harmonics.
FRAMES_PER_HARMONIC = 12
ROUNDING = 1e-6  # of the largest intensity: what is left of computing, not of motion
SLOW_SHARE = 0.5  # of a voxel's variance, in the first harmonics
# Over fewer frames nothing is slow or fast; there, what changes along the border is no heart.
FEWEST_FRAMES = 5
JOINED = 0.7  # of what counts as heart: what is as strong belongs together


def moving_center(image: np.ndarray) -> tuple[float, float]:
    """Centroid of the voxels whose intensity changes most over the cycle, all slices together.

    Args:
        image: ``(X, Y, Z, T)``.

    Returns:
        In voxels; the middle of the image where nothing moves.
    """
    deviation = np.max([_slow_deviation(image[:, :, z]) for z in range(image.shape[2])], axis=0)
    if image.shape[3] < FEWEST_FRAMES:
        deviation = _off_the_border(deviation)
    moving = np.where(deviation >= np.percentile(deviation, MOVING_SHARE), deviation, 0.0)
    if deviation.max() <= ROUNDING * max(float(np.abs(image).max()), 1e-12):
        return (image.shape[0] - 1) / 2, (image.shape[1] - 1) / 2
    center = ndimage.center_of_mass(moving)
    return float(center[0]), float(center[1])


def _slow_deviation(frames: np.ndarray) -> np.ndarray:
    """Standard deviation over time ``(X, Y)``, zero where it is not that of a heart beat."""
    count = frames.shape[-1]
    deviation: np.ndarray = frames.std(axis=-1)
    # Of the harmonics only the slow ones are needed: the sum of all is known (Parseval), each
    # counted twice but that which changes from frame to frame.
    angles = 2 * np.pi / count * np.outer(np.arange(count), _slow_harmonics(count))
    waves = np.concatenate([np.cos(angles), np.sin(angles)], 1).astype(frames.dtype)
    slow = ((frames @ waves) ** 2).sum(-1)
    both = (count * deviation) ** 2
    if count % 2 == 0:
        both = both + (frames @ np.resize(np.array([1, -1], frames.dtype), count)) ** 2
    return np.where(slow >= SLOW_SHARE * both / 2, deviation, 0.0)


def _slow_harmonics(count: int) -> np.ndarray:
    """Cycles in a number of frames that a heart beat has."""
    return np.arange(1, 1 + min(max(1, count // FRAMES_PER_HARMONIC), count // 2))


def _off_the_border(deviation: np.ndarray) -> np.ndarray:
    """The deviation ``(X, Y)`` without what changes most and is joined to the border.

    A strip of wrapped signal or a bright edge reaches the border of the picture, the heart does
    not. As long as such parts are among what changes most, they are taken away.
    """
    border = np.ones(deviation.shape, bool)
    border[1:-1, 1:-1] = False
    left = deviation.copy()
    while left.any():
        most = float(np.percentile(left[left > 0], MOVING_SHARE))
        pieces, _ = ndimage.label(left >= JOINED * most)
        strongest = np.unique(pieces[left >= most])
        joined = np.intersect1d(pieces[border], strongest[strongest > 0])
        if not len(joined):
            return left
        left[np.isin(pieces, joined)] = 0.0
    return deviation
