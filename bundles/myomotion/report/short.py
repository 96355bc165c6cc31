"""The box at the top of the report: what a reader wants to know in ten seconds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.study import Study
from myomotion.report.reference import mid_wall_range


class Item(NamedTuple):
    """A number of the box.

    Attributes:
        name: what it is.
        value: with its interval and unit.
        note: what it is to be held against.
    """

    name: str
    value: str
    note: str = ""


def short_items(study: Study) -> list[Item]:
    """Strain, function and twist of the study, those that are known.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        The numbers in the order of reading.
    """
    means: Mapping[str, Any] = study.summary["mean_of_slices_at_end_systole"] or {}
    summary = study.summary
    slices = f"mean of {means['slices']} slices" if means else ""
    items = [
        _item("Circumferential strain", means, "ecc_percent", "{:.1f}", " %", slices),
        _item("Mid-wall Ecc", means, "ecc_mid_percent", "{:.1f}", " %", _against(study, means)),
        _item("Radial strain", means, "err_percent", "{:.0f}", " %", slices),
        _item("Ejection fraction", summary, "lv_ef_percent", "{:.0f}", " %"),
        _item(
            "Ejection fraction",
            summary,
            "seen_lv_ef_percent",
            "{:.0f}",
            " %",
            "of the slices seen, not of the ventricle",
        ),
        _item("Twist", summary, "twist_deg", "{:.1f}", "°", "a lower bound"),
        _item(
            "Spread of time to peak",
            summary,
            "time_to_peak_ecc_sd_ms",
            "{:.0f}",
            " ms",
            "standard deviation over segments",
        ),
    ]
    return [item for item in items if item is not None]


def doubts(study: Study) -> list[str]:
    """Why the numbers may be wrong.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        What is amber or red, briefly; empty where all is green.
    """
    slices = [s for s in study.summary["slices"] if s["measured"]]
    found = []
    for light in ("red", "amber"):
        own = [str(s["slice"]) for s in slices if s["light"] == light]
        if own:
            plural = "s" * (len(own) > 1)
            found.append(f"slice{plural} {', '.join(own)} {'are' if plural else 'is'} {light}")
    return [*found, *study.quality.reasons]


def with_half_width(value: float, half: float | None, form: str) -> str:
    """A number with half of its interval, both with the digits of a format."""
    text = form.format(round(value, 6))
    return text if half is None else f"{text} ± {form.format(half)}"


def _item(
    name: str, values: Mapping[str, Any], key: str, form: str, unit: str, note: str = ""
) -> Item | None:
    value = values.get(key)
    if value is None:
        return None
    return Item(name, with_half_width(value, values.get(key + HALF_WIDTH), form) + unit, note)


def _against(study: Study, means: Mapping[str, Any]) -> str:
    """Where mid-wall strain lies against the range of the healthy."""
    healthy = mid_wall_range(study.cine.subject.sex)
    value = means.get("ecc_mid_percent")
    if value is None:
        return ""
    place = "within" if healthy.low <= value <= healthy.high else "outside"
    if value > healthy.high:
        place = "weaker than"
    return f"{place} {healthy.low:g} to {healthy.high:g} % of healthy {healthy.people}"
