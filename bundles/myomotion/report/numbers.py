"""The table of numbers: every slice at end-systole, and their mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.measures.measure import LIGHTS, RED, Measure, StudyMeasure
from myomotion.analysis.measures.registry import keys_of, measures_of, reading_order
from myomotion.analysis.study import Study
from myomotion.report.short import with_half_width


class Row(NamedTuple):
    """A line of the table.

    Attributes:
        name: of the slice, or of what they are together.
        light: empty for a mean.
        cells: numbers as text.
    """

    name: str
    light: str
    cells: list[str]

    @property
    def failed(self) -> bool:
        """The slice failed quality control."""
        return self.light == LIGHTS[RED]


class Table(NamedTuple):
    """The table as text.

    Attributes:
        headings: of the columns of numbers.
        slices: a line each.
        study: means of the slices and measures of the study; None where there are none.
    """

    headings: list[str]
    slices: list[Row]
    study: Row | None


def number_table(study: Study, names: Sequence[str]) -> Table:
    """Numbers of every slice at end-systole, unless their headings say otherwise.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.
        names: of the slices.

    Returns:
        The table; measures that no slice has are left out.
    """
    summary, es_frame = study.summary, study.motion.es_frame
    walls = {r["slice"]: r for r in summary["at_end_systole"]}
    frames = {r["slice"]: r for r in study.quality.frames if r["frame"] == es_frame}
    entries = [{**frames[s["slice"]], **walls.get(s["slice"], {}), **s} for s in summary["slices"]]
    means = summary["mean_of_slices_at_end_systole"] or {}
    own = {key: summary[key] for key in keys_of(StudyMeasure) if summary[key] is not None}
    own |= {k: v for k, v in summary.items() if k.endswith(HALF_WIDTH)}
    together = {**means, **own}
    used = [
        measure
        for measure in reading_order(measures_of(Measure))
        if measure.heading is not None
        and any(entry.get(measure.key) is not None for entry in (*entries, own))
    ]

    def cells(entry: Mapping[str, Any]) -> list[str]:
        values = [(measure, entry.get(measure.key)) for measure in used]
        return [
            "–" if v is None else with_half_width(v, entry.get(m.key + HALF_WIDTH), m.format)
            for m, v in values
        ]

    name = f"mean of {means['slices']}" if means else "study"
    return Table(
        headings=[str(measure.heading) for measure in used],
        slices=[Row(names[e["slice"]], e["light"], cells(e)) for e in entries],
        study=Row(name, "", cells(together)) if together else None,
    )
