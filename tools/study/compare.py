"""A whole study: every method on every data set, then tables, figures, film and claims."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from fem_sim.claims import Claim
from myomotion.core.segments import LEVELS
from myomotion.tracker import inference_parts
from tools.study.claims import (
    TIME_GROUP,
    best_peer_claims,
    first_claims,
    lead_claims,
    lead_group,
    time_claims,
    unlabelled_claims,
)
from tools.study.config import Method, StudyConfig
from tools.study.equal import equal_comparisons, equal_table, matched_pairs
from tools.study.figures import alpha_figure, cycle_figure, pareto_figure, tradeoff_figure
from tools.study.lift import lift_table, lifted
from tools.study.motion_tables import ratio_table, strain_table
from tools.study.prepared import ALL, prepared
from tools.study.runs import Runner, runnable
from tools.study.selection import candidates
from tools.study.sources import DataSet
from tools.study.tables import (
    MEASURES_AGAINST_LABELS,
    MEASURES_AGAINST_TRUTH,
    MEASURES_OF_THE_CAVITY,
    MEASURES_WITHOUT_TRUTH,
    UNKNOWN,
    UNRANKED_MEASURES,
    Results,
    Table,
    accuracy_table,
    comparisons,
    group_table,
    groups_of,
    mean_of,
    places,
    statistics_table,
)
from tools.study.timing import Times, time_remarks, time_table
from tools.study.training import train_missing
from tools.study.transfer import transfer_table

MEASURES_OF_REAL = (*MEASURES_WITHOUT_TRUTH, *MEASURES_OF_THE_CAVITY)
GROUP_MEASURES = ("mcd_mm", "dice", *MEASURES_OF_THE_CAVITY)
VIRTUAL_MEASURES = ("epe_mm", "ecc_error_points", "err_error_points")
Matched = Mapping[str, list[dict[str, Any]] | None]


@dataclass
class Findings:
    """What a study has found.

    Attributes:
        tables: in their order.
        remarks: heading to sentences.
        figures: name without ending to caption and figure.
        films: the same for GIFs.
        claims: what must be shown, by group.
        scored: data set to rows by method.
    """

    tables: list[Table] = field(default_factory=list)
    remarks: dict[str, list[str]] = field(default_factory=dict)
    figures: dict[str, tuple[str, Figure]] = field(default_factory=dict)
    films: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    claims: dict[str, Callable[[], Iterable[Claim]]] = field(default_factory=dict)
    scored: dict[str, Results] = field(default_factory=dict)


def run_study(
    config: StudyConfig,
    sets: Sequence[DataSet],
    output: Path,
    progress: bool = True,
    workers: int = 1,
) -> Findings:
    """Train and run what is missing, and compare.

    Args:
        config: what to compare.
        sets: on which data.
        output: receives the folder ``cache``.
        progress: show progress bars.
        workers: processes.

    Returns:
        The findings.
    """
    folders = {s.name: s.folder for s in sets}
    untrained = train_missing((*config.methods, *config.transfer), folders, progress)
    methods, skipped = runnable(config.methods)
    runner = Runner(output / "cache", progress, workers)
    found = Findings()
    times = runner.times(methods, sets[0].given[0]) if config.time else {}
    for data in sets:
        skipped += [f"{data.name}: {sentence}" for sentence in data.refused]
        chosen = [m for m in methods if m.on in ("", data.kind)]
        results = _named(runner.rows(data.name, chosen, data.studies), config)
        found.scored[data.name] = results
        found.tables += _accuracy(data, config, results)
        if not data.virtual:
            matched = _volume(data, config, runner, methods, results, found)
            _lift(data, config, runner, found, skipped)
            claims = partial(_real_claims, data, config, results, matched)
        else:
            claims = partial(_virtual_claims, data, config, results)
        found.claims[lead_group(data.name)] = claims
        found.tables += _inference(data, config, results)
        heading = f"Where ours is first, {data.name} cines"
        known = (*MEASURES_AGAINST_TRUTH, *MEASURES_AGAINST_LABELS)
        ranked = known if data.virtual else MEASURES_OF_REAL
        found.remarks[heading] = places(config, results, ranked)
        _film(data, config, runner, methods, found)
    _cycles(sets, config, runner, methods, found)
    skipped += _transfer(sets, config, runner, found)
    if times:
        found.tables.append(time_table(config, times))
        found.figures["pareto"] = ("Accuracy against time", _pareto(sets, config, times, found))
    found.claims[TIME_GROUP] = partial(time_claims, config, times)
    found.remarks["Time"] = time_remarks(times)
    found.remarks["Not run"] = [*untrained, *skipped, *runner.failed]
    return found


def _named(results: dict[str, list[dict[str, Any]]], config: StudyConfig) -> Results:
    """Rows with the groups that the configuration knows."""
    known = {name: group for group, names in config.groups.items() for name in names}
    return {
        method: [
            {**row, "group": known.get(row["study"], UNKNOWN)}
            if row.get("group", UNKNOWN) == UNKNOWN
            else row
            for row in rows
        ]
        for method, rows in results.items()
    }


def _real_claims(
    data: DataSet, config: StudyConfig, results: Results, matched: Matched
) -> Iterator[Claim]:
    yield from lead_claims(data.name, config, results, matched)
    yield from best_peer_claims(data.name, config, results)
    for method in ("network", config.ours):
        measures = [m for m in ("mcd_mm", "dice", "cavity_dice") if _anybody_has(results, m)]
        yield from first_claims(data.name, config, results, method, measures)
    yield from unlabelled_claims(data.name, config, results)


def _virtual_claims(data: DataSet, config: StudyConfig, results: Results) -> Iterator[Claim]:
    yield from first_claims(data.name, config, results, config.ours, VIRTUAL_MEASURES)


def _anybody_has(results: Results, measure: str) -> bool:
    return any(math.isfinite(mean_of(rows, measure)) for rows in results.values())


def _accuracy(data: DataSet, config: StudyConfig, results: Results) -> list[Table]:
    # True hearts and virtual ones change their area: where the truth is known, it alone counts.
    neutral = (*UNRANKED_MEASURES, "abs_j_minus_1") if data.virtual else UNRANKED_MEASURES
    title = f"{data.name} cines"
    measures = MEASURES_WITHOUT_TRUTH if data.virtual else MEASURES_OF_REAL
    found = [accuracy_table(title, config, results, measures, neutral=neutral)]
    if groups_of(results):
        found += [
            group_table(title, config, results, measure)
            for measure in (VIRTUAL_MEASURES if data.virtual else GROUP_MEASURES)
            if _anybody_has(results, measure)
        ]
    if data.virtual:
        known = "against their known motion: end-point error in mm, strain errors"
        found.append(accuracy_table(f"{title} {known}", config, results, MEASURES_AGAINST_TRUTH))
        by_ratio = ratio_table(f"{title} by area ratio", config, results)
        found += [by_ratio] if by_ratio else []
    found += [
        accuracy_table(f"{title}, {level}", config, results, measures, level, neutral)
        for level in LEVELS
        if any(row["level"] == level for rows in results.values() for row in rows)
    ]
    if data.trained and data.held_out:
        unseen = _held_out(data, results)
        title = f"{title}, subjects on whom nothing was chosen"
        found.append(accuracy_table(title, config, unseen, measures, neutral=neutral))
    return found


def _held_out(data: DataSet, results: Results) -> dict[str, list[Mapping[str, Any]]]:
    return {n: [r for r in rows if r["study"] not in data.trained] for n, rows in results.items()}


def _inference(data: DataSet, config: StudyConfig, results: Results) -> list[Table]:
    found = [strain_table(f"{data.name} cines, peak strain", config, results)]
    tested = tuple(f for f in MEASURES_WITHOUT_TRUTH if f != "fold_fraction")
    if not data.virtual and not _anybody_has(results, "mcd_mm"):
        tested = ("cavity_dice", "ejected_error", "abs_j_minus_1")
    if data.virtual:
        tested = ("mcd_mm", "dice", "epe_mm", "epe_scar_mm", "ecc_error_points", "err_error_points")
    pairs = comparisons(config, results, tested)
    if pairs:
        title = f"{data.name} cines, ours against each peer"
        found.append(statistics_table(title, config, pairs))
    return found


def _volume(
    data: DataSet,
    config: StudyConfig,
    runner: Runner,
    methods: Sequence[Method],
    results: Results,
    found: Findings,
) -> Matched:
    """Contours against volume preservation: sweeps of ours and of the peers."""
    if not _anybody_has(results, "mcd_mm"):
        return {}
    ran = runner.rows(f"{data.name}, alpha", list(config.alpha.values()), data.studies)
    named = _named(ran, config)
    by_weight = {w: named[m.name] for w, m in config.alpha.items() if m.name in named}
    swept: dict[str, Mapping[Any, Any]] = {config.ours: by_weight} if by_weight else {}
    for method in methods:
        tried = candidates(method)
        if tried:
            rows = runner.rows(f"{data.name}, {method.name}", list(tried.values()), data.studies)
            swept[method.name] = {v: rows[m.name] for v, m in tried.items() if m.name in rows}
    figure = tradeoff_figure(config, swept, results, f"{data.name} cines")
    caption = f"Contours against volume preservation, {data.name} cines"
    found.figures[f"tradeoff_{data.name}"] = (caption, figure)
    matched = matched_pairs(config, results, by_weight) if by_weight else {}
    if not by_weight:
        return matched
    shipped = float(inference_parts()["refine_alpha"])
    caption = f"Weight of the regulariser, {data.name} cines"
    found.figures[f"alpha_{data.name}"] = (caption, alpha_figure(by_weight, shipped))
    title = f"{data.name} cines at equal abs(abs(J) - 1)"
    found.tables.append(equal_table(title, config, results, matched))
    pairs = equal_comparisons(config, results, matched)
    if pairs:
        found.tables.append(statistics_table(f"{title}, ours against each peer", config, pairs))
    return matched


def _lift(
    data: DataSet, config: StudyConfig, runner: Runner, found: Findings, skipped: list[str]
) -> None:
    """Motion in space, where there is a stack."""
    if not config.lift:
        return
    method = config.method(config.lift)
    frames = {"frames": config.cines.get("frames", ALL)}
    stacks = prepared(data.given, frames, runner.folder / "stacks" / data.name)
    numbers, refused = lifted(method, stacks, runner.folder)
    skipped += [f"{data.name}, {sentence}" for sentence in refused]
    if numbers:
        found.tables.append(lift_table(f"{data.name} stacks in space", method, numbers))


def _film(
    data: DataSet, config: StudyConfig, runner: Runner, methods: Sequence[Method], found: Findings
) -> None:
    shown = _ran(config.moving, data, methods, found)
    if shown:
        caption = f"Tracked contours, {data.name} cines: {data.studies[0]['name']}"
        found.films[f"moving_{data.name}"] = (caption, runner.film(shown, data.studies[0]))


def _ran(
    names: Sequence[str], data: DataSet, methods: Sequence[Method], found: Findings
) -> list[Method]:
    return [m for m in methods if m.name in names and m.name in found.scored[data.name]]


def _cycles(
    sets: Sequence[DataSet],
    config: StudyConfig,
    runner: Runner,
    methods: Sequence[Method],
    found: Findings,
) -> None:
    curves = {}
    for data in sets:
        followed = _ran(config.cycle, data, methods, found)
        if followed:
            studies = data.studies[: config.cycle_studies]
            curves[f"{data.name} cines"] = runner.curves(data.name, followed, studies)
    labels = {m.name: m.label for m in methods} | {"truth": "true motion"}
    if curves:
        figure = cycle_figure(curves, labels)
        found.figures["jacobian_cycle"] = ("J across the cycle", figure)


def _transfer(
    sets: Sequence[DataSet], config: StudyConfig, runner: Runner, found: Findings
) -> list[str]:
    """Networks on cases from which none has learned, whatever they were trained on."""
    methods, skipped = runnable(config.transfer)
    for data in sets if methods else ():
        results = runner.rows(f"{data.name}, transfer", methods, data.held_out)
        title = f"transfer: tested on {data.name} cines"
        found.tables.append(transfer_table(title, data.name, methods, results))
    return skipped


def _pareto(sets: Sequence[DataSet], config: StudyConfig, times: Times, found: Findings) -> Figure:
    panels = []
    for data in sets:
        results = found.scored[data.name]
        measure = ("mcd_mm", "MCD, mm")
        if data.virtual:
            measure = ("epe_mm", "end-point error in the wall, mm")
        elif not _anybody_has(results, "mcd_mm"):  # the cavity alone is labelled
            measure = ("ejected_error", "error of the ejected share")
        panels.append((f"{data.name} cines", results, *measure))
    return pareto_figure(config, times, panels)
