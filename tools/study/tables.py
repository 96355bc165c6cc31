"""Tables of a study, once as data and in three ways to write them: Markdown, CSV and HTML."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape
from typing import Any

import numpy as np

from tools.study.config import StudyConfig
from tools.study.statistics import HIGHER_IS_BETTER, Comparison, compare, holm, subject_means

Rows = Sequence[Mapping[str, Any]]
Results = Mapping[str, Rows]  # rows of every method that ran, by its name

# Figure: heading and digits.
FIGURES = {
    "mcd_mm": ("MCD mm", 2),
    "dice": ("Dice", 3),
    "hd95_mm": ("HD95 mm", 2),
    "abs_j_minus_1": ("abs(abs(J) - 1)", 3),
    "fold_fraction": ("folds", 4),
    "area_change_error": ("area-change error", 3),
    "epe_mm": ("wall", 2),
    "epe_inner_mm": ("inner half", 2),
    "epe_outer_mm": ("outer half", 2),
    "epe_scar_mm": ("scar", 2),
    "epe_remote_mm": ("wall beside a scar", 2),
    "ecc_error_points": ("GCS error, points", 2),
    "err_error_points": ("GRS error, points", 1),
}
REAL = ("mcd_mm", "dice", "hd95_mm", "abs_j_minus_1", "fold_fraction", "area_change_error")
OVERLAP = ("mcd_mm", "dice", "hd95_mm", "area_change_error")
TRUTH = (
    *("epe_mm", "epe_inner_mm", "epe_outer_mm", "epe_scar_mm", "epe_remote_mm"),
    *("ecc_error_points", "err_error_points"),
)
NEUTRAL = ("fold_fraction",)
SMALL = 15  # subjects below which a percentile bootstrap is too sure


@dataclass(frozen=True, kw_only=True)
class Table:
    """Text cells under a heading.

    Attributes:
        title: one line.
        header: of the columns.
        rows: cells as text.
        note: what a reader must know; may be empty.
    """

    title: str
    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    note: str = ""

    def markdown(self) -> str:
        """The table in Markdown, its title as a heading."""
        lines = [f"### {self.title}", ""]
        lines += [f"| {' | '.join(self.header)} |", f"| {' | '.join('---' for _ in self.header)} |"]
        lines += [f"| {' | '.join(row)} |" for row in self.rows]
        return "\n".join([*lines, *(["", self.note] if self.note else [])]) + "\n"

    def csv(self) -> str:
        """The table as comma-separated values, without emphasis."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(self.header)
        writer.writerows([c.replace("**", "") for c in row] for row in self.rows)
        return text.getvalue()

    def html(self) -> str:
        """The table for a page, what is in bold in Markdown in bold."""
        head = "".join(f"<th>{escape(c)}</th>" for c in self.header)
        body = "".join(f"<tr>{''.join(_html_cell(c) for c in row)}</tr>" for row in self.rows)
        note = f"<p>{escape(self.note.replace('**', ''))}</p>" if self.note else ""
        return (
            f"<h3>{escape(self.title)}</h3><table><thead><tr>{head}</tr></thead>"
            f"<tbody>{body}</tbody></table>{note}"
        )


def _html_cell(text: str) -> str:
    bold = text.startswith("**") and text.endswith("**") and len(text) > 4
    return f"<td>{'<b>' if bold else ''}{escape(text.strip('*'))}{'</b>' if bold else ''}</td>"


def mean_of(rows: Rows, figure: str) -> float:
    """Mean of a figure over the slices that have it; NaN if none has."""
    values = [float(v) for row in rows if (v := row.get(figure)) is not None and math.isfinite(v)]
    return float(np.mean(values)) if values else float("nan")


def at_level(rows: Rows, level: str) -> Rows:
    """The rows of one level."""
    return [r for r in rows if r["level"] == level]


def count_of(rows: Rows, figure: str) -> int:
    """How many slices have a figure."""
    return sum((v := row.get(figure)) is not None and math.isfinite(v) for row in rows)


def accuracy_table(
    title: str,
    config: StudyConfig,
    results: Results,
    figures: Sequence[str],
    level: str = "",
    neutral: Sequence[str] = NEUTRAL,
) -> Table:
    """Means over slices, the best of every column in bold (``none`` does not compete).

    Args:
        title: of the table.
        config: gives order and labels.
        results: rows by method.
        figures: columns.
        level: only slices of this level; all where empty.
        neutral: columns in which nobody is best.

    Returns:
        The table.
    """
    picked = {n: [r for r in rows if level in ("", r["level"])] for n, rows in results.items()}
    means = {n: {f: mean_of(rows, f) for f in figures} for n, rows in picked.items()}
    known = [f for f in figures if any(math.isfinite(m[f]) for m in means.values())]
    best = {f: best_of(config, means, f) for f in known if f not in neutral}
    lines = []
    for method in config.methods:
        if method.name not in means:
            continue
        values = means[method.name]
        cells = [shown(values[f], FIGURES[f][1]) for f in known]
        marked = [
            f"**{c}**" if method.name in best.get(f, ()) else c
            for c, f in zip(cells, known, strict=True)
        ]
        lines.append((method.label, *marked))
    count = max((len(rows) for rows in picked.values()), default=0)
    having = {f: max(count_of(rows, f) for rows in picked.values()) for f in known}
    fewer = {f: "" if n == count else f" (n = {n})" for f, n in having.items()}
    return Table(
        title=f"{title} (n = {count} slices)",
        header=("method", *(FIGURES[f][0] + fewer[f] for f in known)),
        rows=tuple(lines),
    )


