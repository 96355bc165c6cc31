"""Tables of strain, and of errors by how much a heart contracts."""

from __future__ import annotations

import itertools
import math

import numpy as np

from myomotion.core.segments import LEVELS
from tools.study.config import StudyConfig
from tools.study.statistics import Rows
from tools.study.tables import Results, Table, at_level, mean_of, shown

# As published with the paper: peak Err, Ecc in percent.
REFERENCE_STRAINS = {
    "tagged MRI (paper)": {"basal": (23.8, -16.7), "mid": (23.1, -19.6), "apical": (18.7, -20.8)},
    "proposed (paper)": {"basal": (24.5, -16.4), "mid": (33.1, -18.1), "apical": (32.5, -19.7)},
}


def strain_table(title: str, config: StudyConfig, results: Results) -> Table:
    """Peak strain of each level beside the truth, or the published references where it is unknown.

    Args:
        title: of the table.
        config: gives order and labels.
        results: rows by method.

    Returns:
        The table.
    """
    header = ["method"]
    for level in LEVELS:
        header += [f"{level}: Err %", "Ecc %"]
    lines = [
        (method.label, *_strains(results[method.name], ""))
        for method in config.methods
        if method.name in results and method.method != "identity"
    ]
    note = "Green-Lagrange strain of the whole wall on its mesh at end-systole, %, reference ED."
    truth = _strains(next(iter(results.values()), ()), "true_")
    if any(cell != "-" for cell in truth):
        lines.append(("true motion", *truth))
    else:
        for label, strains in REFERENCE_STRAINS.items():
            flat = [shown(v, 1) for level in LEVELS for v in strains[level]]
            lines.append((label, *flat))
        note += (
            " The references are healthy volunteers of the UK Biobank as published with the method "
            "(Qin et al., 2020), not these subjects: closeness to them is no measure of accuracy."
        )
    return Table(title=title, header=tuple(header), rows=tuple(lines), note=note)


def _strains(rows: Rows, prefix: str) -> list[str]:
    """Mean Err and Ecc of every level as text."""
    return [
        shown(mean_of(at_level(rows, level), f"{prefix}{k}_percent"), 1)
        for level in LEVELS
        for k in ("err", "ecc")
    ]


def ratio_table(title: str, config: StudyConfig, results: Results) -> Table | None:
    """End-point error by how much the cavity contracts, in thirds of the slices.

    Args:
        title: of the table.
        config: gives order and labels.
        results: rows by method, with ``area_ratio`` (cavity area ED / ES).

    Returns:
        The table; None where ratios are not known or all the same.
    """
    rows = next(iter(results.values()), ())
    ratios = sorted(r["area_ratio"] for r in rows if math.isfinite(r["area_ratio"]))
    if len(ratios) < 3 or ratios[0] == ratios[-1]:
        return None
    bounds = [float(b) for b in np.quantile(ratios, [0, 1 / 3, 2 / 3, 1])]
    parts = list(itertools.pairwise(bounds))
    lines = []
    for method in config.methods:
        if method.name not in results:
            continue
        cells = [method.label]
        for low, high in parts:
            within = [
                r
                for r in results[method.name]
                if low <= r["area_ratio"] < high or r["area_ratio"] == high == bounds[-1]
            ]
            cells.append(shown(mean_of(within, "epe_mm"), 2))
        lines.append(tuple(cells))
    return Table(
        title=title,
        header=("method", *(f"{low:.2f} to {high:.2f}" for low, high in parts)),
        rows=tuple(lines),
        note="End-point error in the wall, mm, by cavity area at end-diastole over end-systole; "
        "each column a third of the slices.",
    )
