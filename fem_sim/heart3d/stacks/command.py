"""``python -m fem_sim stacks3d``: short-axis stacks of simulated ventricles, with pictures."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from fem_sim.command_line import add_seed, add_workers
from fem_sim.files import SPLITS
from fem_sim.heart3d.stacks.dataset import make_stacks
from fem_sim.heart3d.stacks.stack import StackSettings

PURPOSES = {
    "distance": "of neighbouring slices",
    "thickness": "of a slice",
    "shift": "spread of each slice's shift in its plane, from breath-hold to breath-hold",
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--hearts", type=Path, required=True, help="folder that hearts3d made")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    add_seed(parser)
    parser.add_argument(
        "--sections", nargs="+", choices=SPLITS, default=SPLITS, help="hearts (default: all)"
    )
    for item in fields(StackSettings):
        parser.add_argument(
            f"--{item.name}",
            type=float,
            default=item.default,
            metavar="MM",
            help=f"{PURPOSES[item.name]} (default %(default)s)",
        )
    add_workers(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")


def run(options: argparse.Namespace) -> int:
    """Draw the stacks and print where the list is.

    Args:
        options: see :func:`add_arguments`.

    Raises:
        ValueError: see :func:`~fem_sim.heart3d.stacks.dataset.make_stacks`.
    """
    settings = StackSettings(**{f.name: getattr(options, f.name) for f in fields(StackSettings)})
    listing = make_stacks(
        options.output,
        options.hearts,
        settings=settings,
        seed=options.seed,
        sections=tuple(options.sections),
        workers=options.workers,
        progress=not options.quiet,
    )
    print(listing)
    return 0
