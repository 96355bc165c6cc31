"""The report of a study: one page that opens anywhere, moves, and says what to trust."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil, floor
from typing import Any

import numpy as np

from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.measures.measure import Meaning, Measure
from myomotion.analysis.measures.registry import measures_of
from myomotion.analysis.measures.tracked import UNLABELLED_RADIUS_MM
from myomotion.analysis.quality import FRAME_SHARE
from myomotion.analysis.regions import SliceRegions
from myomotion.analysis.study import Study
from myomotion.analysis.tables.wide import segment_values
from myomotion.core.segments import LEVELS
from myomotion.io.cine import Cine
from myomotion.report.bullseye import bullseye
from myomotion.report.charts import light_grid
from myomotion.report.curves import study_curves
from myomotion.report.function import function_section
from myomotion.report.numbers import number_table
from myomotion.report.player import player_slices
from myomotion.report.reference import NO_OTHERS, SOURCE
from myomotion.report.short import doubts, short_items
from myomotion.report.templates import as_it_is, render
from myomotion.report.volume import volume_section

CYCLE_MS = 1200  # duration of one round of the player where frame times are unknown
BULLSEYES: tuple[tuple[str, str, tuple[float, float] | None, str], ...] = (
    # Key, title, ends of the colour map (None: of the values themselves), its name.
    ("ecc_percent", "Ecc at end-systole, %", (-25.0, 5.0), "RdYlBu_r"),
    ("err_percent", "Err at end-systole, %", (-20.0, 100.0), "RdYlBu"),
    ("time_to_peak_ecc_ms", "Time to peak Ecc, ms", None, "viridis"),
    ("ecc_percent" + HALF_WIDTH, "Ecc, half of the 90 % interval, points", (0.0, 10.0), "Greys"),
)


def report_page(study: Study) -> str:
    """The page as HTML that refers to nothing outside itself.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        HTML text.
    """
    names = slice_names(study.cine, study.regions)
    unmeasured = unmeasured_slices(study)
    judged = [row for row in study.quality.frames if row["slice"] not in unmeasured]
    return render(
        "page.html.j2",
        cine=study.cine,
        motion=study.motion,
        summary=study.summary,
        labelled=bool(study.rows),
        disc_radius=UNLABELLED_RADIUS_MM,
        frame_share=FRAME_SHARE,
        frames=len(study.motion.strain),
        names=names,
        columns=_columns(len(names)),
        function=function_section(study),
        short=short_items(study),
        doubts=doubts(study),
        reference=f"{SOURCE}. {NO_OTHERS}",
        volume=volume_section(study),
        curves=study_curves(study, names),
        bullseyes=_bullseyes(study.summary) if study.rows else [],
        unmeasured=unmeasured,
        lights=light_grid(judged, names),
        numbers=number_table(study, names),
        meanings=_meanings(),
        file_names={k: _file_name(v) for k, v in study.summary["files"].items()},
        style=as_it_is("page.css"),
        script=as_it_is("player.js"),
        data=_player_data(study),
    )


def unmeasured_slices(study: Study) -> set[int]:
    """Slices without a wall in a study whose other slices have one: nothing of theirs is judged."""
    if not study.rows:
        return set()
    return {z for z, region in enumerate(study.regions) if not region.wall.any()}


def slice_names(cine: Cine, regions: Sequence[SliceRegions]) -> list[str]:
    """Names of the slices as the report shows them: number and level, that of their segments.

    Args:
        cine: the study.
        regions: from :func:`~myomotion.analysis.regions.slice_regions`.

    Returns:
        One name a slice.
    """
    return [
        f"{z} {name}"
        if name in LEVELS and region.level in (None, name)
        else f"{z} ({region.level or 'no label'})"
        for z, (name, region) in enumerate(zip(cine.levels, regions, strict=True))
    ]


def _player_data(study: Study) -> dict[str, Any]:
    """What ``player.js`` reads."""
    times, frames = study.cine.frame_times_ms, len(study.motion.strain)
    return {
        "slices": player_slices(study),
        "frames": frames,
        "ed": study.cine.ed_frame,
        "es": study.motion.es_frame,
        "times": None if times is None else times.tolist(),
        "interval": round(CYCLE_MS / frames if times is None else float(np.diff(times).mean())),
    }


def _columns(slices: int) -> int:
    """Players side by side."""
    if slices > 8:
        return 5
    return 4 if slices in (4, 7, 8) else min(slices, 3)


def _bullseyes(summary: Mapping[str, Any]) -> list[str]:
    segments = segment_values(summary)
    found: list[str] = []
    for key, title, limits, colormap in BULLSEYES:
        values = {n: own[key] for n, own in segments.items() if own[key] is not None}
        if values or (limits is not None and not key.endswith(HALF_WIDTH)):
            ends = limits or (floor(min(values.values())), ceil(max(values.values())) + 1)
            found.append(bullseye(title, values, ends, colormap))
    return found


def _meanings() -> list[Meaning]:
    return [m.meaning for m in measures_of(Measure) if m.meaning is not None]


def _file_name(path: str) -> str:
    return path.replace("\\", "/").rsplit("/", 1)[-1]
