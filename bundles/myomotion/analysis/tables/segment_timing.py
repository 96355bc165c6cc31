"""When and how fast every segment works: ``timing.csv``, and the same for the study's 16 segments.

Numbers follow from the curves of ``strain.csv``, see :mod:`myomotion.analysis.course`. A segment of
the study has the mean curve of the slices that show it and did not fail.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from myomotion.analysis.course import (
    Course,
    Number,
    peak_place,
    peak_time_ms,
    phase_rates,
    post_systolic_percent,
)
from myomotion.core.segments import NAMES

# Column of strain.csv, and the sign that makes it positive where the muscle works.
STRAINS = {"ecc": -1.0, "err": 1.0}
# The peak of a segment that works less than this, as a scar, is one of noise, and so is its time.
LEAST_PERCENT = 3.0
FEWEST_SEGMENTS = 6  # one slice
PHASES = ("systolic", "early_diastolic", "late_diastolic")

Rows = Sequence[Mapping[str, Any]]


def timing_keys() -> list[str]:
    """Keys of :func:`curve_numbers` of both strains."""
    keys = []
    for name in STRAINS:
        keys += [f"peak_{name}_percent", f"time_to_peak_{name}_ms", f"post_systolic_{name}_percent"]
        keys += [f"{phase}_{name}_rate_per_s" for phase in PHASES]
    return keys


def columns() -> list[str]:
    """Columns of ``timing.csv``."""
    ends = [f"end_systolic_{name}_percent" for name in STRAINS]
    return ["slice", "level", "segment", *ends, *timing_keys()]


def curve_numbers(name: str, percent: np.ndarray, course: Course) -> dict[str, Number]:
    """What the curve of a strain shows.

    Args:
        name: ``ecc`` or ``err``.
        percent: ``(T,)``, frames in the order of the file.
        course: of the study.

    Returns:
        By :func:`timing_keys` those of this strain, None where unknown; rates are of fractions.
    """
    sign = STRAINS[name]
    work = sign * percent[course.frames]
    place = peak_place(work, course)
    works = place is not None and work[place] >= LEAST_PERCENT
    rates = phase_rates(work / 100, course)
    return {
        f"peak_{name}_percent": None if place is None else sign * float(work[place]),
        f"time_to_peak_{name}_ms": (
            peak_time_ms(work, place, course) if place is not None and works else None
        ),
        f"post_systolic_{name}_percent": (
            post_systolic_percent(work, place, course) if place is not None and works else None
        ),
        **{
            f"{phase}_{name}_rate_per_s": None if rate is None else sign * rate
            for phase, rate in zip(PHASES, rates, strict=True)
        },
    }


def timing_rows(rows: Rows, course: Course, es_frame: int) -> list[dict[str, Any]]:
    """Timing of every slice and segment.

    Args:
        rows: from :func:`~myomotion.analysis.tables.strain.strain_rows`.
        course: of the study.
        es_frame: end-systolic frame.

    Returns:
        Dictionaries with :func:`columns`, None where unknown; segment 0 is the whole wall.
    """
    found = []
    for (z, number), mine in _by_place(rows).items():
        numbers: dict[str, Number] = dict.fromkeys(columns()[3:])
        for name in STRAINS:
            curve = _curve([mine], name)
            if curve is not None:
                numbers[f"end_systolic_{name}_percent"] = float(curve[es_frame])
                numbers |= curve_numbers(name, curve, course)
        found.append({"slice": z, "level": mine[0]["level"], "segment": number, **numbers})
    return found


def study_timing(rows: Rows, course: Course, slices: Sequence[int]) -> dict[int, dict[str, Number]]:
    """Timing of the study's segments.

    Args:
        rows: as for :func:`timing_rows`.
        course: of the study.
        slices: those that count.

    Returns:
        By segment, 1 to 16, the numbers of its mean curve by :func:`timing_keys`; segments that no
        slice shows are left out.
    """
    parts = _by_place(rows)
    found = {}
    for number in NAMES:
        mine = [part for (z, own), part in parts.items() if own == number and z in slices]
        curves = {name: _curve(mine, name) for name in STRAINS}
        numbers: dict[str, Number] = {}
        for name, curve in curves.items():
            if curve is not None:
                numbers |= curve_numbers(name, curve, course)
        if numbers:
            found[number] = numbers
    return found


def spread_ms(timing: Mapping[int, Mapping[str, Number]], name: str) -> float | None:
    """Standard deviation over segments of the time to peak, an index of dyssynchrony.

    Args:
        timing: from :func:`study_timing`.
        name: ``ecc`` or ``err``.

    Returns:
        Milliseconds; None for fewer than :data:`FEWEST_SEGMENTS` that have such a time.
    """
    key = f"time_to_peak_{name}_ms"
    times = [value for own in timing.values() if (value := own.get(key)) is not None]
    return float(np.std(times, ddof=1)) if len(times) >= FEWEST_SEGMENTS else None


def uniformity(strain: np.ndarray) -> float | None:
    """Circumferential uniformity ratio estimate (CURE) of one slice.

    ``sqrt(S0 / (S0 + S1))``, the power over all frames of the mean around the circumference and of
    its first harmonic: 1 where all of the wall works at once, towards 0 where one side shortens
    while the other is stretched (Helm et al., Circulation 2005; 111:2760; Bilchick et al., JACC
    Cardiovasc Imaging 2008; 1:561).

    Args:
        strain: ``(T, angles)`` Ecc at even angles.

    Returns:
        0 to 1; None where nothing moves.
    """
    waves = np.abs(np.fft.fft(strain, axis=1)) ** 2
    mean, first = waves[:, 0].sum(), 2 * waves[:, 1].sum()
    return float(np.sqrt(mean / (mean + first))) if mean + first > 0 else None


def _by_place(rows: Rows) -> dict[tuple[int, int], list[Mapping[str, Any]]]:
    """Rows of each slice and segment, in the order of the frames."""
    parts: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for row in rows:
        parts.setdefault((row["slice"], row["segment"]), []).append(row)
    return parts


def _curve(parts: Sequence[Rows], name: str) -> np.ndarray | None:
    """Mean curve of slices, percent; None where none is known."""
    curves = [[row[f"{name}_percent"] for row in part] for part in parts]
    known = [curve for curve in curves if None not in curve]
    return np.mean(np.array(known, float), axis=0) if known else None
