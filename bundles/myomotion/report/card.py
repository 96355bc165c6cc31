"""A result at a glance: what a notebook shows of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from myomotion.analysis.study import Study
from myomotion.report.curves import study_curves
from myomotion.report.page import slice_names
from myomotion.report.player import stills
from myomotion.report.templates import render

PIXELS = 120  # of a picture's side: two of them and a chart stay below 60 kB
SHOWN_WARNINGS = 2
# Of the study's summary, then of its means over the slices: name, format.
NUMBERS = {
    "lv_ef_percent": ("ejection fraction", "{:.0f} %"),
    "seen_lv_ef_percent": ("ejection fraction, slices seen", "{:.0f} %"),
    "lv_edv_ml": ("end-diastolic volume", "{:.0f} ml"),
    "lv_mass_g": ("mass", "{:.0f} g"),
    "ecc_percent": ("Ecc at end-systole", "{:.1f} %"),
    "err_percent": ("Err at end-systole", "{:.1f} %"),
    "twist_deg": ("twist", "{:.1f}°"),
}


def study_card(study: Study) -> str:
    """A small piece of HTML that refers to nothing outside itself.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        Light, key numbers, the middle slice at end-diastole and end-systole, one chart.
    """
    cine, summary = study.cine, study.summary
    ends = {"end-diastole": cine.ed_frame, "end-systole": study.motion.es_frame}
    pictures = stills(study, middle_slice(study), list(ends.values()), PIXELS)
    for (title, frame), picture in zip(ends.items(), pictures, strict=True):
        picture["title"] = f"{title}, frame {frame}"
    warnings = list(summary.get("warnings", []))
    frames, slices = study.motion.working_image.shape[:2]
    return str(
        render(
            "card.html.j2",
            name=cine.name,
            light=summary["light"],
            about=f"{slices} slice{'s' * (slices > 1)}, {frames} frames, reference end-diastole",
            pictures=pictures,
            numbers=key_numbers(summary),
            chart=study_curves(study, slice_names(cine, study.regions)).charts[0],
            warnings=warnings[:SHOWN_WARNINGS],
            more=max(len(warnings) - SHOWN_WARNINGS, 0),
        )
    )


def key_numbers(summary: Mapping[str, Any]) -> list[tuple[str, str]]:
    """The numbers that a glance is for, as names and texts; those that are not known left out.

    Args:
        summary: content of ``summary.json``.
    """
    means = summary.get("mean_of_slices_at_end_systole") or {}
    found = {key: summary.get(key, means.get(key)) for key in NUMBERS}
    return [
        (name, form.format(found[key]))
        for key, (name, form) in NUMBERS.items()
        if found[key] is not None
    ]


def middle_slice(study: Study) -> int:
    """The middle one of the slices that show a ring; of all where none does."""
    shown = [z for z, region in enumerate(study.regions) if region.level is not None]
    all_slices = shown or list(range(len(study.regions)))
    return all_slices[len(all_slices) // 2]
