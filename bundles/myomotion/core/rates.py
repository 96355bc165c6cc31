"""How steeply a curve over the heart cycle rises and falls."""

from __future__ import annotations

import numpy as np

MOST_HARMONICS = 5
FEWEST_SMOOTHED = 8  # frames of a curve over the cycle that harmonics smooth
SAMPLES = 500  # of the cycle, at which the slope is known


def harmonics_of(frames: int) -> int:
    """Harmonics that a curve is smoothed with: :data:`MOST_HARMONICS`, a third of the frames."""
    return min(MOST_HARMONICS, (frames - 1) // 3)


def smoothed_rates(values: np.ndarray, times_ms: np.ndarray, cycle_ms: float) -> np.ndarray | None:
    """Slope of a curve that is smoothed over the whole cycle.

    The curve is fitted by least squares with a Fourier series of :func:`harmonics_of` harmonics of
    the cycle, and differentiated there, as volume curves of radionuclide ventriculography are
    (Bacharach et al., J Nucl Med 1983; 24:1176). Frames need not be equally far apart.

    Args:
        values: ``(T,)``, one round of the cycle.
        times_ms: ``(T,)`` in milliseconds.
        cycle_ms: length of the cycle.

    Returns:
        ``(SAMPLES,)`` in units of the values per second, at even times from 0 to the cycle's end,
        which is left out; None for fewer than :data:`FEWEST_SMOOTHED`.
    """
    if len(values) < FEWEST_SMOOTHED:
        return None
    order = 2 * np.pi / cycle_ms * np.arange(1, harmonics_of(len(values)) + 1)

    def series(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        phase = times[:, None] * order
        return np.cos(phase), np.sin(phase)

    cosine, sine = series(np.asarray(times_ms, float))
    basis = np.hstack([np.ones((len(cosine), 1)), cosine, sine])
    fitted = np.linalg.lstsq(basis, np.asarray(values, float), rcond=None)[0]
    of_cosine, of_sine = np.split(fitted[1:], 2)
    cosine, sine = series(np.arange(SAMPLES) / SAMPLES * cycle_ms)
    slope: np.ndarray = 1000 * (cosine @ (order * of_sine) - sine @ (order * of_cosine))
    return slope


def steepest_rates(
    values: np.ndarray, times_ms: np.ndarray, cycle_ms: float
) -> tuple[float, float] | None:
    """Largest fall and rise per second of a curve over the whole cycle.

    Args:
        values: as for :func:`smoothed_rates`.
        times_ms: as there.
        cycle_ms: as there.

    Returns:
        Both as positive numbers in units of the values per second; None for fewer than
        :data:`FEWEST_SMOOTHED`.
    """
    slope = smoothed_rates(values, times_ms, cycle_ms)
    return None if slope is None else (float(-slope.min()), float(slope.max()))
