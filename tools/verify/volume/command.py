"""Measure every claim about the lift of tracked slices into space.

python -m tools.verify volume --hearts DIR --stacks DIR --other DIR --groups DIR --output FILE.json

DIR of --hearts: ventricles that the shipped modes were not learned from; of --stacks: pictures of
them; of --other: ventricles of other fibre angles; of --groups: real stacks with labels. Ventricles
that are given by formulas need none of them: --only analytic.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim import claims
from fem_sim.claims import Claim, at_least, at_most
from fem_sim.heart3d.stacks.dataset import made_with, stack_of
from fem_sim.heart3d.stacks.stack import StackSettings
from myomotion.analysis.volume.lift import Data, LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.shape import heart_shape
from myomotion.tracker import Tracker
from tools.verify.folders import Kind, hearts3d, labelled_studies
from tools.verify.volume.analytic import analytic_errors, gls_table, share_of_gls
from tools.verify.volume.hearts import Errors, line, means, true_errors, unseen_jobs
from tools.verify.volume.parts import TURN, Rows, mean_parts, part_tables
from tools.verify.volume.tracked import real_numbers, tracked_errors

FOLDERS: dict[str, Kind] = {
    "hearts": hearts3d,
    "other": hearts3d,
    "material": hearts3d,
    "stacks": labelled_studies,
    "groups": labelled_studies,
}
POINT_MM, TRACKED_POINT_MM = 1.0, 1.5
GLS_POINTS, TORSION, EF_POINTS, TIMES_WORSE = 2.0, 0.3, 3.0, 1.5
SLICES, FRAMES, SECONDS = 10, 30, 20.0
# Wide ranges by group at end-systole: GLS %, torsion degrees/cm. Health: HEARTS of the docs; the
# others: weaker than health, down to hearts that hardly move.
RANGES: Mapping[str, tuple[tuple[float, float], tuple[float, float]]] = {
    "NOR": ((-22.0, -12.0), (1.0, 6.3)),
    "HCM": ((-19.0, -6.0), (0.5, 7.0)),
    "DCM": ((-12.0, -2.0), (-0.5, 3.5)),
    "MINF": ((-15.0, -4.0), (-0.5, 5.0)),
}
BASE_MM, STILL_SHARE = -2.0, 0.5
WITHIN_PERCENT = 50.0
BELIEVING = LiftSettings(radial_mm=1.5, around_mm=1.5, volume=0.15)  # not shipped: docs/volume.md
FOUND_PERCENT = 50.0  # from which on slices say more of GLS than the prior does

Results = dict[str, Any]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the verification."""
    parser.add_argument("--hearts", type=Path, help="simulated ventricles that are unseen")
    parser.add_argument("--stacks", type=Path, help="virtual stacks of them, with pictures")
    parser.add_argument("--other", type=Path, help="ventricles of other fibre angles")
    parser.add_argument("--material", type=Path, help="ventricles of another material")
    parser.add_argument("--groups", type=Path, help="real stacks with labels and groups")
    parser.add_argument("--count", type=int, help="ventricles to take; all by default")
    parser.add_argument(
        "--refine-steps", type=int, default=0, help="of the tracker (default %(default)s)"
    )


def run(options: argparse.Namespace) -> int:
    """Measure the claims that need no folder, and those whose folders are given.

    Args:
        options: see :func:`add_arguments`.

    Returns:
        Exit status: 1 if a claim fails.
    """
    results: Results = {"modes": shipped_modes().provenance}
    groups: dict[str, Callable[[], Iterator[Claim]]] = {
        "analytic": partial(analytic_claims, results)
    }
    if options.hearts:
        groups["true"] = partial(true_claims, options.hearts, options.count, results)
        groups["data"] = partial(data_claims, options.hearts, options.count, results)
        groups["time"] = partial(time_claims, options.hearts, results)
        if options.stacks:
            groups["tracked"] = partial(tracked_claims, options, results)
        if options.other or options.material:
            groups["other"] = partial(other_claims, options, results)
    if options.groups:
        groups["real"] = partial(real_claims, options, results)
    return claims.run(groups, options.output, only=options.only, seed=0, further=results)


