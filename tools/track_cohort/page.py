"""A cohort on one page that opens offline: a table that sorts and filters, lights, outliers."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from myomotion.analysis.measures.measure import LIGHTS
from myomotion.report.templates import as_it_is

HERE = Path(__file__).parent
TEMPLATE, SCRIPT = "page.html.j2", "page.js"
WIDTH, HEIGHT, TOP, BASE = 260, 120, 22, 98  # of a histogram
SPREAD_OF_MAD = 0.6745  # median distance from the median of a normal distribution, in its SDs
FAR = 3.5  # modified z-score of an outlier
FEWEST = 8  # studies that a distribution needs


@dataclass(frozen=True)
class Number:
    """A column of the page.

    Attributes:
        heading: with the unit.
        digits: behind the point.
        keys: of a summary or of its means; the first that is known counts, and others than the
            very first are marked.
    """

    heading: str
    digits: int
    keys: tuple[str, ...]


NUMBERS = (
    Number("EF, %", 0, ("lv_ef_percent", "seen_lv_ef_percent")),
    Number("EDV, ml", 0, ("lv_edv_ml",)),
    Number("ESV, ml", 0, ("lv_esv_ml",)),
    Number("mass, g", 0, ("lv_mass_g",)),
    Number("Ecc, %", 1, ("ecc_percent",)),
    Number("Err, %", 1, ("err_percent",)),
    Number("twist, °", 1, ("twist_deg",)),
    Number("mean J", 2, ("mean_j",)),
    Number("SD of time to peak Ecc, ms", 0, ("time_to_peak_ecc_sd_ms",)),
)
HEADINGS = ("study", "light", *(number.heading for number in NUMBERS), "slices passed", "warnings")


def cohort_page(
    title: str,
    summaries: Mapping[str, Mapping[str, Any]],
    failures: Mapping[str, str],
    links: Mapping[str, str],
) -> str:
    """The page.

    Args:
        title: of the cohort.
        summaries: ``summary.json`` by study.
        failures: reasons by study.
        links: page of a study, relative to this one, where there is one.

    Returns:
        HTML without references to other files but the links.
    """
    names = list(summaries)
    values = {n.heading: [_value(summaries[name], n)[0] for name in names] for n in NUMBERS}
    scores = {heading: modified_z(column) for heading, column in values.items()}
    environment = Environment(
        loader=FileSystemLoader(HERE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    rows = [_row(name, summaries[name], i, scores, links) for i, name in enumerate(names)]
    counted = Counter(row["light"] for row in rows)
    lights = [(light, counted[light]) for light in LIGHTS if counted[light]]
    return environment.get_template(TEMPLATE).render(
        title=title,
        headings=HEADINGS,
        rows=rows,
        lights=[*lights, *([("failed", len(failures))] if failures else [])],
        failures=failures,
        outliers=[
            {"name": row["name"], "link": row["link"], "what": ", ".join(row["far"])}
            for row in rows
            if row["far"]
        ],
        limit=FAR,
        fewest=FEWEST,
        histograms=[
            histogram(n, known)
            for n in NUMBERS
            if len(known := [v for v in values[n.heading] if v is not None]) > 1
        ],
        style=as_it_is("page.css"),
        script=Markup((HERE / SCRIPT).read_text(encoding="utf-8")),
    )


def modified_z(values: Sequence[float | None]) -> list[float | None]:
    """Distance of each value from the median, in robust standard deviations.

    ``0.6745 (x - median) / MAD`` (Iglewicz and Hoaglin, How to Detect and Handle Outliers, 1993).

    Args:
        values: None where unknown.

    Returns:
        None where unknown, where fewer than :data:`FEWEST` are known, or half of them are equal.
    """
    known = np.array([value for value in values if value is not None], float)
    if len(known) < FEWEST:
        return [None] * len(values)
    median = float(np.median(known))
    spread = float(np.median(np.abs(known - median)))
    if spread == 0:
        return [None] * len(values)
    return [None if v is None else SPREAD_OF_MAD * (v - median) / spread for v in values]


def histogram(number: Number, values: Sequence[float]) -> dict[str, Any]:
    """Bars of a distribution; bins by Freedman and Diaconis, four to twelve.

    Args:
        number: what the values are.
        values: two at least.

    Returns:
        What the template draws.
    """
    edges = np.histogram_bin_edges(values, "fd")
    edges = np.linspace(edges[0], edges[-1], int(np.clip(len(edges) - 1, 4, 12)) + 1)
    counts, _ = np.histogram(values, edges)
    width = (WIDTH - 8) / len(counts)

    def text(value: float) -> str:
        return f"{value:.{number.digits}f}"

    return {
        "title": f"{number.heading} (n = {len(values)})",
        "width": WIDTH,
        "height": HEIGHT,
        "base": BASE,
        "low": text(edges[0]),
        "high": text(edges[-1]),
        "median": text(float(np.median(values))),
        "bars": [
            {
                "x": 4 + i * width + 1,
                "y": BASE - (BASE - TOP) * count / counts.max(),
                "width": width - 2,
                "height": (BASE - TOP) * count / counts.max(),
                "title": f"{text(edges[i])} to {text(edges[i + 1])}: {count}",
            }
            for i, count in enumerate(counts)
        ],
    }


def _row(
    name: str,
    summary: Mapping[str, Any],
    place: int,
    scores: Mapping[str, Sequence[float | None]],
    links: Mapping[str, str],
) -> dict[str, Any]:
    cells, far = [], []
    for number in NUMBERS:
        value, first = _value(summary, number)
        score = scores[number.heading][place]
        text = "–" if value is None else f"{value:.{number.digits}f}{'' if first else '*'}"
        note = ""
        if score is not None and abs(score) > FAR:
            note = f"modified z-score {score:.1f}"
            far.append(f"{number.heading.split(',')[0]} {text}")
        cells.append({"value": "" if value is None else value, "text": text, "far": note})
    slices = [judged for judged in summary.get("slices") or [] if judged.get("measured", True)]
    passed = sum(judged["light"] != LIGHTS[-1] for judged in slices)
    warnings = len(summary.get("warnings") or [])
    cells += [
        {"value": passed, "text": f"{passed} of {len(slices)}", "far": ""},
        {"value": warnings, "text": str(warnings), "far": ""},
    ]
    light = str(summary.get("light", ""))
    link = quote(links[name]) if name in links else None
    order = LIGHTS.index(light) if light in LIGHTS else ""
    return {"name": name, "light": light, "order": order, "cells": cells, "far": far, "link": link}


def _value(summary: Mapping[str, Any], number: Number) -> tuple[float | None, bool]:
    """A number of a summary, and whether it is the one that the column is of."""
    means = summary.get("mean_of_slices_at_end_systole") or {}
    for key in number.keys:
        found = summary.get(key, means.get(key))
        if found is not None:
            return float(found), key == number.keys[0]
    return None, True
