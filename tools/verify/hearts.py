"""Claims about hearts of every kind: real ones by disease group, another vendor, virtual ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_least, at_most, not_run
from myomotion.errors import InputError
from tools.evaluate.__main__ import evaluate, table_line
from tools.evaluate.scores import statistics_by, statistics_of

#: Subjects on which settings may be chosen; the others are for the report.
SELECTION = (
    *("patient001", "patient002", "patient003", "patient006"),
    *("patient021", "patient061", "patient042", "SCD0000101", "SCD0000201"),
)
#: Dilated, failing hearts whose info.json does not say so.
FAILING = tuple(f"patient{n:03d}" for n in (1, 2, 3, 4, 8, 9))
OURS = ("network", "refined")
PEERS = ("demons", "syn", "ffd")
Rows = list[dict[str, Any]]
# Group, figure, limits of network and refined (None: not asked for), whether more is better.
LIMITS: tuple[tuple[str, str, tuple[float | None, float | None], bool], ...] = (
    ("NOR", "dice", (0.86, 0.88), True),
    ("NOR", "mcd_mm", (1.2, 0.95), False),
    ("HCM", "dice", (0.86, 0.88), True),
    ("HCM", "mcd_mm", (1.2, 0.95), False),
    ("DCM", "dice", (0.874, 0.880), True),
    ("DCM", "mcd_mm", (1.05, 0.98), False),
)


def scored(folders: Sequence[Path], method: str, **changes: Any) -> Rows:
    """Slices at a quarter, half and three quarters of every study, groups named.

    Args:
        folders: of studies.
        method: see :func:`tools.evaluate.methods.make_tracker`.
        changes: see :func:`tools.evaluate.__main__.evaluate`.

    Returns:
        What :func:`tools.evaluate.scores.score_study` gives; nothing of folders that have no study
        to score.
    """
    rows: Rows = []
    for folder in folders:
        try:
            rows += evaluate(folder, method, thirds=True, **changes)["slices"]
        except InputError:
            continue
    for row in rows:
        if row["study"] in FAILING and row["group"] == "-":
            row["group"] = "DCM"
    return rows


def group_claims(folders: Sequence[Path], results: dict[str, Any]) -> Iterator[Claim]:
    """Accuracy by disease group, end-systole to end-diastole.

    Args:
        folders: of real studies with labels at both phases.
        results: receives the statistics of every method by group.
    """
    found = {method: scored(folders, method) for method in ("identity", "demons", *OURS)}
    for method, rows in found.items():
        groups = statistics_by(rows, "group")
        results[f"groups, {method}"] = {**statistics_of(rows), "groups": groups, "slices": rows}
        for group, part in groups.items():
            print(table_line({"method": f"{method}, {group}", **part}), flush=True)
    for number, method in enumerate(OURS):
        rows = found[method]
        for group, figure, limits, more in LIMITS:
            limit = limits[number]
            own = [row for row in rows if row["group"] == group]
            if limit is not None and own:
                check = at_least if more else at_most
                note = _others(own, figure)
                yield check(f"{group}, {method}: {figure}", _mean(own, figure), limit, "", note)
        yield from _whole_claims(rows, method, (0.06, 0.04)[number])
    yield from _infarct_claims(folders, found)


def _whole_claims(rows: Rows, method: str, limit: float) -> Iterator[Claim]:
    """The cavity's ejected share, circumferential strain and folds over all groups."""
    name = f"all groups, {method}"
    yield at_most(
        f"{name}: ejected share of the cavity, mean error",
        _mean(rows, "ejected_error"),
        limit,
        "",
        _others(rows, "ejected_error"),
    )
    yield at_most(
        f"{name}: Ecc against the labels' contours, mean error",
        _mean(rows, "ecc_labels_error_points"),
        1.5,
        "points",
        _others(rows, "ecc_labels_error_points"),
    )
    bias = {g: p["mean"].get("ecc_bias_points") for g, p in statistics_by(rows, "group").items()}
    known = {group: value for group, value in bias.items() if value is not None}
    worst = max(known, key=lambda group: abs(known[group]))
    note = ", ".join(f"{group} {value:+.1f}" for group, value in known.items())
    yield at_most(f"{name}: largest bias of a group's Ecc", abs(known[worst]), 1.0, "points", note)
    yield at_most(f"{name}: folds", max(r["fold_fraction"] for r in rows if _known(r)), 0)


def _infarct_claims(folders: Sequence[Path], found: Mapping[str, Rows]) -> Iterator[Claim]:
    """Ahead of the best peer on the infarcted heart."""
    names = sorted({row["study"] for row in found["network"] if row["group"] == "MINF"})
    if not names:
        return
    peers = {}
    for peer in PEERS:
        rows = scored(folders, peer, only=names)
        if rows:
            peers[peer] = _mean(rows, "mcd_mm")
        else:
            yield not_run(f"MINF, ahead of {peer}", "-", "the peer is not installed")
    for method in OURS:
        own = _mean([row for row in found[method] if row["group"] == "MINF"], "mcd_mm")
        for peer, value in peers.items():
            note = f"{own:.2f} and {value:.2f} mm"
            yield at_most(f"MINF, {method}: MCD less that of {peer}", own - value, 0, "mm", note)


def vendor_claims(folder: Path, results: dict[str, Any]) -> Iterator[Claim]:
    """The moved cavity at end-systole on another vendor's cines, all labelled slices.

    Args:
        folder: of studies whose end-systolic labels may be of the cavity alone.
        results: receives what was found.
    """
    for method in ("identity", *OURS):
        result = evaluate(folder, method)
        results[f"other vendor, {method}"] = result
        print(table_line({**result, "method": method}), flush=True)
        if method in OURS:
            value, note = result["mean"]["cavity_dice"], _others(result["slices"], "cavity_dice")
            yield at_least(f"other vendor, {method}: Dice of the cavity", value, 0.88, "", note)


def _known(row: Mapping[str, Any]) -> bool:
    return bool(np.isfinite(row["fold_fraction"]))


def _mean(rows: Sequence[Mapping[str, Any]], figure: str) -> float:
    values = np.array([row[figure] for row in rows], float)
    return float(np.nanmean(values)) if np.isfinite(values).any() else float("nan")


def _others(rows: Sequence[Mapping[str, Any]], figure: str) -> str:
    """The mean over the subjects on which nothing was chosen."""
    others = [row for row in rows if row["study"] not in SELECTION]
    if not others:
        return "settings were chosen on these subjects"
    return f"subjects on which nothing was chosen: {_mean(others, figure):.3f}"
