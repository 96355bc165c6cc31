"""Tracked stacks of real hearts lifted into space: shortening, torsion, volume."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from myomotion.errors import InputError
from myomotion.tracker import Tracker
from tools.evaluate.methods import REFINE_STEPS
from tools.evaluate.scores import group_of
from tools.study.cache import cached, result_key
from tools.study.config import Method
from tools.study.tables import Table, shown

NUMBERS = {  # of the summary's volume: heading and digits
    "gls_percent": ("GLS %", 1),
    "gls_uncertainty": ("± (of the fit)", 1),
    "torsion_degrees_per_cm": ("torsion, degrees/cm", 2),
    "ef_percent": ("EF by the surface, %", 1),
}
LABELLED = ("lv_ef_labelled_percent", "seen_lv_ef_labelled_percent")


def lifted(
    method: Method, studies: Sequence[Mapping[str, Any]], folder: Path
) -> tuple[dict[str, dict[str, Any]], list[str]]:
    """Numbers of every stack that can be lifted.

    Args:
        method: ours, whose motion is lifted.
        studies: whole stacks.
        folder: receives the cached results.

    Returns:
        By name ``group``, :data:`NUMBERS` and ``ef_labels``, the ejection fraction by the labels of
        the slices (NaN where a label is missing); and sentences about stacks that cannot be lifted.
    """
    found, refused = {}, []
    for study in studies:
        name = str(study["name"])
        key = result_key(method, study)
        path = folder / "lift" / method.method / f"{name}-{key[:12]}.json"
        numbers = cached(path, key, partial(_numbers, method, study))
        if reason := numbers.get("not_computed_because"):
            refused.append(f"lift of {name}: {reason}")
        else:
            found[name] = numbers
    return found, refused


def _numbers(method: Method, study: Mapping[str, Any]) -> dict[str, Any]:
    steps = REFINE_STEPS if method.method == "refined" else 0
    settings = {"refine_steps": steps, "intervals": False, **method.settings, "volume": True}
    try:
        result = Tracker(**settings)(dict(study))
    except InputError as error:
        return {"not_computed_because": str(error)}
    volume = result.summary["volume"]
    if "not_computed_because" in volume:
        return {"not_computed_because": str(volume["not_computed_because"])}
    function = result.summary
    labelled = next((function[k] for k in LABELLED if function.get(k) is not None), math.nan)
    kept = {key: float(volume[key]) for key in NUMBERS}
    return {"group": group_of(result.cine), **kept, "ef_labels": float(labelled)}


def lift_table(title: str, method: Method, found: Mapping[str, Mapping[str, Any]]) -> Table:
    """One row a stack.

    Args:
        title: of the table.
        method: whose motion was lifted.
        found: from :func:`lifted`.
    """
    header = ["stack", "group", *(heading for heading, _ in NUMBERS.values()), "EF by labels, %"]
    lines = [
        (
            name,
            str(one["group"]),
            *(shown(one[key], digits) for key, (_, digits) in NUMBERS.items()),
            shown(one["ef_labels"], 1),
        )
        for name, one in found.items()
    ]
    note = (
        f"{method.label}, slices lifted into space; end-systole. EF by labels is that of the same "
        "slices. No truth is known of GLS and torsion of these hearts."
    )
    return Table(title=title, header=tuple(header), rows=tuple(lines), note=note)
