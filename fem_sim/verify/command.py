"""``python -m fem_sim verify``: measure every claim made about the simulator."""

from __future__ import annotations

import argparse
from pathlib import Path

from fem_sim import claims
from fem_sim.verify import heart3d
from fem_sim.verify.equations import patch_claims, tangent_claims
from fem_sim.verify.outside import authors_claims, felupe_claims
from fem_sim.verify.phantom import cavity_claims, phantom_claims
from fem_sim.verify.robustness import rejection_claims, robustness_claims
from fem_sim.verify.solver import convergence_claims, cylinder_claims, gauge_claims, jacobian_claims
from fem_sim.verify.speed import speed_claims

SEED = 0


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    claims.add_arguments(parser)
    parser.add_argument(
        "--reference",
        type=Path,
        metavar="DIR",
        help="folder with the simulated cycle that the method's authors published "
        "(001_slice_05_disp.npy, 001_slice_05_ED.npy)",
    )
    parser.add_argument(
        "--part",
        choices=("slices", "heart3d"),
        default="slices",
        help="what is verified: slices in two dimensions, or whole ventricles (default slices)",
    )
    parser.add_argument("--quick", action="store_true", help="leave out the timing")


def run(options: argparse.Namespace) -> int:
    """Measure, print one line a claim, write the report.

    Args:
        options: see :func:`add_arguments`.

    Returns:
        Exit status: 1 if a claim fails.

    Raises:
        ValueError: for a group that there is not.
        OutputError: if the report cannot be written.
    """
    whole = options.part == "heart3d"
    measured = (
        ventricle_groups(quick=options.quick)
        if whole
        else groups(options.reference, quick=options.quick)
    )
    return claims.run(measured, options.output, only=options.only, seed=SEED)


def groups(reference: Path | None, *, quick: bool) -> claims.Groups:
    """What is measured, in order. Timing comes first, before the other groups load the machine.

    Args:
        reference: folder of the authors' cycle, or None.
        quick: leave out the timing.
    """
    return {
        "speed": lambda: speed_claims(SEED, quick=quick),
        "cylinder": cylinder_claims,
        "patch test": patch_claims,
        "tangents": lambda: tangent_claims(SEED),
        "gauge": lambda: gauge_claims(SEED),
        "area change": lambda: jacobian_claims(SEED),
        "finer mesh": lambda: convergence_claims(SEED),
        "FElupe": lambda: felupe_claims(SEED),
        "authors' cycle": lambda: authors_claims(reference),
        "robustness": lambda: robustness_claims(SEED),
        "rejection": rejection_claims,
        "virtual cine": lambda: phantom_claims(SEED),
        "virtual cavity": lambda: cavity_claims(SEED),
    }


def ventricle_groups(*, quick: bool) -> claims.Groups:
    """What is measured of whole ventricles, in order.

    Args:
        quick: leave out the timing.
    """
    return {
        "speed": lambda: heart3d.speed_claims(SEED, quick=quick),
        "patch test": heart3d.patch_claims,
        "tangents": lambda: heart3d.tangent_claims(SEED),
        "benchmark": heart3d.benchmark_claims,
        "hearts": lambda: heart3d.heart_claims(SEED),
        "beat": lambda: heart3d.beat_claims(SEED),
        "finer mesh": lambda: heart3d.finer_claims(SEED),
    }
