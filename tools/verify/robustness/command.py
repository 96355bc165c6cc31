"""Measure what happens with inputs and places that are wrong, as they are at users' desks.

python -m tools.verify robustness --real DIR [DIR ...] --output FILE.json

Every folder holds labelled studies that are right, or data sets of such studies; the built-in
virtual cines are added. All groups are measured, or those that --group names:
faults: everything that was found at users' desks, of kinds K1 to K6.
lights: whether they tell wrong inputs from right ones.
outputs: results in places where something else lies.
fuzz: files that are damaged at random.
kills: inference that is killed, runs beside itself, or has no room or permission to write.
storage: the same heart, its file stored along other axes.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from fem_sim import claims
from fem_sim.command_line import add_seed
from tools.verify.folders import Kind, data_sets
from tools.verify.robustness.faults.group import fault_groups
from tools.verify.robustness.fuzz.group import fuzz_claims
from tools.verify.robustness.given import Given
from tools.verify.robustness.interruptions import interruption_groups
from tools.verify.robustness.lights import light_groups
from tools.verify.robustness.outputs import output_claims
from tools.verify.robustness.storage import storage_groups

SEED = 0
FOLDERS: dict[str, Kind] = {"real": data_sets}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument(
        "--group", choices=GROUPS, nargs="+", default=[*GROUPS], help="what to verify; default all"
    )
    parser.add_argument(
        "--real", type=Path, nargs="+", default=[], metavar="DIR", help="folders of right studies"
    )
    add_seed(parser, "of noise, shuffling and damage", SEED)


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    with tempfile.TemporaryDirectory() as work:
        given = Given(work=Path(work), seed=options.seed, real=options.real)
        measured: dict[str, Callable[[], Iterable[claims.Claim]]] = {}
        for name in options.group:
            measured |= GROUPS[name](given)
        return claims.run(measured, options.output, only=options.only, seed=options.seed)


# Each gives named measurements of claims; nothing is computed before they are called.
GROUPS: dict[str, Callable[[Given], claims.Groups]] = {
    "outputs": lambda given: {"outputs": lambda: output_claims(given.work / "outputs")},
    "faults": fault_groups,
    "lights": light_groups,
    "fuzz": lambda given: {"fuzz": lambda: fuzz_claims(given.work / "fuzz", given.seed)},
    "kills": interruption_groups,
    "storage": storage_groups,
}
