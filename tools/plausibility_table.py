"""Write the table that turns R_VAE into a percentile among simulated motions.

python -m tools.plausibility_table --cycles DIR --weights bundles/vae_regulariser/models/model.pt \
    --output bundles/cardiac_motion_reg/models/plausibility.json
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myomotion.analysis.plausibility_table import mean_gradient
from myomotion.errors import InputError
from myomotion.files import file_sha256, write_report
from myomotion.io.datalist import read_datalist
from myomotion.losses.plausibility import Plausibility, load_plausibility
from myomotion.outputs import claim
from myomotion.transforms.cycles import LoadCycled
from tools.bundle import REGISTRATION, VAE
from tools.command_line import make_parser, run_command

PERCENTILES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 100)
# Mean displacement gradient over the wall. R_VAE grows with its square, so a score is compared with
# motions of about the same size; the first bin holds the nearly unmoved frames around end-diastole.
GRADIENT_EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


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
    claim(output, [cycles, weights], signed=True)
    entries = [entry for name in sections for entry in read_datalist(cycles, name, "cycle")]
    scores, gradients = score_cycles(entries, load_plausibility(weights), step)
    table = make_table(scores, gradients, file_sha256(weights))
    table |= {"cycles": len(entries), "sections": sections, "every_frame": step}
    write_report(output, table)


def score_cycles(
    cycles: Iterable[Mapping[str, str]], regulariser: Plausibility, step: int = 1
) -> tuple[np.ndarray, np.ndarray]:
    """R_VAE and size of the simulated motions, end-diastole (which does not move) left out.

    Args:
        cycles: entries with ``cycle``, the path of a simulated cycle.
        regulariser: R_VAE on the grid of the cycles.
        step: take every ``step``-th frame.

    Returns:
        Scores and mean gradients, each ``(N,)``.
    """
    load = LoadCycled()
    scores, sizes = [], []
    with torch.no_grad():
        for entry in cycles:
            item = load({"cycle": entry["cycle"]})
            field = item["displacement"][1::step]
            mask = item["mask"][None].expand(len(field), -1, -1, -1)
            scores.append(regulariser(field, mask))
            sizes.append(mean_gradient(field, mask, regulariser.spacing))
    return torch.cat(scores).double().numpy(), torch.cat(sizes).double().numpy()


def make_table(
    scores: np.ndarray, gradients: np.ndarray, weights_sha256: str, at_least: int = 100
) -> dict[str, Any]:
    """Table of quantiles as it is stored.

    Bins with fewer than ``at_least`` motions are joined with the bin below.

    Args:
        scores: ``(N,)`` R_VAE.
        gradients: ``(N,)`` mean displacement gradients.
        weights_sha256: of the autoencoder's weights.
        at_least: smallest number of motions in a bin.

    Returns:
        JSON object, see :func:`~myomotion.analysis.plausibility_table.read_table`.

    Raises:
        InputError: if there are too few motions for one bin.
    """
    if len(scores) < at_least:
        raise InputError(f"{len(scores)} simulated frames, at least {at_least} are needed.")
    edges: list[float] = [float(gradients.max()) + 1]
    for edge in reversed(GRADIENT_EDGES):
        inside = ((gradients >= edge) & (gradients < edges[0])).sum()
        if inside >= at_least or edge == 0:
            edges.insert(0, edge)
    if len(edges) > 2 and ((gradients >= 0) & (gradients < edges[1])).sum() < at_least:
        del edges[1]
    bins = [scores[(gradients >= low) & (gradients < high)] for low, high in pairwise(edges)]
    return {
        "figure": "R_VAE of simulated motions, by mean displacement gradient over the wall",
        "edges": edges[:-1],
        "count": [len(values) for values in bins],
        "percentiles": list(PERCENTILES),
        "quantiles": [
            [float(f"{q:.6g}") for q in np.percentile(values, PERCENTILES)] for values in bins
        ],
        "weights_sha256": weights_sha256,
    }


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.plausibility_table", __doc__)
    parser.add_argument("--cycles", type=Path, required=True, help="folder of simulated cycles")
    parser.add_argument("--weights", type=Path, default=VAE / "models" / "model.pt")
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
