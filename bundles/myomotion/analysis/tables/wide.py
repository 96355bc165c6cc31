"""The study's 16 segments in one row, as statistics programs read them: ``segments.csv``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myomotion.analysis.summary import SEGMENT_HALF_WIDTHS, SEGMENT_KEYS
from myomotion.analysis.tables.segment_timing import timing_keys
from myomotion.core.segments import NAMES


def wide_keys() -> list[str]:
    """What is known of a segment: strains at end-systole, what their curves show, intervals."""
    return [*SEGMENT_KEYS, *timing_keys(), *SEGMENT_HALF_WIDTHS]


def wide_columns() -> list[str]:
    """Sixteen columns a number, such as ``ecc_percent_01`` to ``ecc_percent_16``."""
    return [f"{key}_{number:02d}" for key in wide_keys() for number in NAMES]


def segment_values(summary: Mapping[str, Any]) -> dict[int, dict[str, Any]]:
    """What a summary says of every segment.

    Args:
        summary: from :func:`~myomotion.analysis.summary.study_summary`.

    Returns:
        By segment, 1 to 16, the numbers by :func:`wide_keys`; None where unknown.
    """
    at_es = summary.get("segments_at_end_systole") or {}
    timing = summary.get("segment_timing") or {}
    found = {}
    for number in NAMES:
        own = {**at_es.get(str(number), {}), **timing.get(str(number), {})}
        found[number] = {key: own.get(key) for key in wide_keys()}
    return found


def wide_row(summary: Mapping[str, Any]) -> dict[str, Any]:
    """The segments of a study in one row.

    Args:
        summary: as for :func:`segment_values`.

    Returns:
        :func:`wide_columns`, None where unknown.
    """
    return {
        f"{key}_{number:02d}": value
        for number, own in segment_values(summary).items()
        for key, value in own.items()
    }
