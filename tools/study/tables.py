"""Tables of a study: what they hold, as text, and their words in Markdown."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from tools.study.config import StudyConfig
from tools.study.statistics import HIGHER_IS_BETTER, Comparison, Rows, compare_rows, holm

UNKNOWN = "-"  # group of a heart of which nothing is said

Results = Mapping[str, Rows]  # rows of every method that ran, by its name

# Measure: heading and digits.
HEADINGS = {
    "mcd_mm": ("MCD mm", 2),
    "dice": ("Dice", 3),
    "hd95_mm": ("HD95 mm", 2),
    "abs_j_minus_1": ("abs(abs(J) - 1)", 3),
    "fold_fraction": ("folds", 4),
    "area_change_error": ("area-change error", 3),
    "cavity_dice": ("Dice of the moved cavity", 3),
    "ejected_error": ("error of the ejected share", 3),
    "ecc_labels_error_points": ("Ecc error against contours, points", 2),
    "epe_mm": ("wall", 2),
    "epe_inner_mm": ("inner half", 2),
    "epe_outer_mm": ("outer half", 2),
    "epe_scar_mm": ("scar", 2),
    "epe_remote_mm": ("wall beside a scar", 2),
    "ecc_error_points": ("GCS error, points", 2),
    "err_error_points": ("GRS error, points", 1),
}
MEASURES_WITHOUT_TRUTH = (
    *("mcd_mm", "dice", "hd95_mm"),
    *("abs_j_minus_1", "fold_fraction", "area_change_error"),
)
MEASURES_OF_THE_CAVITY = ("cavity_dice", "ejected_error", "ecc_labels_error_points")
MEASURES_AGAINST_LABELS = ("mcd_mm", "dice", "hd95_mm", "area_change_error")
MEASURES_AGAINST_TRUTH = (
    *("epe_mm", "epe_inner_mm", "epe_outer_mm", "epe_scar_mm", "epe_remote_mm"),
    *("ecc_error_points", "err_error_points"),
)
UNRANKED_MEASURES = ("fold_fraction",)
SUBJECTS_FOR_A_BOOTSTRAP = 15  # with fewer a percentile bootstrap is too sure


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

    def plain_rows(self) -> list[list[str]]:
        """Cells without emphasis."""
        return [[cell.replace("**", "") for cell in row] for row in self.rows]


def mean_of(rows: Rows, measure: str) -> float:
    """Mean of a measure over the slices that have it; NaN if none has."""
    values = [float(v) for row in rows if (v := row.get(measure)) is not None and math.isfinite(v)]
    return float(np.mean(values)) if values else float("nan")


def at_level(rows: Rows, level: str) -> Rows:
    """The rows of one level."""
    return [r for r in rows if r["level"] == level]


def in_group(rows: Rows, group: str) -> Rows:
    """The rows of one group of hearts."""
    return [r for r in rows if r.get("group", UNKNOWN) == group]


def groups_of(results: Results) -> list[str]:
    """Known groups in rows, in the order of their names; none where all hearts are of one."""
    found = {str(r.get("group", UNKNOWN)) for rows in results.values() for r in rows}
    return sorted(found - {UNKNOWN}) if len(found) > 1 else []


def count_of(rows: Rows, measure: str) -> int:
    """How many slices have a measure."""
    return sum((v := row.get(measure)) is not None and math.isfinite(v) for row in rows)


def accuracy_table(
    title: str,
    config: StudyConfig,
    results: Results,
    measures: Sequence[str],
    level: str = "",
    neutral: Sequence[str] = UNRANKED_MEASURES,
) -> Table:
    """Means over slices, the best of every column in bold (``none`` does not compete).

    Args:
        title: of the table.
        config: gives order and labels.
        results: rows by method.
        measures: columns.
        level: only slices of this level; all where empty.
        neutral: columns in which nobody is best.

    Returns:
        The table.
    """
    picked = {n: [r for r in rows if level in ("", r["level"])] for n, rows in results.items()}
    means = {n: {f: mean_of(rows, f) for f in measures} for n, rows in picked.items()}
    known = [f for f in measures if any(math.isfinite(m[f]) for m in means.values())]
    best = {f: best_of(config, means, f) for f in known if f not in neutral}
    lines = []
    for method in config.methods:
        if method.name not in means:
            continue
        values = means[method.name]
        cells = [shown(values[f], HEADINGS[f][1]) for f in known]
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
        header=("method", *(HEADINGS[f][0] + fewer[f] for f in known)),
        rows=tuple(lines),
    )


def group_table(title: str, config: StudyConfig, results: Results, measure: str) -> Table:
    """Means of one measure over the slices of each group of hearts, the best of each in bold.

    Args:
        title: of the table.
        config: gives order and labels.
        results: rows by method.
        measure: which one.

    Returns:
        One row a method, one column a group.
    """
    heading, digits = HEADINGS[measure]
    columns, header = [], ["method"]
    running = [m for m in config.methods if m.name in results]
    for group in groups_of(results):
        parts = {m.name: in_group(results[m.name], group) for m in running}
        means = {name: {measure: mean_of(rows, measure)} for name, rows in parts.items()}
        first = best_of(config, means, measure)
        cells = {name: shown(mean[measure], digits) for name, mean in means.items()}
        columns.append({n: f"**{c}**" if n in first else c for n, c in cells.items()})
        subjects = len({r["study"] for rows in parts.values() for r in rows})
        header.append(f"{group} ({subjects})")
    lines = [(m.label, *(column[m.name] for column in columns)) for m in running]
    name = f"end-point error, {heading}, mm" if measure.startswith("epe") else heading
    note = "Means over slices; in brackets how many subjects."
    return Table(
        title=f"{title} by group: {name}", header=tuple(header), rows=tuple(lines), note=note
    )


def best_of(
    config: StudyConfig, means: Mapping[str, Mapping[str, float]], measure: str
) -> tuple[str, ...]:
    """Names of the methods that share the best mean to the digits shown."""
    digits = HEADINGS[measure][1]
    running = {
        m.name: round(means[m.name][measure], digits)
        for m in config.methods
        if m.method != "identity" and m.name in means and math.isfinite(means[m.name][measure])
    }
    if not running:
        return ()
    first = (max if measure in HIGHER_IS_BETTER else min)(running.values())
    return tuple(name for name, value in running.items() if value == first)


def comparisons(config: StudyConfig, results: Results, measures: Sequence[str]) -> list[Comparison]:
    """Ours against every peer that ran, by subject."""
    ours = results.get(config.ours, ())
    return [
        one
        for peer in config.peers()
        for one in compare_rows(ours, results.get(peer.name, ()), measures, peer.name, config.seed)
    ]


def statistics_table(title: str, config: StudyConfig, found: Sequence[Comparison]) -> Table:
    """Differences with their confidence intervals and tests, Holm's correction over the table."""
    corrected = holm([c.p for c in found])
    found = [replace(c, p_holm=p) for c, p in zip(found, corrected, strict=True)]
    lines = []
    for one in found:
        heading, digits = HEADINGS[one.measure]
        numbers = [f"{v:+.{digits}f}" for v in (one.difference, one.low, one.high)]
        lines.append(
            (
                config.method(one.peer).label,
                f"end-point error, {heading}" if one.measure.startswith("epe") else heading,
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
    if subjects < SUBJECTS_FOR_A_BOOTSTRAP:
        note += " So few subjects make the bootstrap interval too narrow: read it as a hint."
    header = ("peer", "figure", "ours - peer", "95 % interval", "p", "p (Holm)", "interval favours")
    return Table(title=title, header=header, rows=tuple(lines), note=note)


def places(config: StudyConfig, results: Results, measures: Sequence[str]) -> list[str]:
    """For each column one sentence: who is first, and the place of ours."""
    sentences = []
    running = [m for m in config.methods if m.name in results and m.method != "identity"]
    for measure in measures:
        means = {m.name: {measure: mean_of(results[m.name], measure)} for m in running}
        first = best_of(config, means, measure)
        own = means.get(config.ours, {}).get(measure, float("nan"))
        if not first or not math.isfinite(own):
            continue
        heading, digits = HEADINGS[measure]
        heading = f"end-point error, {heading}" if measure.startswith("epe") else heading
        if len(first) == len(means) > 1:
            sentences.append(f"{heading}: all methods alike ({shown(own, digits)}).")
            continue
        if config.ours in first:
            tied = [config.method(n).label for n in first if n != config.ours]
            shared = f", shared with {', '.join(tied)}" if tied else ""
            sentences.append(f"{heading}: ours is **first** ({shown(own, digits)}){shared}.")
            continue
        sign = 1 if measure in HIGHER_IS_BETTER else -1
        ahead = sum(sign * v[measure] > sign * own for v in means.values())
        winner = config.method(first[0]).label
        sentences.append(
            f"{heading}: ours is place {ahead + 1} of {len(means)} ({shown(own, digits)}); first "
            f"is {winner} ({shown(means[first[0]][measure], digits)})."
        )
    return sentences


def shown(value: float, digits: int) -> str:
    """A number as text; a dash where there is none."""
    return f"{value:.{digits}f}" if math.isfinite(value) else "-"
