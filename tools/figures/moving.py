"""Draw a tracked heart beating: three slices with the contours of the wall moved along, as a GIF.

python -m tools.figures.moving --study tools/demo/SCD0000101 --output moving.gif
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import torch

from fem_sim.command_line import make_parser, run_command
from myomotion.analysis.intensity import intensities
from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.tracker import Result, track
from tools.evaluate.methods import REFINE_STEPS
from tools.study.film import Panel, film, moved_contours

SHARES = (0.3, 0.5, 0.7)  # of the way from base to apex, where slices are shown


def beating(result: Result) -> bytes:
    """Three slices of a tracked study, every frame.

    Args:
        result: with contours.

    Returns:
        GIF that repeats.

    Raises:
        InputError: where no slice has a wall.
    """
    motion, cine = result.motion, result.cine
    walled = [z for z, region in enumerate(result.regions) if region.level is not None]
    if not walled:
        raise InputError(f"{cine.name}: no slice has a wall. Give label_sa_ED.nii.gz.")
    shown = sorted({walled[round(share * (len(walled) - 1))] for share in SHARES})
    panels = []
    for z in shown:
        frames = torch.from_numpy(motion.working_image[:, z])
        wall = result.regions[z].wall
        field = torch.from_numpy(motion.working_displacement[:, z])
        panels.append(
            Panel(
                title=cine.levels[z],
                frames=intensities(motion.slices, z).scaled(frames).numpy(),
                wall=wall,
                contours={"tracked": moved_contours(field, wall, motion.slices.spacing)},
            )
        )
    return film(panels)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.figures.moving", __doc__)
    parser.add_argument("--study", type=Path, required=True, help="cine, or folder of a study")
    parser.add_argument("--output", type=Path, required=True, help="GIF to write")
    parser.add_argument("--refine-steps", type=int, default=REFINE_STEPS, help="of the tracking")
    options = parser.parse_args(arguments)

    def draw() -> int:
        result = track(options.study, refine_steps=options.refine_steps)
        write_bytes(options.output, beating(result))
        return 0

    return run_command(draw)


if __name__ == "__main__":
    sys.exit(main())
