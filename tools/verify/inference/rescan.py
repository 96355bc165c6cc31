"""Claims about a virtual rescan: the same hearts in other pictures, tracked again."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.claims import Claim, at_least, at_most
from fem_sim.phantom.dataset import CineJob, make_cine
from fem_sim.phantom.files import is_finished
from fem_sim.phantom.render import CineSettings
from myomotion.analysis.intervals.calibration import GIVEN
from myomotion.io.cine import find_studies
from tools.evaluate.hearts import HeartJob, heart_records
from tools.training.intervals import REPORTED_ON, heart_jobs
from tools.verify.inference.tracked import METHOD, agreement

# Number, what it is called, largest coefficient of variation in per cent, least ICC.
LIMITS = (("ecc_percent", "GCS", 3.0, 0.97), ("err_percent", "GRS", 6.0, 0.95))
SEED = 1000  # of the second scans; the first have that of their folder


def rescan_claims(
    cines: Path, cycles: Path, work: Path, hearts: int | None, workers: int
) -> Iterator[Claim]:
    """Render hearts a second time, with another look, noise, voxel size, place and timing.

    Args:
        cines: folder of the first scans, with a section ``test``.
        cycles: simulated cycles that they were made of.
        work: folder of second scans and records.
        hearts: how many at most; None for all.
        workers: processes.
    """
    jobs = heart_jobs(cines, work, REPORTED_ON, hearts)
    pairs = [(job, again) for job in jobs if (again := _again(job, cines, cycles, work))]
    first, second = zip(*pairs, strict=True)
    scans = heart_records(first, workers), heart_records(second, workers)
    left_out = len(jobs) - len(pairs)
    for key, name, most, least in LIMITS:
        values = np.array([[_mean(record, key) for record in scan] for scan in scans]).T
        within = np.sqrt((np.diff(values, axis=1) ** 2).mean() / 2)
        variation = 100 * float(within / abs(values.mean()))
        title = f"virtual rescan ({METHOD}): {name}"
        note = f"{len(values)} hearts twice, within-heart deviation {within:.2f} points"
        note += f", {left_out} left out whose motion folds in the second" if left_out else ""
        yield at_most(f"{title}, coefficient of variation", variation, most, "%", note)
        yield at_least(f"{title}, ICC", agreement(values), least, "", note)


def _again(job: HeartJob, cines: Path, cycles: Path, work: Path) -> HeartJob | None:
    """The second scan of a heart, made if it is not there; None where it cannot be drawn."""
    name = str(job.study["name"])
    info = json.loads((cines / name / "info.json").read_text(encoding="utf-8"))
    parts = zip(info["slices"], info["cycles"], strict=True)
    again = CineJob(
        output=str(work / "rescans"),
        subject=name,
        section=job.section,
        slices=tuple((part["level"], str(cycles / cycle["file"])) for part, cycle in parts),
        settings=CineSettings(),
        seed=SEED,
    )
    if not is_finished(again.folder):
        make_cine(again)
    if not is_finished(again.folder):
        return None
    return HeartJob(
        study=find_studies(again.folder)[0],
        section=job.section,
        output=str(work / f"rescan_{name}.json"),
        methods=(METHOD,),
    )


def _mean(record: Mapping[str, Any], key: str) -> float:
    rows: Sequence[Mapping[str, Any]] = record["numbers"]
    own = [r for r in rows if (r["method"], r["contours"], r["segment"]) == (METHOD, GIVEN, 0)]
    return float(np.mean([r["value"] for r in own if r["key"] == key]))
