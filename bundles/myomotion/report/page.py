"""The report of a study: one page that opens anywhere, moves, and says what to trust."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from string import Template

import numpy as np

from myomotion.analysis.quality import LIGHTS, StudyQuality
from myomotion.analysis.strain import SliceRegions
from myomotion.analysis.study import Study
from myomotion.core.segments import LEVELS
from myomotion.io.cine import Cine
from myomotion.report.charts import light_badge, light_grid
from myomotion.report.player import player_slices
from myomotion.report.sections import (
    bullseyes_section,
    curves_section,
    flags_section,
    numbers_note,
    numbers_section,
    provenance_section,
)
from myomotion.report.template import PAGE, SCRIPT, STYLE

CYCLE_MS = 1200  # duration of one round of the player where frame times are unknown
PATHS_NOTE = (
    "Lines run from the end-diastolic position of a material point to where it is now (dot). "
)
CONTOURS_NOTE = (
    "Contours are those of end-diastole, moved by the tracked motion; they are not drawn frame by "
    "frame. "
)
KEYS_NOTE = "Space: play or pause; arrow keys: one frame."


def report_page(study: Study) -> str:
    """The page as HTML that refers to nothing outside itself.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        HTML text.
    """
    cine, motion, regions, rows = study.cine, study.motion, study.regions, study.rows
    judged, summary = study.quality, study.summary
    frames, slices = len(motion.strain), len(regions)
    times = cine.frame_times_ms
    names = _slice_names(cine, regions)
    data = {
        "slices": player_slices(cine, motion, regions),
        "frames": frames,
        "ed": cine.ed_frame,
        "es": motion.es_frame,
        "times": None if times is None else times.tolist(),
        "interval": round(float(np.diff(times).mean()) if times is not None else CYCLE_MS / frames),
    }
    subtitle = (
        f"{slices} slice{'s' * (slices > 1)}, {frames} frames. End-diastole: frame "
        f"{cine.ed_frame} ({cine.ed_found}); end-systole: frame {motion.es_frame} "
        f"({motion.es_found}). End-diastolic label: {cine.label_found or 'none'}. "
        f"Frame times are {'unknown' if times is None else 'known'}."
    )
    return Template(PAGE).substitute(
        title=escape(f"Myocardial motion: {cine.name}"),
        style=STYLE,
        subtitle=escape(subtitle),
        verdict=f"Quality {light_badge(summary['light'])}",
        warnings=_warnings(summary["warnings"]),
        last=frames - 1,
        es=motion.es_frame,
        columns=_columns(slices),
        players=_players(names, judged),
        contours_hidden="" if rows else " hidden",
        player_note=PATHS_NOTE + (CONTOURS_NOTE if rows else "") + KEYS_NOTE,
        curves=curves_section(cine, motion, rows, judged, names),
        bullseyes=bullseyes_section(summary) if rows else "",
        lights=light_grid(judged.frames, names),
        lights_note="Point at a cell for its figures. Green is blank, amber is !, red is ×.",
        numbers=numbers_section(motion, judged, rows, summary, names),
        numbers_note=escape(numbers_note(bool(rows), motion)),
        flags=flags_section(),
        provenance=provenance_section(summary),
        data=json.dumps(data, separators=(",", ":")).replace("</", "<\\/"),
        script=SCRIPT,
    )


def _slice_names(cine: Cine, regions: Sequence[SliceRegions]) -> list[str]:
    return [
        f"{z} {name}" if name in LEVELS else f"{z} ({region.level or 'no label'})"
        for z, (name, region) in enumerate(zip(cine.levels, regions, strict=True))
    ]


def _columns(slices: int) -> int:
    """Players side by side."""
    if slices > 8:
        return 5
    return 4 if slices in (4, 7, 8) else min(slices, 3)


def _warnings(warnings: Sequence[str]) -> str:
    if not warnings:
        return ""
    items = "".join(f"<li>{escape(text)}</li>" for text in warnings)
    return f'<section class="warnings"><h2>Please note</h2><ul>{items}</ul></section>'


def _players(names: Sequence[str], judged: StudyQuality) -> str:
    return "".join(
        f"<figure><figcaption><span>{escape(name)}</span>{light_badge(LIGHTS[s.light])}"
        f'</figcaption><canvas id="player{s.slice}" role="img" '
        f'aria-label="cine of slice {escape(name)}"></canvas></figure>'
        for name, s in zip(names, judged.slices, strict=True)
    )
