"""Write the table that turns R_VAE into a percentile among simulated motions.

python -m tools.plausibility_table --cycles DIR --weights bundles/vae_regulariser/models/model.pt \
    --output bundles/cardiac_motion_reg/models/plausibility.json
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from pathlib import Path

from myomotion.analysis.plausibility_table import make_table, score_cycles
from myomotion.files import file_sha256, write_bytes
from myomotion.io.datalist import read_datalist
from myomotion.losses.plausibility import load_plausibility
from tools.bundle import BUNDLES, REGISTRATION
from tools.command_line import make_parser, run_command


def write_plausibility_table(
    cycles: Path, weights: Path, output: Path, sections: list[str], step: int = 1
) -> None:
    """Score simulated cycles and write their quantiles.

    Args:
        cycles: folder of simulated cycles with ``datalist.json``.
        weights: of the autoencoder.
        output: JSON file to write.
        sections: of the data list; those the autoencoder was not trained on.
        step: take every ``step``-th frame.
    """
    entries = [entry for name in sections for entry in read_datalist(cycles, name, "cycle")]
    scores, gradients = score_cycles(entries, load_plausibility(weights), step)
    table = make_table(scores, gradients, file_sha256(weights))
    table |= {"cycles": len(entries), "sections": sections, "every_frame": step}
    write_bytes(output, (json.dumps(table, indent=1) + "\n").encode())


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.plausibility_table", __doc__)
    parser.add_argument("--cycles", type=Path, required=True, help="folder of simulated cycles")
    parser.add_argument(
        "--weights", type=Path, default=BUNDLES / "vae_regulariser" / "models" / "model.pt"
    )
    parser.add_argument(
        "--output", type=Path, default=REGISTRATION / "models" / "plausibility.json"
    )
    parser.add_argument("--sections", nargs="+", default=["validation", "test"])
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th frame")
    given = parser.parse_args(arguments)
    return run_command(
        lambda: write_plausibility_table(
            given.cycles, given.weights, given.output, given.sections, given.step
        )
    )


if __name__ == "__main__":
    sys.exit(main())
