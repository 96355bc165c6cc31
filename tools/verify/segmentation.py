"""Measure every claim about contours that are drawn without a user: real and virtual hearts, cost.

python -m tools.verify segmentation --groups DIR DIR --other-vendor DIR --virtual DIR \
    --output FILE.json
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim import claims
from fem_sim.claims import Claim, at_least, at_most
from myomotion.analysis.ventricles import VentricleSegmenter
from myomotion.io.built_in.cines import studies_of
from myomotion.io.cine import Cine, read_cine
from myomotion.io.codes import CAVITY, MYOCARDIUM
from myomotion.tracker import Tracker
from myomotion.transforms.contours import without_labels
from tools.evaluate.contours import FOUND_WITHIN_MM, WEIGHTS, evaluate_contours, lines, means
from tools.verify.folders import Kind, labelled_studies, virtual_cines
from tools.verify.hearts import SELECTION
from tools.verify.over_time import tracked_claims
from tools.verify.whereabouts import CHANGES

# Figure, least Dice on ACDC, on another vendor (None: not asked for), on virtual hearts.
DICE_LIMITS: tuple[tuple[str, float | None, float | None], ...] = (
    ("myocardium_ed", 0.86, 0.80),
    ("myocardium_es", 0.87, None),
    ("cavity_ed", 0.92, 0.90),
    ("cavity_es", 0.86, 0.82),
    ("rv_ed", 0.80, None),
)
VIRTUAL_DICE = 0.95
EF_POINTS, VIRTUAL_EF_POINTS = 4.0, 1.5
# Least Dice of tracked contours at end-systole: of real hearts, of another vendor, of virtual ones.
REAL_TRACKED: dict[str, float | None] = {"myocardium": 0.87, "cavity": 0.86}
VENDOR_TRACKED: dict[str, float | None] = {"myocardium": None, "cavity": 0.82}
VIRTUAL_TRACKED: dict[str, float | None] = dict.fromkeys(REAL_TRACKED, VIRTUAL_DICE)
FRAMES_APART = 1  # allowed between a frame found and one labelled
FOLDERS: dict[str, Kind] = {
    "groups": labelled_studies,
    "other_vendor": labelled_studies,
    "virtual": virtual_cines,
}

Results = dict[str, Any]


def real_claims(folders: Sequence[Path], results: Results) -> Iterator[Claim]:
    """Overlap and function on real hearts with labels of every structure.

    Args:
        folders: of studies with labels at both phases.
        results: receives what was found.
    """
    studies = [study for folder in folders for study in studies_of(folder)]
    found = evaluate_contours(studies)
    results["groups"] = found
    print("\n".join(lines(found)), flush=True)
    for figure, limit, _ in DICE_LIMITS:
        name = f"dice_{figure}"
        if limit is not None and name in found["mean"]:
            yield at_least(f"real: {name}", found["mean"][name], limit, "", _others(found, name))
    apex = found["levels"]["apical"]
    values = [apex[f"dice_myocardium_{p}"] for p in ("ed", "es")]
    yield at_least("real, apical thirds: dice_myocardium", float(np.mean(values)), 0.78)
    yield from _function_claims("real", found)


def vendor_claims(folder: Path, results: Results) -> Iterator[Claim]:
    """Overlap and function on another vendor's cines.

    Args:
        folder: of studies whose end-systolic labels may be of the cavity alone.
        results: receives what was found.
    """
    found = evaluate_contours(studies_of(folder))
    results["other vendor"] = found
    print("\n".join(lines(found)), flush=True)
    for figure, _, limit in DICE_LIMITS:
        name = f"dice_{figure}"
        if limit is not None:
            note = _others(found, name)
            yield at_least(f"other vendor: {name}", found["mean"][name], limit, "", note)
    yield from _function_claims("other vendor", found)


def virtual_claims(folder: Path, results: Results, count: int | None) -> Iterator[Claim]:
    """Overlap and ejected share on virtual hearts whose contours are known.

    Args:
        folder: of virtual cines.
        results: receives what was found.
        count: test subjects to take; None for all.
    """
    found = evaluate_contours(studies_of(folder, "test")[:count])
    results["virtual"] = found
    print("\n".join(lines(found)), flush=True)
    for figure, _, _ in DICE_LIMITS:
        name = f"dice_{figure}"
        if name in found["mean"]:
            yield at_least(f"virtual: {name}", found["mean"][name], VIRTUAL_DICE)
    value = found["function"]["ef_error_points"]
    yield at_most("virtual: ejection fraction, mean error", value, VIRTUAL_EF_POINTS, "points")


def _function_claims(title: str, found: Mapping[str, Any]) -> Iterator[Claim]:
    function = found["function"]
    note = f"bias {function['ef_bias_points']:+.1f} points"
    error = function["ef_error_points"]
    yield at_most(f"{title}: ejection fraction, mean error", error, EF_POINTS, "points", note)
    if "mass_error_percent" in function:
        value = function["mass_error_percent"]
        yield at_most(f"{title}: mass, mean error", value, 12.0, "%")


def found_claims(folders: Sequence[Path], results: Results) -> Iterator[Claim]:
    """The heart is found wherever it lies, and the right frames with it.

    Args:
        folders: of labelled real studies.
        results: receives the distance of every trial.
    """
    segmenter = VentricleSegmenter(WEIGHTS)
    tracker = Tracker(label_ed="auto", intervals=False)
    trials: dict[str, dict[str, float]] = {}
    apart: list[dict[str, Any]] = []
    tracked: list[dict[str, Any]] = []
    for study in [study for folder in folders for study in studies_of(folder)]:
        cine = read_cine(study)
        if cine.label_ed is None:
            continue
        volume = cine.image[..., cine.ed_frame]
        heart = np.isin(cine.label_ed, (CAVITY, MYOCARDIUM))
        for name, change in CHANGES.items():
            changed, marked = change(volume, heart, cine.spacing)
            trials.setdefault(name, {})[cine.name] = _distance(
                segmenter, changed, marked, cine.spacing
            )
        if cine.es_frame is not None and cine.image.shape[3] > 2:
            apart.append({"study": cine.name, **_frames_apart(segmenter, cine)})
            free = tracker({k: v for k, v in without_labels(study).items() if k != "info"})
            found = free.cine.ed_frame, int(free.summary["es_frame"])
            tracked.append({"study": cine.name, **_steps(found, cine)})
    results["found"], results["frames"], results["frames tracked"] = trials, apart, tracked
    for name, distances in trials.items():
        values = np.array(list(distances.values()))
        worst = max(distances, key=lambda study: distances[study])
        note = f"{len(values)} studies; farthest {worst}, {distances[worst]:.0f} mm"
        share = 100 * float((values <= FOUND_WITHIN_MM).mean())
        yield at_least(f"heart found within 10 mm, {name}", share, 100.0, "%", note)
    yield from _frame_claims("", apart)
    yield from _frame_claims("by the tracked cavity: ", tracked)


def cost_claims() -> Iterator[Claim]:
    """Time of a stack of twelve slices and fifty frames of 256 x 256."""
    rng = np.random.default_rng(0)
    x, y = np.indices((256, 256)) - 128.0
    radius = np.hypot(x, y)
    picture = np.where(radius < 16, 900.0, np.where(radius < 24, 250.0, 100.0))
    stack = np.stack([picture + rng.normal(0, 20, picture.shape) for _ in range(12)], axis=-1)
    segmenter = VentricleSegmenter(WEIGHTS)
    segmenter(stack, (1.4, 1.4))
    start = time.perf_counter()
    for _ in range(2):
        segmenter(stack, (1.4, 1.4))
    yield at_most("12 slices, ED and ES", time.perf_counter() - start, 3.0, "s")
    # As tracking sees the frames of a cine: about a middle that is known, in one orientation.
    quick = VentricleSegmenter(WEIGHTS, orientations=1)
    start = time.perf_counter()
    for _ in range(5):
        quick(stack, (1.4, 1.4), center=(127.5, 127.5))
    per_frame = (time.perf_counter() - start) / 5
    note = "ten times five frames, one orientation each, as tracking sees them"
    yield at_most("12 slices, 50 frames", 50 * per_frame, 60.0, "s", note)


def _distance(
    segmenter: VentricleSegmenter,
    volume: np.ndarray,
    heart: np.ndarray,
    spacing: tuple[float, float],
) -> float:
    """From the centre that is found to that of the label, millimetres; infinite if none is."""
    drawn = segmenter(np.ascontiguousarray(volume), spacing)
    if drawn is None:
        return float("inf")
    step = (np.argwhere(heart.any(2)).mean(0) - drawn.center) * spacing
    return float(np.hypot(*step))


def _frames_apart(segmenter: VentricleSegmenter, cine: Cine) -> dict[str, int]:
    """Frames between the largest and smallest cavity that is drawn and ED and ES as labelled."""
    drawn = segmenter(cine.image[..., 0], cine.spacing)
    frames = cine.image.shape[3]
    if drawn is None or cine.es_frame is None:
        return {"ed_apart": frames, "es_apart": frames}
    curve = segmenter.cavity_curve(cine.image, drawn, cine.spacing)
    return _steps((segmenter.end_diastole(curve), int(curve.argmin())), cine)


def _steps(found: tuple[int, int], cine: Cine) -> dict[str, int]:
    """Frames between ED and ES as found and as labelled, the shorter way round the cycle."""
    assert cine.es_frame is not None
    frames = cine.image.shape[3]
    pairs = {"ed_apart": (found[0], cine.ed_frame), "es_apart": (found[1], cine.es_frame)}
    return {k: min(abs(a - b), frames - abs(a - b)) for k, (a, b) in pairs.items()}


def _frame_claims(where: str, apart: Sequence[Mapping[str, Any]]) -> Iterator[Claim]:
    for phase in ("ed", "es"):
        steps = {str(row["study"]): int(row[f"{phase}_apart"]) for row in apart}
        note = ", ".join(f"{study} {step}" for study, step in steps.items())
        share = 100 * float(np.mean([step <= FRAMES_APART for step in steps.values()]))
        yield at_least(f"{where}{phase.upper()} found within a frame", share, 90.0, "%", note)


def _others(found: Mapping[str, Any], name: str) -> str:
    """The mean over the subjects on which nothing was chosen."""
    rows = [row for row in found["slices"] if row["study"] not in SELECTION]
    return f"subjects on which nothing was chosen: {means(rows).get(name, float('nan')):.3f}"


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside those of every verification."""
    parser.add_argument("--groups", type=Path, nargs="*", default=(), help="labelled real studies")
    parser.add_argument("--other-vendor", type=Path, help="folder of another vendor's studies")
    parser.add_argument("--virtual", type=Path, help="folder of virtual cines")
    parser.add_argument("--virtual-studies", type=int, help="test subjects to take")


