"""What R_VAE is among simulated motions, so that a score can be read as a percentile."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import torch

from myomotion.core.kinematics import displacement_gradient, masked_mean
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.transforms.cycles import LoadCycled

PERCENTILES = (0, 1, 2, 5, 10, 20, 30, 40, 50, 60, 70, 80, 90, 95, 98, 99, 99.5, 100)
# Mean displacement gradient over the wall. R_VAE grows with its square, so a score is compared with
# motions of about the same size; the first bin holds the nearly unmoved frames around end-diastole.
GRADIENT_EDGES = (0.0, 0.05, 0.1, 0.15, 0.2, 0.25, 0.3, 0.4)


@dataclass(frozen=True)
class PlausibilityTable:
    """Quantiles of R_VAE in bins of the mean displacement gradient.

    Attributes:
        edges: lower edges of the bins, the last bin is open; dimensionless.
        percentiles: 0 to 100, rising.
        quantiles: ``(bins, percentiles)`` R_VAE.
        weights_sha256: of the autoencoder's weights that scored.
    """

    edges: np.ndarray
    percentiles: np.ndarray
    quantiles: np.ndarray
    weights_sha256: str

    def percentile(self, score: float, gradient: float) -> float:
        """Share of simulated motions of the same size that score lower.

        Args:
            score: R_VAE.
            gradient: mean displacement gradient, see :func:`mean_gradient`.

        Returns:
            0 to 100.
        """
        return float(np.interp(score, self._quantiles(gradient), self.percentiles))

    def score_at(self, percentile: float, gradient: float) -> float:
        """R_VAE below which a share of the simulated motions of the same size lies.

        Args:
            percentile: 0 to 100.
            gradient: mean displacement gradient.

        Returns:
            R_VAE.
        """
        return float(np.interp(percentile, self.percentiles, self._quantiles(gradient)))

    def _quantiles(self, gradient: float) -> np.ndarray:
        index = int(np.searchsorted(self.edges, gradient, side="right")) - 1
        return self.quantiles[max(index, 0)]


def mean_gradient(
    displacement: torch.Tensor, mask: torch.Tensor, spacing: float = 1.5
) -> torch.Tensor:
    """Mean over the wall of the Frobenius norm of the displacement gradient.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        mask: ``(B or 1, 1, H, W)``.
        spacing: voxel size in millimetres.

    Returns:
        ``(B,)``, dimensionless.
    """
    gradient = displacement_gradient(displacement, spacing)
    return masked_mean(gradient.norm(dim=1, keepdim=True), mask)[:, 0]


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
        JSON object, see :func:`read_table`.

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


def read_table(path: str | Path) -> PlausibilityTable:
    """Read a table written by ``python -m tools.plausibility_table``.

    Args:
        path: JSON file.

    Returns:
        The table.

    Raises:
        InputError: if it is not one.
    """
    path = Path(path)
    try:
        content = json.loads(path.read_text())
        table = PlausibilityTable(
            edges=np.asarray(content["edges"], float),
            percentiles=np.asarray(content["percentiles"], float),
            quantiles=np.asarray(content["quantiles"], float),
            weights_sha256=str(content["weights_sha256"]),
        )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{path}: not a plausibility table ({error}). Make one with "
            "python -m tools.plausibility_table."
        ) from error
    shape = (len(table.edges), len(table.percentiles))
    if table.quantiles.shape != shape:
        raise InputError(f"{path}: quantiles are {table.quantiles.shape}, expected {shape}.")
    return table
