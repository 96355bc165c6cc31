"""``python -m fem_sim hearts3d``: simulate whole left ventricles of the virtual population."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path

from fem_sim.command_line import add_seed, add_workers
from fem_sim.heart3d.dataset import HeartSettings, simulate_hearts
from fem_sim.heart3d.material import MATERIALS


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    default = HeartSettings()
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    parser.add_argument("--count", type=int, default=200, help="ventricles (default %(default)s)")
    add_seed(parser, default=default.seed)
    parser.add_argument(
        "--frames", type=int, default=default.frames, help="of a beat (default %(default)s)"
    )
    for name, purpose in (
        ("square", "elements along a side of the apex's square, even; four times as many go round"),
        ("rings", "rings of elements from the apex's square to the base"),
        ("layers", "layers of elements through the wall"),
    ):
        parser.add_argument(
            f"--{name}",
            type=int,
            default=getattr(default, name),
            help=f"{purpose} (default %(default)s)",
        )
    for name in ("endo", "epi"):
        parser.add_argument(
            f"--fibre-{name}",
            type=float,
            metavar="DEGREES",
            help=f"helix angle at the {name}cardium of all (default: drawn for each)",
        )
    parser.add_argument(
        "--material", choices=sorted(MATERIALS), help="of all (default: Guccione's, drawn for each)"
    )
    add_workers(parser)
    parser.add_argument("--quiet", action="store_true", help="no progress bar")
    parser.add_argument(
        "--scheduler",
        metavar="ADDRESS",
        help="of a Dask cluster that shares the output folder (default: processes of this machine)",
    )


def run(options: argparse.Namespace) -> int:
    """Simulate and print where the list is.

    Args:
        options: see :func:`add_arguments`.

    Raises:
        ValueError: see :func:`~fem_sim.heart3d.dataset.simulate_hearts`.
    """
    settings = HeartSettings(**{f.name: getattr(options, f.name) for f in fields(HeartSettings)})
    listing = simulate_hearts(
        options.output,
        count=options.count,
        settings=settings,
        workers=options.workers,
        progress=not options.quiet,
        scheduler=options.scheduler,
    )
    print(listing)
    return 0
