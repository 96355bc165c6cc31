"""Strain of the wall and its segments, and what its curve over the cycle shows.

Green-Lagrange, percent, reference end-diastole, averaged over the end-diastolic myocardium.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from myomotion.analysis.measures.measure import SegmentMeasure, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.timing import since_ed, systolic_frames

RADIAL, CIRCUMFERENTIAL = 0, 1  # of Motion.strain


def mean_strain(tracked: TrackedSlice, segment: int, component: int) -> list[float]:
    """Mean strain of a segment in every frame, percent.

    Args:
        tracked: the slice.
        segment: its number; 0 is the whole wall.
        component: ``RADIAL`` or ``CIRCUMFERENTIAL``.

    Returns:
        One value a frame.
    """
    part = tracked.segment(segment)
    maps = tracked.motion.strain[:, tracked.index, component]
    return [100 * float(values[part].mean()) for values in maps]


def curve_measures(
    name: str,
    component: int,
    best: Callable[[np.ndarray], np.intp],
    peak_heading: str | None = None,
    time_heading: str | None = None,
) -> tuple[SliceMeasure, ...]:
    """What the curve of the whole wall shows: at end-systole, its peak, and how fast it got there.

    Args:
        name: ``ecc`` or ``err``.
        component: ``RADIAL`` or ``CIRCUMFERENTIAL``.
        best: index of the peak, ``np.argmin`` for strain that falls.
        peak_heading: of the peak in the table of numbers; None leaves it out there.
        time_heading: of its time.

    Returns:
        The measures; they apply to slices with a wall, rates where frame times are known.
    """

    def curve(tracked: TrackedSlice) -> np.ndarray:
        return np.array(mean_strain(tracked, 0, component))

    def peak(tracked: TrackedSlice) -> int:
        return int(best(tracked.once(curve)))

    def rate(tracked: TrackedSlice) -> float:
        assert tracked.cine.frame_times_ms is not None
        rates = np.gradient(tracked.once(curve) / 100, tracked.cine.frame_times_ms / 1000)
        systole = rates[systolic_frames(tracked.motion)]
        return float(systole[best(systole)])

    def has_wall(tracked: TrackedSlice) -> bool:
        return tracked.has_wall

    percent = f"{name}_percent"
    return (
        SliceMeasure(
            key=percent,
            compute=lambda tracked: float(tracked.once(curve)[tracked.motion.es_frame]),
            applies=has_wall,
        ),
        SliceMeasure(
            key=f"peak_{percent}",
            compute=lambda tracked: float(tracked.once(curve)[peak(tracked)]),
            applies=has_wall,
            heading=peak_heading,
            format="{:.1f}",
        ),
        SliceMeasure(key=f"peak_{percent}_frame", compute=peak, applies=has_wall),
        SliceMeasure(
            key=f"time_to_peak_{percent}_ms",
            compute=lambda tracked: since_ed(tracked.cine, peak(tracked)),
            applies=has_wall,
            heading=time_heading,
            format="{:.0f}",
        ),
        SliceMeasure(
            key=f"peak_systolic_{name}_rate_per_s",
            compute=rate,
            applies=lambda tracked: tracked.has_wall and tracked.cine.frame_times_ms is not None,
        ),
    )


ERR = SegmentMeasure(
    key="err_percent",
    compute=lambda tracked, segment: mean_strain(tracked, segment, RADIAL),
    heading="Err, %",
    format="{:.1f}",
    averaged=True,
)
ECC = SegmentMeasure(
    key="ecc_percent",
    compute=lambda tracked, segment: mean_strain(tracked, segment, CIRCUMFERENTIAL),
    heading="Ecc, %",
    format="{:.1f}",
    averaged=True,
)
CURVES = (
    *curve_measures("ecc", CIRCUMFERENTIAL, np.argmin, "lowest Ecc, %", "at, ms"),
    *curve_measures("err", RADIAL, np.argmax),
)