def run(options: argparse.Namespace) -> int:
    """Measure what the options name."""
    results: Results = {}
    groups: dict[str, Callable[[], Iterator[Claim]]] = {}
    if options.groups:
        groups["real"] = partial(real_claims, options.groups, results)
    if options.other_vendor:
        groups["vendor"] = partial(vendor_claims, options.other_vendor, results)
    everybody = [*options.groups, *([options.other_vendor] if options.other_vendor else [])]
    if everybody:
        groups["found"] = partial(found_claims, everybody, results)
    if options.groups:
        studies = [study for folder in options.groups for study in studies_of(folder)]
        groups["tracked"] = partial(
            tracked_claims, "real", studies, REAL_TRACKED, EF_POINTS, results
        )
    if options.other_vendor:
        studies = studies_of(options.other_vendor)
        groups["vendor tracked"] = partial(
            tracked_claims, "other vendor", studies, VENDOR_TRACKED, EF_POINTS, results
        )
    if options.virtual:
        count = options.virtual_studies
        groups["virtual"] = partial(virtual_claims, options.virtual, results, count)
        studies = studies_of(options.virtual, "test")[:count]
        groups["virtual tracked"] = partial(
            tracked_claims, "virtual", studies, VIRTUAL_TRACKED, VIRTUAL_EF_POINTS, results
        )
    groups["cost"] = cost_claims
    return claims.run(groups, options.output, only=options.only, further={"results": results})