def analytic_claims(results: Results) -> Iterator[Claim]:
    """The lift of ventricles that are not of the modes' family, from true motion of the slices."""
    title = "analytic ventricles"
    found = _measured(title, analytic_errors(LiftSettings()), results)
    errors = {name: Errors(**one) for name, one in results[title]["hearts"].items()}
    print(f"\n{gls_table(errors)}\n", flush=True)
    yield from _claims(title, found, POINT_MM)
    over = np.sqrt(np.mean([one.gls_in_spreads**2 for one in errors.values()]))
    note = f"error over uncertainty, root mean square: {over:.2f}"
    share = 100 * found["gls_within"]
    yield at_least(f"{title}: GLS within its own uncertainty", share, WITHIN_PERCENT, "%", note)
    believed = dict(analytic_errors(BELIEVING))
    note = (
        f"with tracks and volume of {BELIEVING.radial_mm:g} mm and {BELIEVING.volume:g}: "
        f"{100 * share_of_gls(believed):.0f} %, GLS {means(believed)['gls']:.1f} points off"
    )
    share = 100 * share_of_gls(errors)
    yield at_least(f"{title}: differences of GLS at one EF found", share, FOUND_PERCENT, "%", note)


def true_claims(hearts: Path, count: int | None, results: Results) -> Iterator[Claim]:
    """The lift where the slices' motion is true."""
    found = _measured("true slices", true_errors(unseen_jobs(hearts, StackSettings())[:count],
                                                 LiftSettings()), results)  # fmt: skip
    yield from _claims("true slices", found, POINT_MM)
    share = found["gls_within"]
    yield at_least("true slices: GLS within its own uncertainty", 100 * share, WITHIN_PERCENT, "%")


def tracked_claims(options: argparse.Namespace, results: Results) -> Iterator[Claim]:
    """The lift where pictures are tracked."""
    settings, seed = made_with(options.stacks, options.hearts)
    jobs = unseen_jobs(options.hearts, settings, seed)[: options.count]
    parts: dict[str, Rows] = {}
    errors = tracked_errors(jobs, options.stacks, _tracker(options), parts)
    found = _measured("tracked slices", errors, results)
    yield from _claims("tracked slices", found, TRACKED_POINT_MM)
    results["tracked slices"]["parts"] = parts
    print(f"\n{part_tables(parts)}\n", flush=True)
    value = mean_parts(parts)[TURN]["point_mm"]
    yield at_most("tracked slices, their turn true: end points", value, TRACKED_POINT_MM, "mm")


def other_claims(options: argparse.Namespace, results: Results) -> Iterator[Claim]:
    """Ventricles of fibre angles or of a material beyond those that the modes know."""
    chosen = LiftSettings()
    known = means(dict(true_errors(unseen_jobs(options.hearts, StackSettings()), chosen)))
    for title, folder in (("other fibres", options.other), ("other material", options.material)):
        if not folder:
            continue
        jobs = unseen_jobs(folder, StackSettings())[: options.count]
        found = _measured(title, true_errors(jobs, chosen), results)
        for name in ("point_mm", "gls", "torsion", "ejection_fraction"):
            note = f"{found[name]:.2f} against {known[name]:.2f}"
            times = found[name] / known[name]
            yield at_most(f"{title}: error of {name}", times, TIMES_WORSE, "times", note)


def data_claims(hearts: Path, count: int | None, results: Results) -> Iterator[Claim]:
    """What tracked motion is best taken for."""
    jobs = unseen_jobs(hearts, StackSettings())[:count]
    points = {}
    for data in Data:
        chosen = replace(LiftSettings(), data=data)
        found = means(dict(true_errors(jobs, chosen)))
        results[f"data {data.name}"] = found
        points[data] = found["point_mm"]
        print(f"  {data.name}: {data.value}: {found['point_mm']:.2f} mm", flush=True)
    others = min(value for data, value in points.items() if data is not Data.LINE)
    yield at_most("lines of tissue against the best other reading", points[Data.LINE] / others, 1.0)


