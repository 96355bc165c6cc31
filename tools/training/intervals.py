"""Calibrate the intervals of tracked numbers on virtual hearts whose motion is known.

python -m tools.training.intervals --cines DIR --unseen DIR --work DIR

Tracks virtual hearts with the network and refined, chooses floor and factor of every kind of number
on some and reports what they cover on others: on the sections validation and test of the cines
that the networks have learned from. All of cines that they have never seen (another seed) are
chosen on too. Records of hearts are kept in the working folder, so that a run that ends early goes
on.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.command_line import make_parser, run_command
from myomotion.analysis.intervals.calibration import (
    CONTOURS,
    GLOBAL,
    KINDS,
    SEGMENT,
    SLICE,
    Scale,
    tracking_parameters,
)
from myomotion.analysis.intervals.repeats import NUMBERS
from myomotion.analysis.intervals.study import EF, spread
from myomotion.errors import InputError
from myomotion.files.outputs import claim
from myomotion.files.tables import write_report
from myomotion.io.built_in.cines import studies_of
from myomotion.transforms.repeat_motion import REPEATS
from tools.bundle import REGISTRATION
from tools.evaluate.hearts import METHODS, HeartJob, heart_records, tracker_of

LEVEL = 0.9
CHOSEN_ON, REPORTED_ON = SECTIONS = ("validation", "test")
ALL_SECTIONS = ("training", *SECTIONS)
# Floors that are tried, in median errors; the largest leaves the repeats no say.
FLOORS = (0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 10.0)


@dataclass(frozen=True, kw_only=True)
class Sample:
    """Numbers of one kind.

    Attributes:
        error: value less truth, ``(N,)``.
        spread: over repeats, ``(N,)``.
    """

    error: np.ndarray
    spread: np.ndarray

    def coverage(self, scale: Scale) -> float:
        """Share whose truth lies within the interval."""
        return float((np.abs(self.error) <= self.half_widths(scale)).mean())

    def half_widths(self, scale: Scale) -> np.ndarray:
        """Half of the interval of each number."""
        return np.array([scale.half_width(float(own)) for own in self.spread])


def samples(
    records: Sequence[Mapping[str, Any]], method: str, contours: str
) -> dict[tuple[str, str], Sample]:
    """Errors and spreads by kind and key.

    Args:
        records: from :func:`~tools.evaluate.hearts.heart_records`.
        method: of :data:`~tools.evaluate.hearts.METHODS`.
        contours: of :data:`~myomotion.analysis.intervals.calibration.CONTOURS`.

    Returns:
        Samples; a study's number is the mean of its slices'.
    """
    found: dict[tuple[str, str], list[tuple[float, float]]] = {}
    for record in records:
        rows = [r for r in record["numbers"] if r["method"] == method and r["contours"] == contours]
        for key in (*NUMBERS, EF):
            own = [r for r in rows if r["key"] == key]
            walls = [r for r in own if r["segment"] == 0]
            for row in own if key != EF else ():
                kind = SEGMENT if row["segment"] else SLICE
                found.setdefault((kind, key), []).append(_entry([row]))
            if walls:
                found.setdefault((GLOBAL, key), []).append(_entry(walls))
    return {
        place: Sample(error=np.array(pairs)[:, 0], spread=np.array(pairs)[:, 1])
        for place, pairs in found.items()
    }


def _entry(rows: Sequence[Mapping[str, Any]]) -> tuple[float, float]:
    error = float(np.mean([row["value"] - row["truth"] for row in rows]))
    return error, spread([np.array(row["repeats"], float) for row in rows])


def chosen_scale(sample: Sample, level: float = LEVEL) -> Scale:
    """Floor and factor that cover a share of a sample with the narrowest intervals.

    Args:
        sample: of the hearts to choose on.
        level: the share.

    Returns:
        The scale; its factor is the quantile of ``|error| / hypot(floor, spread)`` at the place
        ``(n + 1) level`` in the order of n ratios, between two of them where it must be, which
        another number is within at that level on average.
    """
    error = np.abs(sample.error)
    best: tuple[float, Scale] | None = None
    for share in FLOORS:
        floor = share * max(float(np.median(error)), 1e-6)
        ratios = error / np.hypot(floor, sample.spread)
        factor = float(np.quantile(ratios, level, method="weibull"))
        scale = Scale(floor=floor, factor=factor)
        width = float(sample.half_widths(scale).mean())
        if best is None or width < best[0]:
            best = width, scale
    assert best is not None
    return best[1]


def calibrated(
    chosen_on: Sequence[Mapping[str, Any]], reported_on: Sequence[Mapping[str, Any]]
) -> list[dict[str, Any]]:
    """Scales of every method, and what they cover.

    Args:
        chosen_on: records of hearts.
        reported_on: records of others.

    Returns:
        JSON objects, one a method.
    """
    methods = []
    for method in METHODS:
        numbers: dict[str, Any] = {}
        for contours in CONTOURS:
            first, second = (samples(r, method, contours) for r in (chosen_on, reported_on))
            kinds: dict[str, Any] = {kind: {} for kind in KINDS}
            for (kind, key), sample in first.items():
                scale = chosen_scale(sample)
                kinds[kind][key] = {
                    "floor": round(scale.floor, 4),
                    "factor": round(scale.factor, 4),
                    **_described(CHOSEN_ON, sample, scale),
                    **_described(REPORTED_ON, second.get((kind, key)), scale),
                }
            numbers[contours] = kinds
        parameters = tracker_of(method).parts.get_parsed_content("parameters")
        methods.append(
            {"name": method, "parameters": tracking_parameters(parameters), "numbers": numbers}
        )
    return methods


def _described(section: str, sample: Sample | None, scale: Scale) -> dict[str, Any]:
    if sample is None:
        return {}
    return {
        section: {
            "n": len(sample.error),
            "coverage": round(sample.coverage(scale), 3),
            "mean_half_width": round(float(sample.half_widths(scale).mean()), 3),
            "bias": round(float(sample.error.mean()), 3),
            "mean_abs_error": round(float(np.abs(sample.error).mean()), 3),
        }
    }


def heart_jobs(
    cines: Path, work: Path, section: str, hearts: int | None, prefix: str = ""
) -> list[HeartJob]:
    """Hearts of a section that are to be tracked.

    Args:
        cines: folder of virtual cines with ``datalist.json``.
        work: folder of the records.
        section: of the list.
        hearts: how many at most; None for all.
        prefix: of the records' names.

    Returns:
        One job a heart.
    """
    return [
        HeartJob(
            study=study,
            section=section,
            output=str(work / f"{prefix}{section}_{study['name']}.json"),
            methods=tuple(METHODS),
        )
        for study in studies_of(cines, section)[:hearts]
    ]


def write_intervals(
    cines: Path,
    work: Path,
    output: Path,
    *,
    unseen: Path | None = None,
    hearts: int | None = None,
    workers: int = 1,
) -> dict[str, Any]:
    """Track, calibrate and write.

    Args:
        cines: folder of virtual cines with ``datalist.json``, which the networks may have learned
            from but for the sections validation and test.
        work: folder of the records.
        output: JSON file to write.
        unseen: folder of such cines that no network has learned from, all of which are chosen on;
            None for none.
        hearts: of each section at most; None for all.
        workers: processes.

    Returns:
        The table.

    Raises:
        InputError: without virtual cines, and if both folders are the same.
    """
    claim(output, [cines, *([unseen] if unseen else [])], signed=True)
    if unseen and unseen.resolve() == cines.resolve():
        raise InputError(f"{unseen}: given twice. --unseen is a folder of cines of another seed.")
    work.mkdir(parents=True, exist_ok=True)
    jobs = [heart_jobs(cines, work, section, hearts) for section in SECTIONS]
    if unseen:
        for section in ALL_SECTIONS:
            jobs[0] += heart_jobs(unseen, work, section, hearts, f"{unseen.name}_")
    heart_records([job for own in jobs for job in own], workers)
    chosen_on, reported_on = (heart_records(own) for own in jobs)
    if not chosen_on:
        raise InputError(f"{cines}: no heart in the section {CHOSEN_ON}.")
    chosen, reported = len(chosen_on), len(reported_on)
    table = {
        "level": LEVEL,
        "repeats": REPEATS,
        "made_of": f"{chosen} virtual hearts, coverage reported on {reported} others",
        "cines": [folder.name for folder in (cines, unseen) if folder],
        "hearts": {
            section: [Path(job.output).stem for job in own]
            for section, own in zip(SECTIONS, jobs, strict=True)
        },
        "methods": calibrated(chosen_on, reported_on),
    }
    write_report(output, table)
    return table


def lines(table: Mapping[str, Any]) -> list[str]:
    """What the scales cover, one line for each kind of number."""
    found = []
    for method in table["methods"]:
        for contours, kinds in method["numbers"].items():
            for kind, keys in kinds.items():
                for key, own in keys.items():
                    shares = ", ".join(
                        f"{section} {own[section]['coverage']:.2f} of {own[section]['n']}"
                        for section in SECTIONS
                        if section in own
                    )
                    name = f"{method['name']}, {contours}, {kind}, {key}"
                    width = own[CHOSEN_ON]["mean_half_width"]
                    found.append(f"{name:<52} ± {width:6.2f}   covers {shares}")
    return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.training.intervals", __doc__)
    parser.add_argument("--cines", type=Path, required=True, help="folder of virtual cines")
    parser.add_argument("--unseen", type=Path, help="cines that no network has learned from")
    parser.add_argument("--work", type=Path, required=True, help="folder of the hearts' records")
    parser.add_argument("--output", type=Path, default=REGISTRATION / "models" / "intervals.json")
    parser.add_argument("--hearts", type=int, help="of each section at most; all by default")
    parser.add_argument("--workers", type=int, default=1, help="processes")
    given = parser.parse_args(arguments)

    def write() -> None:
        table = write_intervals(
            given.cines,
            given.work,
            given.output,
            unseen=given.unseen,
            hearts=given.hearts,
            workers=given.workers,
        )
        print("\n".join(lines(table)))

    return run_command(write)


if __name__ == "__main__":
    sys.exit(main())
