"""``python -m fem_sim modes3d``: principal modes of the motion of simulated ventricles."""

from __future__ import annotations

import argparse
from pathlib import Path

from fem_sim.files import SPLITS
from fem_sim.heart3d.modes.learn import COUNTS, modes_of
from myomotion.files.outputs import claim
from myomotion.io.datalist import read_datalist


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of the command."""
    parser.add_argument("--hearts", type=Path, required=True, help="folder that hearts3d made")
    parser.add_argument(
        "--sections",
        nargs="+",
        choices=SPLITS,
        default=("training",),
        help="of its ventricles (default %(default)s)",
    )
    parser.add_argument("--output", type=Path, required=True, metavar="FILE.npz", help="to write")
    parser.add_argument(
        "--counts",
        type=int,
        nargs="+",
        default=COUNTS,
        help="modes of 0, 1, 2 ... waves about the axis (default %(default)s)",
    )


def run(options: argparse.Namespace) -> int:
    """Learn the modes and print where they are.

    Args:
        options: see :func:`add_arguments`.

    Raises:
        InputError: if the folder holds no list of simulated ventricles.
    """
    entries = [
        entry
        for section in options.sections
        for entry in read_datalist(options.hearts, section, "motion")
    ]
    paths = sorted(Path(entry["motion"]) for entry in entries)
    claim(options.output, paths)
    modes_of(paths, tuple(options.counts)).save(options.output)
    print(options.output)
    return 0
