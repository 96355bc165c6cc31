"""Measure every claim about inference: its fields, its strain, its files, its time.

python -m tools.verify inference --real DIR --cines DIR --cycles DIR --work DIR --output FILE.json

Without --real the claims about real cines are not run, without --cines those about tracked virtual
hearts (its section test), without --cycles their second scans. Hearts are tracked once: records of
them stay in --work. What happens when it is killed is among the
claims of ``python -m tools.verify robustness``.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable, Iterator
from functools import cache
from pathlib import Path

from fem_sim import claims
from fem_sim.claims import Claim, not_run
from myomotion.io.cine import find_studies, read_cine
from tools.verify.folders import Kind, cycles, labelled_studies, virtual_cines
from tools.verify.inference.fields import inverse_claims, tracked_cines, warp_claims
from tools.verify.inference.formats import format_claims
from tools.verify.inference.known_turn import real_turn_claims, virtual_turn_claims
from tools.verify.inference.rescan import rescan_claims
from tools.verify.inference.rotation import rotation_claims
from tools.verify.inference.runs import run_command, time_claims
from tools.verify.inference.strain import analytic_strain_claims, virtual_strain_claims
from tools.verify.inference.strain_cost import cost_claims
from tools.verify.inference.thickening import thickening_claims
from tools.verify.inference.tracked import tracked_claims
from tools.verify.inference.virtual_end_systole import end_systole_claims
from tools.verify.inference.wall import true_field_claims

SEED = 0
FOLDERS: dict[str, Kind] = {"real": labelled_studies, "cines": virtual_cines, "cycles": cycles}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument("--real", type=Path, help="real studies with labels at end-diastole")
    parser.add_argument("--cines", type=Path, help="virtual cines, with a section test")
    parser.add_argument("--cycles", type=Path, help="simulated cycles that they were made of")
    parser.add_argument("--work", type=Path, help="folder of the records of tracked hearts")
    parser.add_argument("--hearts", type=int, default=8, help="virtual hearts to track at most")
    parser.add_argument(
        "--steps",
        type=int,
        help="of refinement where end-systole alone is tracked",
    )
    parser.add_argument("--workers", type=int, default=1, help="processes that track")


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    with tempfile.TemporaryDirectory() as work:
        hearts = virtual_groups(options, options.work or Path(work) / "hearts")
        measured = {**groups(options.real, Path(work)), **hearts}
        return claims.run(measured, options.output, only=options.only, seed=SEED)


def groups(real: Path | None, work: Path) -> claims.Groups:
    """What is measured, in order. Time comes first, before the other groups load the machine.

    Args:
        real: folder of real studies with end-diastolic labels, or None.
        work: folder for results.

    Returns:
        Names and measurements.
    """
    return {
        **(_without_real() if real is None else real_groups(real, work)),
        "strain, analytic": lambda: analytic_strain_claims(SEED),
        "strain, virtual": lambda: virtual_strain_claims(SEED),
        "strain, true fields": lambda: true_field_claims(SEED),
        "rotation": lambda: rotation_claims(SEED),
    }


def virtual_groups(options: argparse.Namespace, work: Path) -> claims.Groups:
    """Measurements on tracked virtual hearts.

    Args:
        options: see :func:`add_arguments`.
        work: folder of the hearts' records.
    """
    cines, simulated = options.cines, options.cycles
    hearts, workers = options.hearts, options.workers
    if cines is None:
        return {"tracked": lambda: [not_run("tracked virtual hearts", "-", "no folder given")]}
    found: dict[str, Callable[[], Iterable[Claim]]] = {
        "strain, cost": lambda: cost_claims(cines, work),
        "tracked": lambda: tracked_claims(cines, work, hearts, workers),
        "end-systole alone": lambda: end_systole_claims(cines, hearts, options.steps),
        "known turn, virtual": lambda: virtual_turn_claims(cines, hearts),
    }
    if simulated is not None:
        found["rescan"] = lambda: rescan_claims(cines, simulated, work, hearts, workers)
    return found


def _without_real() -> claims.Groups:
    return {"real cines": lambda: [not_run("real cines", "-", "no folder given")]}


def real_groups(real: Path, work: Path) -> claims.Groups:
    """Measurements on real cines, tracked once.

    Args:
        real: folder of real studies.
        work: folder for results.
    """
    results = work / "real"

    def time() -> Iterator[Claim]:
        study = find_studies(real)[0]
        shape = read_cine(study).image.shape
        return time_claims(Path(str(study["image"])).parent, shape, work / "time")

    @cache
    def track() -> Path:
        run_command(real, results)
        return results

    def fields() -> Iterator[Claim]:
        tracked = tracked_cines(real, track())
        yield from warp_claims(tracked)
        yield from inverse_claims(tracked)

    return {
        "time": time,
        "fields": fields,
        "formats": lambda: format_claims(real, track(), work),
        "thickening": lambda: thickening_claims(real),
        "known turn": lambda: real_turn_claims(real),
    }