def best_of(
    config: StudyConfig, means: Mapping[str, Mapping[str, float]], figure: str
) -> tuple[str, ...]:
    """Names of the methods that share the best mean to the digits shown."""
    digits = FIGURES[figure][1]
    running = {
        m.name: round(means[m.name][figure], digits)
        for m in config.methods
        if m.method != "identity" and m.name in means and math.isfinite(means[m.name][figure])
    }
    if not running:
        return ()
    first = (max if figure in HIGHER_IS_BETTER else min)(running.values())
    return tuple(name for name, value in running.items() if value == first)


def comparisons(config: StudyConfig, results: Results, figures: Sequence[str]) -> list[Comparison]:
    """Ours against every peer that ran, by subject."""
    found = []
    if config.ours not in results:
        return []
    for peer in config.peers():
        if peer.name not in results:
            continue
        for figure in figures:
            ours, theirs = (subject_means(results[n], figure) for n in (config.ours, peer.name))
            one = compare(ours, theirs, figure, peer.name, config.seed)
            if one is not None:
                found.append(one)
    return found


def statistics_table(title: str, config: StudyConfig, found: Sequence[Comparison]) -> Table:
    """Differences with their confidence intervals and tests, Holm's correction over the table."""
    corrected = holm([c.p for c in found])
    found = [replace(c, p_holm=p) for c, p in zip(found, corrected, strict=True)]
    lines = []
    for one in found:
        heading, digits = FIGURES[one.figure]
        numbers = [f"{v:+.{digits}f}" for v in (one.difference, one.low, one.high)]
        lines.append(
            (
                config.method(one.peer).label,
                f"end-point error, {heading}" if one.figure.startswith("epe") else heading,
                numbers[0],
                f"{numbers[1]} to {numbers[2]}",
                f"{one.p:.2g}",
                f"{one.p_holm:.2g}",
                one.verdict,
            )
        )
    subjects = max((c.n for c in found), default=0)
    note = (
        f"{config.method(config.ours).label} minus the peer, means of {subjects} subjects; "
        "percentile bootstrap over subjects, Wilcoxon signed-rank test, p after Holm over this "
        "table. An interval that holds zero favours nobody."
    )
    if 2 <= subjects <= 7:
        note += f" With {subjects} subjects p cannot fall below {2 ** (1 - subjects):.3f}."
    if subjects < SMALL:
        note += " So few subjects make the bootstrap interval too narrow: read it as a hint."
    header = ("peer", "figure", "ours - peer", "95 % interval", "p", "p (Holm)", "interval favours")
    return Table(title=title, header=header, rows=tuple(lines), note=note)


def places(config: StudyConfig, results: Results, figures: Sequence[str]) -> list[str]:
    """For each column one sentence: who is first, and the place of ours."""
    sentences = []
    running = [m for m in config.methods if m.name in results and m.method != "identity"]
    for figure in figures:
        means = {m.name: {figure: mean_of(results[m.name], figure)} for m in running}
        first = best_of(config, means, figure)
        own = means.get(config.ours, {}).get(figure, float("nan"))
        if not first or not math.isfinite(own):
            continue
        heading, digits = FIGURES[figure]
        heading = f"end-point error, {heading}" if figure.startswith("epe") else heading
        if len(first) == len(means) > 1:
            sentences.append(f"{heading}: all methods alike ({shown(own, digits)}).")
            continue
        if config.ours in first:
            tied = [config.method(n).label for n in first if n != config.ours]
            shared = f", shared with {', '.join(tied)}" if tied else ""
            sentences.append(f"{heading}: ours is **first** ({shown(own, digits)}){shared}.")
            continue
        sign = 1 if figure in HIGHER_IS_BETTER else -1
        ahead = sum(sign * v[figure] > sign * own for v in means.values())
        winner = config.method(first[0]).label
        sentences.append(
            f"{heading}: ours is place {ahead + 1} of {len(means)} ({shown(own, digits)}); first "
            f"is {winner} ({shown(means[first[0]][figure], digits)})."
        )
    return sentences


def shown(value: float, digits: int) -> str:
    """A number as text; a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
