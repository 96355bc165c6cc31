"""``python -m fem_sim verify``: measure every claim made about the simulator."""

from __future__ import annotations

import argparse
import logging
import os
import platform
from collections.abc import Callable, Iterable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from fem_sim.claims import Claim, broken, exit_status, summary, write_report
from fem_sim.files import OutputError
from fem_sim.verify.equations import patch_claims, tangent_claims
from fem_sim.verify.outside import authors_claims, felupe_claims
from fem_sim.verify.phantom import phantom_claims
from fem_sim.verify.robustness import rejection_claims, robustness_claims
from fem_sim.verify.solver import convergence_claims, cylinder_claims, gauge_claims, jacobian_claims
from fem_sim.verify.speed import speed_claims

LOG = logging.getLogger(__name__)
SEED = 0
PACKAGES = ("numpy", "scipy", "sfepy", "felupe")

Group = tuple[str, Callable[[], Iterable[Claim]]]


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument(
        "--output", type=Path, required=True, metavar="FILE.json", help="report to write"
    )
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="DIR",
        help="folder with the simulated cycle that the method's authors published "
        "(001_slice_05_disp.npy, 001_slice_05_ED.npy)",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the timing")


def run(arguments: argparse.Namespace) -> int:
    """Measure, print one line a claim, write the report.

    Args:
        arguments: see :func:`add_arguments`.

    Returns:
        Exit status: 1 if a claim fails.

    Raises:
        OutputError: if the report cannot be written.
    """
    _check_writable(arguments.output)
    claims = []
    for claim in measure(groups(arguments.reference, quick=arguments.quick)):
        claims.append(claim)
        print(claim.line(), flush=True)
    write_report(arguments.output, claims, circumstances())
    print(f"{summary(claims)}; {arguments.output}")
    return exit_status(claims)


def groups(reference: Path | None, *, quick: bool) -> list[Group]:
    """What is measured, in order. Timing comes first, before the other groups load the machine.

    Args:
        reference: folder of the authors' cycle, or None.
        quick: leave out the timing.
    """
    return [
        ("speed", lambda: speed_claims(SEED, quick=quick)),
        ("cylinder", cylinder_claims),
        ("patch test", patch_claims),
        ("tangents", lambda: tangent_claims(SEED)),
        ("gauge", lambda: gauge_claims(SEED)),
        ("area change", lambda: jacobian_claims(SEED)),
        ("finer mesh", lambda: convergence_claims(SEED)),
        ("FElupe", lambda: felupe_claims(SEED)),
        ("authors' cycle", lambda: authors_claims(reference)),
        ("robustness", lambda: robustness_claims(SEED)),
        ("rejection", rejection_claims),
        ("virtual cine", lambda: phantom_claims(SEED)),
    ]


def measure(named: Iterable[Group]) -> Iterator[Claim]:
    """Claims of all groups; a group that ends in an error becomes a failed claim."""
    for name, group in named:
        try:
            yield from group()
        except Exception as error:
            # One broken measurement must not hide the others; it counts as a failure.
            LOG.exception("%s: the measurement ended in an error", name)
            yield broken(name, error)


def circumstances() -> dict[str, Any]:
    """Machine, versions and seed of a report."""
    return {
        "machine": {
            "cpu": _cpu_model(),
            "cores": os.cpu_count(),
            "system": f"{platform.system()} {platform.machine()}",
            "load_after": [round(load, 2) for load in os.getloadavg()],
        },
        "versions": {"python": platform.python_version()}
        | {name: _version(name) for name in PACKAGES},
        "seed": SEED,
    }


def _check_writable(path: Path) -> None:
    """Refuse an unusable output before minutes of measuring."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"{path.parent}: cannot be created ({error.strerror}).") from error
    if path.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path}: cannot be written. Choose another file.")


def _cpu_model() -> str:
    information = Path("/proc/cpuinfo")
    if information.is_file():
        for line in information.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
