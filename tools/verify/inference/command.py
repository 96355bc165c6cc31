"""Measure every claim about inference: its fields, its strain, its files, its time.

python -m tools.verify inference --real DIR --virtual DIR --output FILE.json

Without --virtual a few virtual cines are made first. Without --real the claims about real cines are
not run.
"""

from __future__ import annotations

import argparse
import logging
import tempfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fem_sim import claims
from fem_sim.claims import Claim, not_run
from myomotion.io.built_in import virtual_cines
from myomotion.io.cine import read_cine
from tools.bundle import BUNDLES
from tools.verify.inference.fields import inverse_claims, tracked_cines, warp_claims
from tools.verify.inference.formats import format_claims
from tools.verify.inference.runs import kill_claims, run_command, time_claims
from tools.verify.inference.strain import analytic_strain_claims, virtual_strain_claims

TRIALS, SEED = 20, 0
BUILT_IN_SLICES = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument("--real", type=Path, help="real studies with labels at end-diastole")
    parser.add_argument("--virtual", type=Path, help="folder of virtual cines")
    parser.add_argument("--trials", type=int, default=TRIALS, help="how often inference is killed")


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    with tempfile.TemporaryDirectory() as work:
        measured = groups(options.real, options.virtual, Path(work), options.trials)
        return claims.run(measured, options.output, only=options.only, seed=SEED)


def groups(real: Path | None, virtual: Path | None, work: Path, trials: int) -> claims.Groups:
    """What is measured, in order. Time comes first, before the other groups load the machine.

    Args:
        real: folder of real studies with end-diastolic labels, or None.
        virtual: folder of virtual cines; None makes some.
        work: folder for results.
        trials: how often inference is killed.

    Returns:
        Names and measurements.
    """
    return {
        **(_without_real() if real is None else real_groups(real, work)),
        "strain, analytic": lambda: analytic_strain_claims(SEED),
        "strain, virtual": lambda: virtual_strain_claims(SEED),
        "kills": lambda: kill_claims(virtual or built_in(), work / "kills", trials, SEED),
    }


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
        study = sorted(p for p in real.iterdir() if (p / "sa.nii.gz").is_file())[0]
        shape = read_cine({"image": str(study / "sa.nii.gz")}).image.shape
        return time_claims(study, shape, work / "time")

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
    }


def built_in() -> Path:
    """Folder of a few virtual cines, made on first use."""
    logging.getLogger("myomotion").setLevel(logging.INFO)
    studies = virtual_cines(
        BUNDLES / ".cache", "test", preset="physiological", slices=BUILT_IN_SLICES
    )
    return Path(str(studies[0]["image"])).parents[1]
