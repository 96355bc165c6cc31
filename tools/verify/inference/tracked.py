"""Claims about tracked virtual hearts: strain, layers, scars, twist, what intervals cover."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_least, at_most, not_run
from myomotion.analysis.intervals.calibration import GIVEN, GLOBAL, SEGMENT, load_calibration
from myomotion.analysis.intervals.study import EF
from myomotion.core.wall.mesh import LAYERS
from tools.bundle import REGISTRATION
from tools.evaluate.hearts import LEAST_SCAR, METHODS, heart_records, tracker_of
from tools.training.intervals import REPORTED_ON, heart_jobs, samples

METHOD = "refined"
GRS, GCS, SEGMENT_ECC, SEGMENT_ICC = 2.5, 0.3, 1.0, 0.90  # points, points, points
SCAR_AUC, LAYER, TWIST_DEG = 0.95, 0.5, 0.3
COVERAGE = (0.85, 0.95)
UNSCARRED = 0.05  # of a segment, up to which it counts as healthy

Rows = Sequence[Mapping[str, Any]]


def tracked_claims(cines: Path, work: Path, hearts: int | None, workers: int) -> Iterator[Claim]:
    """Track hearts that nothing was chosen on, and hold them against their truth.

    Args:
        cines: folder of virtual cines with a section ``test``.
        work: folder of the hearts' records; those that are there are not tracked again.
        hearts: how many at most; None for all.
        workers: processes.
    """
    work.mkdir(parents=True, exist_ok=True)
    records = heart_records(heart_jobs(cines, work, REPORTED_ON, hearts), workers)
    rows = [
        {**row, "heart": record["name"]}
        for record in records
        for row in record["numbers"]
        if row["method"] == METHOD and row["contours"] == GIVEN
    ]
    name = f"tracked virtual hearts ({METHOD})"
    yield from _strain(name, rows, len(records))
    yield from _layers(name, rows)
    yield from _scars(name, rows)
    yield _twist(name, rows)
    yield from _coverage(records)


def _strain(name: str, rows: Rows, hearts: int) -> Iterator[Claim]:
    whole = [r for r in rows if r["segment"] == 0]
    for key, symbol, limit in (("err_percent", "GRS", GRS), ("ecc_percent", "GCS", GCS)):
        gaps = _by_heart(whole, key)
        note = f"{hearts} hearts, bias {gaps.mean():+.2f}"
        yield at_most(f"{name}: {symbol}, mean error", _size(gaps), limit, "points", note)
    segments = [r for r in rows if r["segment"] and r["key"] == "ecc_percent"]
    gaps = np.array([r["value"] - r["truth"] for r in segments])
    title = f"{name}: Ecc of a segment, mean error"
    yield at_most(title, _size(gaps), SEGMENT_ECC, "points", f"{len(gaps)} segments")
    pairs = np.array([(r["value"], r["truth"]) for r in segments])
    yield at_least(f"{name}: Ecc of a segment, ICC", agreement(pairs), SEGMENT_ICC)


def _layers(name: str, rows: Rows) -> Iterator[Claim]:
    whole = [r for r in rows if r["segment"] == 0]
    keys = [f"ecc_{layer}_percent" for layer in LAYERS]
    for layer, key in zip(LAYERS, keys, strict=True):
        gaps = _by_heart(whole, key)
        title = f"{name}: Ecc of the {layer} layer, mean error"
        yield at_most(title, _size(gaps), LAYER, "points", f"bias {gaps.mean():+.2f}")
    means = [_values_by_heart(whole, key) for key in keys]
    wrong = [
        heart
        for heart in means[0]
        if not abs(means[0][heart]) > abs(means[1][heart]) > abs(means[2][heart])
    ]
    title = f"{name}: hearts where |Ecc| does not fall from endo over mid to epi"
    yield at_most(title, len(wrong), 0, "", ", ".join(wrong))


def _scars(name: str, rows: Rows) -> Iterator[Claim]:
    """Areas under the curve of Ecc, and of Ecc less that of the slice, in hearts with a scar."""
    ecc = [r for r in rows if r["key"] == "ecc_percent"]
    slices = {(r["heart"], r["slice"]): r for r in ecc if r["segment"] == 0}
    scarred = {r["heart"] for r in ecc if r["segment"] and r["scar"] >= LEAST_SCAR}
    own = [r for r in ecc if r["segment"] and r["heart"] in scarred]
    scars = [r for r in own if r["scar"] >= LEAST_SCAR]
    others = [r for r in own if r["scar"] <= UNSCARRED]
    for measure, share in (("Ecc", 0.0), ("Ecc less that of the slice", 1.0)):
        title = f"{name}: scars told from other segments by {measure}, AUC"
        if not scars or not others:
            yield not_run(title, f">= {SCAR_AUC:g}", "no heart has a scar")
            continue
        found, true = (
            area_under_curve(
                *(
                    np.array([r[key] - share * slices[r["heart"], r["slice"]][key] for r in part])
                    for part in (scars, others)
                )
            )
            for key in ("value", "truth")
        )
        note = f"{len(scars)} and {len(others)} segments of {len(scarred)} hearts; "
        note += f"{true:.2f} with the true motion"
        yield at_least(title, found, SCAR_AUC, "", note)


def _twist(name: str, rows: Rows) -> Claim:
    """Rotation of the apical slice less that of the basal one."""
    whole = [r for r in rows if r["segment"] == 0 and r["key"] == "rotation_deg"]
    twists = []
    for heart in sorted({r["heart"] for r in whole}):
        own = {r["level"]: r for r in whole if r["heart"] == heart}
        if {"basal", "apical"} <= set(own):
            pair = own["apical"], own["basal"]
            twists.append([pair[0][k] - pair[1][k] for k in ("value", "truth")])
    found = np.array(twists)
    share = float((found[:, 0] @ found[:, 1]) / (found[:, 1] @ found[:, 1]))
    title = f"{name}: twist, mean error"
    note = f"{len(found)} hearts; {100 * share:.0f} % of the true twist is found"
    return at_most(title, _size(found[:, 0] - found[:, 1]), TWIST_DEG, "degrees", note)


def _coverage(records: Rows) -> Iterator[Claim]:
    """Of the committed calibration, which was chosen on other hearts."""
    calibration = load_calibration(REGISTRATION / "models" / "intervals.json")
    assert calibration is not None
    for method in METHODS:
        parameters = tracker_of(method).parts.get_parsed_content("parameters")
        scales = calibration.scales(parameters, GIVEN)
        for kind in (GLOBAL, SEGMENT):
            title = f"90 % intervals, {method}, {kind}: coverage"
            if scales is None:
                yield not_run(title, ">= 0.85", "not calibrated for these weights and settings")
                continue
            found = samples(records, method, GIVEN)
            shares = {
                key: own.coverage(scales[kind, key])
                for (k, key), own in found.items()
                if k == kind and (kind, key) in scales and key != EF
            }
            worst = max(shares, key=lambda key: abs(shares[key] - calibration.level))
            note = ", ".join(f"{key} {100 * share:.0f} %" for key, share in shares.items())
            note = f"worst is {worst}; {note}; {len(records)} hearts"
            yield at_least(title, shares[worst], COVERAGE[0], "", note)
            yield at_most(f"{title}, not too wide", shares[worst], COVERAGE[1], "", note)


def agreement(pairs: np.ndarray) -> float:
    """Intraclass correlation of two measurements, absolute agreement of single ones: ICC(2,1).

    Shrout and Fleiss, Psychol Bull 1979; 86:420.

    Args:
        pairs: ``(N, 2)``.
    """
    n, k = pairs.shape
    grand = pairs.mean()
    rows = k * ((pairs.mean(1) - grand) ** 2).sum() / (n - 1)
    columns = n * ((pairs.mean(0) - grand) ** 2).sum() / (k - 1)
    rest = pairs - pairs.mean(1, keepdims=True) - pairs.mean(0, keepdims=True) + grand
    error = (rest**2).sum() / ((n - 1) * (k - 1))
    return float((rows - error) / (rows + (k - 1) * error + k * (columns - error) / n))


def area_under_curve(high: np.ndarray, low: np.ndarray) -> float:
    """Probability that one of ``high`` is above one of ``low``; ties count as half."""
    above = high[:, None] - low[None]
    return float((above > 0).mean() + (above == 0).mean() / 2)


def _values_by_heart(
    rows: Rows, key: str, of: Callable[[Mapping[str, Any]], float] = lambda r: r["value"]
) -> dict[str, float]:
    """Mean over the slices of each heart."""
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["key"] == key:
            found.setdefault(row["heart"], []).append(of(row))
    return {heart: float(np.mean(values)) for heart, values in found.items()}


def _by_heart(rows: Rows, key: str) -> np.ndarray:
    gaps = _values_by_heart(rows, key, lambda r: r["value"] - r["truth"])
    return np.array(list(gaps.values()))


def _size(gaps: np.ndarray) -> float:
    return float(np.abs(gaps).mean())
