"""Function of the ventricles in the report: a compact table and the volume curve."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from markupsafe import Markup

from myomotion.analysis.function import SEEN, Function
from myomotion.analysis.study import Study
from myomotion.report.charts import Line, line_chart

UNKNOWN = "–"


@dataclass(frozen=True)
class Quantity:
    """A row of the table.

    Attributes:
        name: what it is.
        unit: as it is shown.
        format: of its numbers.
        tracked: key by tracking, empty where there is none; :data:`SEEN` may come before it.
        indexed: key of the same for a square metre of body surface.
        labelled: key of the same by the labels.
    """

    name: str
    unit: str
    format: str
    tracked: str = ""
    indexed: str = ""
    labelled: str = ""


QUANTITIES = (
    Quantity("LV end-diastolic volume", "ml", "{:.0f}", "lv_edv_ml", "lv_edv_ml_per_m2"),
    Quantity(
        "LV end-systolic volume",
        "ml",
        "{:.0f}",
        "lv_esv_ml",
        "lv_esv_ml_per_m2",
        "lv_esv_labelled_ml",
    ),
    Quantity(
        "LV stroke volume", "ml", "{:.0f}", "lv_sv_ml", "lv_sv_ml_per_m2", "lv_sv_labelled_ml"
    ),
    Quantity("LV ejection fraction", "%", "{:.1f}", "lv_ef_percent", "", "lv_ef_labelled_percent"),
    Quantity("LV mass at end-diastole", "g", "{:.0f}", "lv_mass_g", "lv_mass_g_per_m2"),
    Quantity("peak ejection rate", "ml/s", "{:.0f}", "lv_peak_ejection_rate_ml_per_s"),
    Quantity("peak filling rate", "ml/s", "{:.0f}", "lv_peak_filling_rate_ml_per_s"),
    Quantity("peak ejection rate", "EDV/s", "{:.2f}", "lv_peak_ejection_rate_edv_per_s"),
    Quantity("peak filling rate", "EDV/s", "{:.2f}", "lv_peak_filling_rate_edv_per_s"),
    Quantity(
        "cardiac output",
        "l/min",
        "{:.1f}",
        "cardiac_output_l_per_min",
        "cardiac_index_l_per_min_per_m2",
    ),
    Quantity(
        "RV end-diastolic volume",
        "ml",
        "{:.0f}",
        "",
        "rv_edv_labelled_ml_per_m2",
        "rv_edv_labelled_ml",
    ),
    Quantity(
        "RV end-systolic volume",
        "ml",
        "{:.0f}",
        "",
        "rv_esv_labelled_ml_per_m2",
        "rv_esv_labelled_ml",
    ),
    Quantity("RV stroke volume", "ml", "{:.0f}", "", "", "rv_sv_labelled_ml"),
    Quantity("RV ejection fraction", "%", "{:.1f}", "", "", "rv_ef_labelled_percent"),
)
COLUMNS = {"tracked": "tracked", "indexed": "per m²", "labelled": "by the labels"}


class FunctionSection(NamedTuple):
    """What the page shows of it.

    Attributes:
        headings: of the columns of numbers.
        rows: name with unit, and a text for each column.
        chart: SVG text.
        notes: sentences.
    """

    headings: list[str]
    rows: list[tuple[str, list[str]]]
    chart: Markup
    notes: list[str]


def function_section(study: Study) -> FunctionSection | None:
    """Table, curve and what they rest on.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        The section; None where the study has no volumes.
    """
    function = study.function
    if function is None:
        return None
    known = {q: _texts(function, q) for q in QUANTITIES}
    shown = {q: texts for q, texts in known.items() if any(t != UNKNOWN for t in texts.values())}
    used = [c for c in COLUMNS if any(texts[c] != UNKNOWN for texts in shown.values())]
    return FunctionSection(
        headings=[COLUMNS[column] for column in used],
        rows=[(_name(function, q), [texts[c] for c in used]) for q, texts in shown.items()],
        chart=_chart(study, function),
        notes=_notes(study, function),
    )


def _texts(function: Function, quantity: Quantity) -> dict[str, str]:
    """Text of a quantity in every column."""
    values = {c: function.number(getattr(quantity, c)) for c in COLUMNS}
    return {c: UNKNOWN if v is None else quantity.format.format(v) for c, v in values.items()}


def _name(function: Function, quantity: Quantity) -> str:
    key = quantity.tracked or quantity.labelled
    seen = " of the slices seen" if SEEN + key in function.numbers else ""
    return f"{quantity.name}{seen}, {quantity.unit}"


def _chart(study: Study, function: Function) -> Markup:
    cine = study.cine
    times = cine.frame_times_ms
    part = "" if function.partial is None else ", slices seen"
    if function.volume_ml is None:
        title, values = f"LV volume relative to end-diastole{part}", function.volume_ratio
    else:
        title, values = f"LV volume{part}, ml", function.volume_ml
    return line_chart(
        title,
        [Line(name="LV volume", values=values.tolist(), place=0)],
        list(range(len(values))) if times is None else times.tolist(),
        "frame" if times is None else "time, ms",
        {"ED": cine.ed_frame, "ES": study.motion.es_frame},
        (0.0, float(values.max())),
    )


def _notes(study: Study, function: Function) -> list[str]:
    about, notes = study.summary["function"], []
    if function.partial is not None:
        notes.append(f"Of the slices seen, not of the whole left ventricle: {function.partial}.")
    if about["no_ml_because"]:
        notes.append(
            f"No millilitres: {about['no_ml_because']}. Give the distance from the middle of a "
            "slice to that of the next as slice_spacing_mm in info.json."
        )
    else:
        notes.append(
            f"Volumes are sums of area times {about['slice_distance_mm']:.3g} mm "
            f"({about['slice_distance_from']}), mass that of the wall at end-diastole, 1.05 g/ml."
        )
    notes.append(f"Areas: {about['areas_from']}; {about['contours']}.")
    notes.append(
        "Slices that the base leaves in systole still count in tracked volumes, so that a tracked "
        "ejection fraction tends to be lower than one by labels."
    )
    if about["red_slices"]:
        listed = ", ".join(map(str, about["red_slices"]))
        notes.append(f"Slices with a red light are part of the sums: {listed}.")
    if about["rates_from"]:
        notes.append(f"Rates: {about['rates_from']}.")
    rate, surface = (function.numbers[key] for key in ("heart_rate_bpm", "body_surface_m2"))
    if rate is not None:
        notes.append(f"Heart rate {rate:.0f} per minute ({about['heart_rate_from']}).")
    if surface is not None:
        notes.append(f"Body surface {surface:.2f} m² (Mosteller).")
    return notes
