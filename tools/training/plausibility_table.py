"""Write the table that turns R_VAE into a percentile among motions that are right.

python -m tools.training.plausibility_table --tracked 9 --output FILE.json
python -m tools.training.plausibility_table --cines DIR --output FILE.json
python -m tools.training.plausibility_table --cycles DIR --output FILE.json

With --tracked: among what the registration network gives on that many slices of built-in virtual
cines, where its end-point error is small; the shipped table is such a one. With --cines: likewise
on a folder of virtual cines with their truth, as many as there are. With --cycles: among simulated
motions, which are smoother than tracking ever is.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from copy import copy
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from fem_sim.command_line import add_seed, make_parser, run_command
from myomotion.analysis.plausibility_table import mean_gradient
from myomotion.errors import InputError
from myomotion.files.outputs import claim
from myomotion.files.paths import file_sha256
from myomotion.files.tables import write_report
from myomotion.io.built_in.cines import virtual_cines
from myomotion.io.cine import find_studies
from myomotion.io.datalist import read_datalist
from myomotion.io.labels import MYOCARDIUM
from myomotion.losses.plausibility import Plausibility, load_plausibility
from myomotion.tracker import Tracker
from myomotion.transforms.cycles import LoadCycled
from tools.bundle import BUNDLES, REGISTRATION, VAE

Study = dict[str, object]
PERCENTILES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 100)
# Mean displacement gradient over the wall. R_VAE grows with its square, so a score is compared with
# motions of about the same size; the first bin holds the nearly unmoved frames around end-diastole.
GRADIENT_EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)
# Mean end-point error in the wall, up to which a motion counts as well tracked; a voxel is 1.5 mm.
SMALL_ERROR_MM = 1.0
AT_LEAST = 100  # motions in a bin
AT_LEAST_TRACKED = 30
SIMULATED = "R_VAE of simulated motions, by mean displacement gradient over the wall"
TRACKED = (
    f"R_VAE of tracked motions whose mean end-point error in the wall is at most {SMALL_ERROR_MM} "
    "mm, by mean displacement gradient over the wall"
)


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


def built_in_cines(slices: int, seed: int, cache: Path = BUNDLES / ".cache") -> list[Study]:
    """The built-in virtual cines, three slices each, all sections together.

    The network was trained on another population.

    Args:
        slices: how many.
        seed: of their population.
        cache: folder of built-in data.
    """
    return [
        study
        for section in ("training", "validation", "test")
        for study in virtual_cines(cache, section, preset="physiological", slices=slices, seed=seed)
    ]


def write_tracked_table(
    studies: Sequence[Study],
    weights: Path,
    output: Path,
    made_of: Mapping[str, Any],
    inputs: Sequence[Path] = (),
) -> None:
    """Score what the registration network gives on virtual cines, where it is right.

    Args:
        studies: virtual cines with their true motion beside them; one after the other is tracked,
            and only numbers are kept.
        weights: of the autoencoder.
        output: JSON file to write.
        made_of: what the table says of the cines.
        inputs: folders that are read.

    Raises:
        InputError: if a cine has no ``truth.npz``, or too few motions are right.
    """
    untrue = [s for s in studies if not Path(str(s["image"])).with_name("truth.npz").is_file()]
    if untrue:
        raise InputError(f"{untrue[0]['image']}: no truth.npz beside it. Use virtual cines.")
    claim(output, [weights, *inputs], signed=True)
    tracker = Tracker(REGISTRATION)
    scores, gradients, errors = score_tracked(studies, tracker, load_plausibility(weights))
    right = errors <= SMALL_ERROR_MM
    table = make_table(
        scores[right], gradients[right], file_sha256(weights), AT_LEAST_TRACKED, TRACKED
    )
    table |= {
        "cines": len(studies),
        "motions": len(errors),
        "well_tracked": int(right.sum()),
        **made_of,
        "network_sha256": file_sha256(REGISTRATION / "models" / "model.pt"),
    }
    write_report(output, table)


def score_tracked(
    studies: Iterable[Mapping[str, Any]], tracker: Tracker, regulariser: Plausibility
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """R_VAE, size and error of tracked motions of virtual cines, end-diastole left out.

    Args:
        studies: virtual cines with their true motion beside them.
        tracker: without refinement or with it.
        regulariser: R_VAE on the tracker's grid.

    Returns:
        Scores, mean gradients and mean end-point errors in the wall in millimetres, each ``(N,)``.
    """
    load = copy(tracker.load.transforms[0])  # sees what the tracker sees
    load.with_truth = True
    found: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []
    for study in studies:
        item = tracker.motion(load(dict(study)))
        walls = item["slices"].covered(MYOCARDIUM)
        for field, truth, wall in zip(item["displacement"], item["truth"], walls, strict=True):
            if not wall.any():
                continue
            mask = torch.from_numpy(wall).float()[None, None].expand(len(field) - 1, -1, -1, -1)
            error = (field - truth)[1:].norm(dim=1)[:, wall].mean(1)
            with torch.no_grad():
                found.append(
                    (
                        regulariser(field[1:], mask),
                        mean_gradient(field[1:], mask, regulariser.spacing),
                        error,
                    )
                )
    scores, gradients, errors = (
        torch.cat(part).double().numpy() for part in zip(*found, strict=True)
    )
    return scores, gradients, errors


def make_table(
    scores: np.ndarray,
    gradients: np.ndarray,
    weights_sha256: str,
    at_least: int = AT_LEAST,
    figure: str = SIMULATED,
) -> dict[str, Any]:
    """Table of quantiles as it is stored.

    Bins with fewer than ``at_least`` motions are joined with the bin below.

    Args:
        scores: ``(N,)`` R_VAE.
        gradients: ``(N,)`` mean displacement gradients.
        weights_sha256: of the autoencoder's weights.
        at_least: smallest number of motions in a bin.
        figure: what the table shows.

    Returns:
        JSON object, see :func:`~myomotion.analysis.plausibility_table.read_table`.

    Raises:
        InputError: if there are too few motions for one bin.
    """
    if len(scores) < at_least:
        raise InputError(f"{len(scores)} motions, at least {at_least} are needed.")
    edges: list[float] = [float(gradients.max()) + 1]
    for edge in reversed(GRADIENT_EDGES):
        inside = ((gradients >= edge) & (gradients < edges[0])).sum()
        if inside >= at_least or edge == 0:
            edges.insert(0, edge)
    if len(edges) > 2 and ((gradients >= 0) & (gradients < edges[1])).sum() < at_least:
        del edges[1]
    bins = [scores[(gradients >= low) & (gradients < high)] for low, high in pairwise(edges)]
    return {
        "figure": figure,
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
    parser = make_parser("tools.training.plausibility_table", __doc__)
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--cycles", type=Path, help="folder of simulated cycles")
    source.add_argument("--cines", type=Path, help="folder of virtual cines to track")
    source.add_argument(
        "--tracked", type=int, metavar="SLICES", help="slices of built-in virtual cines to track"
    )
    add_seed(parser, "of the virtual cines' population")
    parser.add_argument("--weights", type=Path, default=VAE / "models" / "model.pt")
    parser.add_argument(
        "--output", type=Path, default=REGISTRATION / "models" / "plausibility.json"
    )
    parser.add_argument("--sections", nargs="+", default=["validation", "test"])
    parser.add_argument("--step", type=int, default=1, help="take every STEP-th frame")
    given = parser.parse_args(arguments)

    def write() -> None:
        if given.tracked is not None:
            made_of = {"population_seed": given.seed, "slices_of_population": given.tracked}
            studies = built_in_cines(given.tracked, given.seed)
            write_tracked_table(studies, given.weights, given.output, made_of)
        elif given.cines is not None:
            studies = find_studies(given.cines)
            write_tracked_table(studies, given.weights, given.output, {}, [given.cines])
        else:
            write_plausibility_table(
                given.cycles, given.weights, given.output, given.sections, given.step
            )

    return run_command(write)


if __name__ == "__main__":
    sys.exit(main())
