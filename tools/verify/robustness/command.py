"""Measure what happens with inputs and places that are wrong, as they are at users' desks.

python -m tools.verify robustness --group lights --real DIR [DIR ...] --output FILE.json
python -m tools.verify robustness --group outputs --output FILE.json

lights: every folder holds labelled studies that are right; the built-in virtual cines are added,
and wrong inputs are made of them. outputs: results in places where something else lies.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

from fem_sim import claims
from myomotion.io.built_in import virtual_cines
from tools.bundle import BUNDLES
from tools.verify.robustness.lights import light_groups
from tools.verify.robustness.outputs import output_claims

SEED = 0
BUILT_IN_SLICES = 9


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options beside ``--output`` and ``--only``."""
    parser.add_argument("--group", choices=GROUPS, required=True, help="what to verify")
    parser.add_argument(
        "--real", type=Path, nargs="+", default=[], metavar="DIR", help="folders of right studies"
    )
    parser.add_argument("--seed", type=int, default=SEED, help="of noise and shuffling")


def run(options: argparse.Namespace) -> int:
    """Measure, print and write; returns the exit status.

    Args:
        options: see :func:`add_arguments`.
    """
    with tempfile.TemporaryDirectory() as work:
        measured = GROUPS[options.group](options, Path(work))
        return claims.run(measured, options.output, only=options.only, seed=options.seed)


def _lights(options: argparse.Namespace, _: Path) -> claims.Groups:
    built_in = [
        Path(str(study["image"])).parent
        for section in ("training", "validation", "test")
        for study in virtual_cines(
            BUNDLES / ".cache", section, preset="physiological", slices=BUILT_IN_SLICES
        )
    ]
    return light_groups([*options.real, *built_in], options.seed)


def _outputs(_: argparse.Namespace, work: Path) -> claims.Groups:
    return {"outputs": lambda: output_claims(work)}


GROUPS: dict[str, Callable[[argparse.Namespace, Path], claims.Groups]] = {
    "lights": _lights,
    "outputs": _outputs,
}
