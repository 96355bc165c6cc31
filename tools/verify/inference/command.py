"""Measure every claim about inference: its fields, its strain, its files, its time.

python -m tools.verify inference --real DIR --virtual DIR --output FILE.json

Without --virtual a few virtual cines are made first. Without --real the claims about real cines are
not run.
"""

from __future__ import annotations

import argparse
import logging
import os
import platform
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import torch

from myomotion.built_in import virtual_cines
from myomotion.claims import Claim, broken, exit_status, not_run, summary, write_report
from myomotion.io.cine import read_cine
from tools.bundle import BUNDLES
from tools.verify.inference.fields import inverse_claims, tracked_cines, warp_claims
from tools.verify.inference.formats import format_claims
from tools.verify.inference.runs import kill_claims, run_command, time_claims
from tools.verify.inference.strain import analytic_strain_claims, virtual_strain_claims

TRIALS, SEED = 20, 0
BUILT_IN_SLICES = 9

Group = tuple[str, Callable[[], Iterator[Claim]]]


def groups(real: Path | None, virtual: Path | None, work: Path, trials: int) -> list[Group]:
    """What is measured, in order. Time comes first, before the other groups load the machine.

    Args:
        real: folder of real studies with end-diastolic labels, or None.
        virtual: folder of virtual cines; None makes some.
        work: folder for results.
        trials: how often inference is killed.

    Returns:
        Names and measurements.
    """
    return [
        *([] if real is None else real_groups(real, work)),
        ("strain, analytic", lambda: analytic_strain_claims(SEED)),
        ("strain, virtual", lambda: virtual_strain_claims(SEED)),
        ("kills", lambda: kill_claims(virtual or built_in(), work / "kills", trials, SEED)),
    ]


def real_groups(real: Path, work: Path) -> list[Group]:
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

    def fields() -> Iterator[Claim]:
        run_command(real, results)
        tracked = tracked_cines(real, results)
        yield from warp_claims(tracked)
        yield from inverse_claims(tracked)

    return [
        ("time", time),
        ("fields", fields),
        ("formats", lambda: format_claims(real, results, work)),
    ]


def built_in() -> Path:
    """Folder of a few virtual cines, made on first use."""
    logging.getLogger("myomotion").setLevel(logging.INFO)
    studies = virtual_cines(
        BUNDLES / ".cache", "test", preset="physiological", slices=BUILT_IN_SLICES
    )
    return Path(str(studies[0]["image"])).parents[1]


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.verify inference",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--real", type=Path, help="real studies with labels at end-diastole")
    parser.add_argument("--virtual", type=Path, help="folder of virtual cines")
    parser.add_argument("--trials", type=int, default=TRIALS, help="how often inference is killed")
    parser.add_argument("--output", type=Path, required=True, help="JSON file to write")
    options = parser.parse_args(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    claims: list[Claim] = []
    with tempfile.TemporaryDirectory() as work:
        for name, measure in groups(options.real, options.virtual, Path(work), options.trials):
            try:
                for claim in measure():
                    claims.append(claim)
                    print(claim.line(), flush=True)
            except Exception as error:
                # One broken measurement must not hide the others; it counts as a failure.
                logging.exception("%s: the measurement ended in an error", name)
                claims.append(broken(name, error))
    if options.real is None:
        claims.append(not_run("real cines", "-", "no folder given"))
        print(claims[-1].line())
    circumstances = {
        "machine": {
            "processor": platform.processor() or platform.machine(),
            "cores": os.cpu_count(),
            "load_after": [round(load, 2) for load in os.getloadavg()],
        },
        "torch": torch.__version__,
        "seed": SEED,
    }
    write_report(options.output, claims, circumstances)
    print(f"{summary(claims)}; {options.output}")
    return exit_status(claims)


if __name__ == "__main__":
    sys.exit(main())
