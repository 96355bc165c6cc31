"""Strain, area and plausibility of every frame, slice and segment, as rows of a table."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from myomotion.analysis.intervals.repeats import HALF_WIDTH, NUMBERS
from myomotion.analysis.measures.measure import SegmentMeasure
from myomotion.analysis.measures.on_wall.mesh import why_no_wall
from myomotion.analysis.measures.registry import keys_of, measures_of
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.timing import time_of
from myomotion.core.frames_together import workers
from myomotion.core.segments import FROM_ANTERIOR_THROUGH_SEPTUM


def columns() -> list[str]:
    """Columns of ``strain.csv``."""
    halves = [key + HALF_WIDTH for key in NUMBERS]
    return ["frame", "time_ms", "slice", "level", "segment", *keys_of(SegmentMeasure), *halves]


def strain_rows(slices: Sequence[TrackedSlice]) -> list[dict[str, Any]]:
    """Numbers of every frame, slice and segment that shows myocardium.

    ``time_ms`` counts from the file's first frame; segment 0 is the whole wall.

    Args:
        slices: from :func:`~myomotion.analysis.measures.tracked.tracked_slices`.

    Returns:
        Dictionaries with :func:`columns`, None where unknown; empty without a label.
    """
    rows: list[dict[str, Any]] = []
    walls = [tracked for tracked in slices if tracked.region.level is not None]
    with workers() as run:
        measured_on = run(_measured, walls)
    for tracked, values in zip(walls, measured_on, strict=True):
        cine = tracked.cine
        for t in range(len(tracked.displacement)):
            for number, measured in values.items():
                rows.append(
                    {
                        "frame": t,
                        "time_ms": time_of(cine, t),
                        "slice": tracked.index,
                        "level": cine.levels[tracked.index],
                        "segment": number,
                        **{key: column[t] for key, column in measured.items()},
                    }
                )
    return rows


def _measured(tracked: TrackedSlice) -> dict[int, dict[str, Any]]:
    """Values of every frame by segment and measure."""
    assert tracked.region.level is not None
    numbers = (0, *sorted(FROM_ANTERIOR_THROUGH_SEPTUM[tracked.region.level]))
    return {
        number: {m.key: m.compute(tracked, number) for m in measures_of(SegmentMeasure)}
        for number in numbers
        if tracked.segment(number).any()
    }


def strain_warnings(slices: Sequence[TrackedSlice]) -> list[str]:
    """What a reader is told of slices whose wall no mesh fits.

    Args:
        slices: as for :func:`strain_rows`.

    Returns:
        A sentence for each; their strain is empty.
    """
    return [
        f"Slice {tracked.index} ({tracked.cine.levels[tracked.index]}) has a wall without strain, "
        f"as strain is taken on a closed ring: {reason}."
        for tracked in slices
        if (reason := why_no_wall(tracked)) is not None
    ]
