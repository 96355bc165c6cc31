"""Two visits on one page that opens offline and prints on one sheet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from myomotion.core.segments import NAMES
from myomotion.report.bullseye import bullseye
from tools.compare_visits.change import (
    SEGMENT_NUMBERS,
    STUDY_NUMBERS,
    Change,
    cautions,
    segment_changes,
    study_changes,
)

TEMPLATE = "page.html.j2"
ECC_LIMITS = (-10.0, 10.0)  # of the difference, points
VERDICTS = {True: "beyond error", False: "within error", None: "not judged"}


def visits_page(
    first: Mapping[str, Any],
    second: Mapping[str, Any],
    repeat: Mapping[str, Any],
    published: bool = False,
) -> str:
    """The page.

    Args:
        first: summary of the first visit.
        second: summary of the second.
        repeat: from :func:`~tools.compare_visits.change.read_repeat`.
        published: the errors of repeats are those of other methods.

    Returns:
        HTML without references to other files.
    """
    study = study_changes(first, second, repeat)
    segments = segment_changes(first, second, repeat)
    judged = [*study.values(), *(c for own in segments.values() for c in own.values())]
    beyond = [STUDY_NUMBERS[key] for key, own in study.items() if own.beyond]
    far = [NAMES[n] for n, own in segments.items() if any(c.beyond for c in own.values())]
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template(TEMPLATE).render(
        visits=[first, second],
        beyond=beyond,
        far=far,
        cautions=cautions(first, second),
        study=[{"name": STUDY_NUMBERS[key], **_cells(own)} for key, own in study.items()],
        segment_headings=list(SEGMENT_NUMBERS.values()),
        segments=[
            {
                "number": n,
                "name": NAMES[n],
                "changes": [_cells(own[key]) for key in SEGMENT_NUMBERS],
            }
            for n, own in segments.items()
        ],
        bullseye=bullseye(
            "Ecc, second less first, points",
            {
                n: d
                for n, own in segments.items()
                if (d := own["ecc_percent"].difference) is not None
            },
            ECC_LIMITS,
            "RdBu_r",
        ),
        sources=sorted({own.source for own in judged if own.source is not None}),
        published=published,
    )


def _cells(own: Change) -> dict[str, str]:
    """A change as text."""
    largest = max(abs(own.first or 0), abs(own.second or 0))
    digits = 2 if largest < 2 else 0 if largest >= 200 else 1

    def text(value: float | None, sign: str = "") -> str:
        return "–" if value is None else f"{round(value, digits) + 0.0:{sign}.{digits}f}"

    return {
        "first": text(own.first),
        "second": text(own.second),
        "difference": text(own.difference, "+"),
        "smallest": text(own.smallest_real),
        "verdict": VERDICTS[own.beyond],
        "kind": "beyond" if own.beyond else "",
    }