def time_claims(hearts: Path, results: Results) -> Iterator[Claim]:
    """A stack of ten slices and thirty frames, from tracks to motion in space."""
    stack, _ = stack_of(unseen_jobs(hearts, StackSettings(distance=8.0))[0])
    if len(stack.levels) < SLICES:
        raise ValueError(f"the first heart has {len(stack.levels)} slices, fewer than {SLICES}")
    moves = stack.moves[np.arange(FRAMES) % len(stack.seen)][:, :SLICES]
    began = time.perf_counter()
    shape = heart_shape(stack.levels[:SLICES].tolist(), stack.contours[:SLICES])
    lift(shape, Tracks(levels=shape.levels, moves=moves, trust=np.ones(SLICES)), shipped_modes())
    seconds = time.perf_counter() - began
    results["seconds"] = seconds
    yield at_most(f"{SLICES} slices x {FRAMES} frames, tracks to motion", seconds, SECONDS, "s")


def real_claims(options: argparse.Namespace, results: Results) -> Iterator[Claim]:
    """Real stacks: longitudinal shortening and torsion by group; the base descends."""
    table: dict[str, dict[str, Any]] = {}
    for name, found in real_numbers(options.groups, _tracker(options)):
        table[name] = found
        results["real"] = table
        if "gls_percent" not in found:
            print(f"  {name} ({found['group']}): {found['not_computed_because']}", flush=True)
            continue
        print(
            f"  {name} ({found['group']}): GLS {found['gls_percent']:.1f} ± "
            f"{found['gls_uncertainty']:.1f} %, torsion {found['torsion_degrees_per_cm']:.2f} "
            f"degrees/cm, EF {found['ef_percent']:.0f} %, base {found['base_mm']:+.1f} mm, "
            f"apex {found['apex_mm']:+.1f} mm",
            flush=True,
        )
    known = {name: found for name, found in table.items() if "gls_percent" in found}
    inside: dict[str, list[bool]] = {"gls": [], "torsion": [], "base": [], "apex": []}
    for found in known.values():
        gls, torsion = RANGES[found["group"]]
        inside["gls"].append(gls[0] <= found["gls_percent"] <= gls[1])
        inside["torsion"].append(torsion[0] <= found["torsion_degrees_per_cm"] <= torsion[1])
        inside["base"].append(found["base_mm"] <= BASE_MM)
        inside["apex"].append(abs(found["apex_mm"]) <= STILL_SHARE * abs(found["base_mm"]))
    number = float(len(table))
    for key, about in (
        ("gls", "real stacks: GLS in the range of their group"),
        ("torsion", "real stacks: torsion in the range of their group"),
        ("base", f"real stacks: base descends by {-BASE_MM:g} mm or more"),
        ("apex", "real stacks: apex moves half as much at the most"),
    ):
        yield at_least(about, float(sum(inside[key])), number, f"of {number:.0f}")


def _tracker(options: argparse.Namespace) -> Tracker:
    return Tracker(volume=True, refine_steps=options.refine_steps, label_ed="file", tissues=False)


def _measured(
    title: str, errors: Iterator[tuple[str, Errors]], results: Results
) -> dict[str, float]:
    """Means, each ventricle printed and noted as it comes."""
    single: dict[str, Errors] = {}
    for name, found in errors:
        single[name] = found
        print(line(name, found), flush=True)
    if not single:
        raise ValueError(f"{title}: no ventricle could be lifted")
    found_means = means(single)
    results[title] = {
        "mean": found_means,
        "hearts": {name: asdict(one) for name, one in single.items()},
    }
    return found_means


def _claims(title: str, found: Mapping[str, float], point: float) -> Iterator[Claim]:
    note = f"tracks alone {found['plane_only_mm']:.2f} mm; through {found['through_mm']:.2f} mm"
    yield at_most(f"{title}: end points in space", found["point_mm"], point, "mm", note)
    note = f"mean {found['gls_bias']:+.1f}"
    yield at_most(f"{title}: GLS, mean error", found["gls"], GLS_POINTS, "points", note)
    yield at_most(f"{title}: torsion, mean error", found["torsion"], TORSION, "deg/cm")
    value = found["ejection_fraction"]
    yield at_most(f"{title}: ejection fraction, mean error", value, EF_POINTS, "points")
