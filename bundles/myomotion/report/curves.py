"""Curves over the cycle: strain, area and J; without a label J and displacement of a disc."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from markupsafe import Markup

from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.intervals.study import share_of_interval
from myomotion.analysis.measures.measure import RED
from myomotion.analysis.measures.tracked import unlabelled_disc
from myomotion.analysis.study import Study
from myomotion.report.charts import Line, line_chart
from myomotion.report.reference import mid_wall_range

MOST_BANDS = 3  # in one chart; more hide each other
STRAIN_CHARTS = {  # column of strain.csv: title and the vertical range that is shown at the least
    "ecc_percent": ("Circumferential strain Ecc, %", (-20, 0)),
    "err_percent": ("Radial strain Err, %", (0, 30)),
    "rotation_deg": (
        "Rotation, °, counter-clockwise seen from the apex",
        (-4, 8),
    ),
    "area_ratio": ("Cavity area relative to end-diastole", (0.4, 1.0)),
    "mean_j": ("Area change J of the wall", (0.8, 1.2)),
}


class Curves(NamedTuple):
    """What the page shows of them.

    Attributes:
        charts: SVG text.
        legend: the lines, named.
    """

    charts: list[Markup]
    legend: list[Line]


def study_curves(study: Study, names: Sequence[str]) -> Curves:
    """Draw the curves of a study.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.
        names: of the slices.

    Returns:
        Charts, and the lines of the one with the most for a legend.
    """
    cine, motion = study.cine, study.motion
    times = cine.frame_times_ms
    frames = list(range(len(motion.strain))) if times is None else times.tolist()
    x_label = "frame" if times is None else "time, ms"
    marks = {"ED": cine.ed_frame, "ES": motion.es_frame}
    lines = _strain_lines(study, names) if study.rows else _disc_lines(study, names)
    charts = [
        line_chart(title, curves, frames, x_label, marks, at_least)
        for title, at_least, curves in lines
    ]
    if study.rows:
        healthy = mid_wall_range(cine.subject.sex)
        title = f"Mid-wall Ecc, %, mean; shaded: healthy {healthy.people}"
        mean = [_mid_wall(study)]
        shaded = healthy.low, healthy.high
        charts.insert(1, line_chart(title, mean, frames, x_label, marks, (-22, 0), shaded))
    return Curves(charts, max((curves for _, _, curves in lines), key=len))


Chart = tuple[str, tuple[float, float], list[Line]]


def _strain_lines(study: Study, names: Sequence[str]) -> list[Chart]:
    whole = [row for row in study.rows if row["segment"] == 0]
    slices = sorted({int(row["slice"]) for row in whole})

    def lines(key: str) -> list[Line]:
        own = {z: [row for row in whole if row["slice"] == z] for z in slices}
        curves = {z: [row[key] for row in rows] for z, rows in own.items()}
        shown = own if len(own) <= MOST_BANDS else {}
        bands = {z: [row.get(key + HALF_WIDTH) for row in rows] for z, rows in shown.items()}
        return _lines(curves, study, names, bands)

    return [(title, at_least, lines(key)) for key, (title, at_least) in STRAIN_CHARTS.items()]


def _mid_wall(study: Study) -> Line:
    """Mid-wall Ecc of the study over the cycle, a mean over the slices that did not fail."""
    key, means = "ecc_mid_percent", study.summary["mean_of_slices_at_end_systole"] or {}
    passed = set(study.quality.passed)
    own = [r for r in study.rows if r["segment"] == 0 and r["slice"] in passed]
    known = [r for r in own if r[key] is not None]
    frames = range(len(study.motion.strain))
    values = [[r[key] for r in known if r["frame"] == t] for t in frames]
    if not known:
        return Line(name="mean", values=[0.0 for _ in frames], place=0, faint=True)
    mean = [float(np.mean(v)) for v in values]
    half, most = means.get(key + HALF_WIDTH), mean[study.motion.es_frame]
    band = [] if half is None else [half * share_of_interval(v, most) for v in mean]
    return Line(name="mean", values=mean, place=0, band=band)


def _disc_lines(study: Study, names: Sequence[str]) -> list[Chart]:
    jacobian = study.motion.working_jacobian
    j = {
        z: jacobian[:, z][:, unlabelled_disc(grid)].mean(1).tolist()
        for z, grid in enumerate(study.motion.grids)
    }
    moved = {
        z: [r["mean_displacement_mm"] for r in study.quality.frames if r["slice"] == z] for z in j
    }
    return [
        ("Area change J, mean of the disc", (0.9, 1.1), _lines(j, study, names)),
        ("Displacement, mean of the disc, mm", (0, 2), _lines(moved, study, names)),
    ]


def _lines(
    curves: dict[int, list[Any]],
    study: Study,
    names: Sequence[str],
    bands: dict[int, list[float | None]] | None = None,
) -> list[Line]:
    """Lines of the slices whose values are known; a slice looks the same in every chart."""
    failed = {s.slice for s in study.quality.slices if s.light == RED}
    return [
        Line(
            name=names[z],
            values=values,
            place=place,
            faint=z in failed,
            band=(bands or {}).get(z, ()),
        )
        for place, (z, values) in enumerate(curves.items())
        if None not in values
    ]
