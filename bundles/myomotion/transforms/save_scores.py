"""Scoring whole cycles: input for the regulariser and the table and map that come out."""

from __future__ import annotations

import io
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from myomotion.files import write_bytes, write_table
from myomotion.losses.plausibility import Plausibility, dilate


class PrepareCycle:
    """Hand the frames of one cycle and its mask to the regulariser (ignite's ``prepare_batch``).

    Args:
        rim: voxels around the wall that count as well, as in training.
    """

    def __init__(self, rim: int = 0) -> None:
        self.rim = rim

    def __call__(
        self,
        batch: Mapping[str, torch.Tensor],
        device: torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, None, tuple, dict[str, torch.Tensor]]:
        """Fields ``(T, 2, H, W)`` of a batch of one, and ``mask`` for each of them."""
        displacement = batch["displacement"][0].to(device)
        mask = dilate(batch["mask"].to(device), self.rim)
        return displacement, None, (), {"mask": mask.expand(len(displacement), -1, -1, -1)}


class ScoreCycle(torch.nn.Module):
    """Score and residual map of the frames of a cycle.

    Args:
        regulariser: R_VAE.
    """

    def __init__(self, regulariser: Plausibility) -> None:
        super().__init__()
        self.regulariser = regulariser

    def forward(self, displacement: torch.Tensor, mask: torch.Tensor) -> dict[str, torch.Tensor]:
        """Score the frames of a cycle.

        Args:
            displacement: ``(T, 2, H, W)`` in millimetres.
            mask: ``(T, 1, H, W)``.

        Returns:
            ``score`` ``(1, T)`` and ``map`` ``(1, T, size, size)``.
        """
        return {
            "score": self.regulariser(displacement, mask)[None],
            "map": self.regulariser.residual_map(displacement, mask)[None, :, 0],
        }


class SaveScoresd(Transform):
    """Write ``NAME.csv`` (frame, r_vae) and ``NAME_map.npy`` for each cycle.

    Args:
        output_dir: folder of the files.
    """

    def __init__(self, output_dir: str | Path) -> None:
        self.output_dir = Path(output_dir)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the scores under ``pred``."""
        name = Path(str(data["cycle"])).stem
        rows = enumerate(float(v) for v in data["pred"]["score"])
        write_table(self.output_dir / f"{name}.csv", ("frame", "r_vae"), rows)
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(data["pred"]["map"], dtype=np.float32), allow_pickle=False)
        write_bytes(self.output_dir / f"{name}_map.npy", buffer.getvalue())
        return dict(data)
