"""What R_VAE is among right motions, so that a score can be read as a percentile."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from myomotion.core.kinematics import displacement_gradient, masked_mean
from myomotion.errors import InputError


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
        """Share of the table's motions of the same size that score lower.

        Args:
            score: R_VAE.
            gradient: mean displacement gradient, see :func:`mean_gradient`.

        Returns:
            0 to 100.
        """
        return float(np.interp(score, self._quantiles(gradient), self.percentiles))

    def score_at(self, percentile: float, gradient: float) -> float:
        """R_VAE below which a share of the table's motions of the same size lies.

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
    size = gradient.square().sum(1, keepdim=True).sqrt()  # torch's norm is slow across channels
    return masked_mean(size, mask)[:, 0]


def read_table(path: str | Path) -> PlausibilityTable:
    """Read a table written by ``python -m tools.training.plausibility_table``.

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
            "python -m tools.training.plausibility_table."
        ) from error
    shape = (len(table.edges), len(table.percentiles))
    if table.quantiles.shape != shape:
        raise InputError(f"{path}: quantiles are {table.quantiles.shape}, expected {shape}.")
    return table
