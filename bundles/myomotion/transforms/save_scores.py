"""Scoring whole cycles: input for the regulariser and the table and map that come out."""

from __future__ import annotations

import io
import logging
from collections.abc import Hashable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from myomotion.errors import OutputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import Inputs, claim, refuse_unsafe
from myomotion.files.paths import given_path
from myomotion.files.tables import write_table
from myomotion.losses.plausibility import Plausibility, dilate

LOG = logging.getLogger(__name__)


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


class SaveScores(Transform):
    """Write ``NAME.csv`` (frame, r_vae) and ``NAME_map.npy`` for each cycle.

    Args:
        output_dir: folder of the files.
    """

    def __init__(self, output_dir: str | Path) -> None:
        self.output_dir = given_path(output_dir)

    def files(self, cycle: object) -> tuple[Path, Path]:
        """Table and map of a cycle.

        Args:
            cycle: path of the cycle.
        """
        name = Path(str(cycle)).stem
        return self.output_dir / f"{name}.csv", self.output_dir / f"{name}_map.npy"

    def check(self, cycles: Iterable[object], *inputs: object) -> None:
        """Look at every place that will be written to, before anything is computed.

        Args:
            cycles: paths of the cycles.
            inputs: what else is read, such as weights.

        Raises:
            OutputError: see :func:`~myomotion.files.outputs.refuse_unsafe`, or if two cycles have
                one name.
        """
        cycles = list(cycles)
        read = Inputs([*cycles, *inputs])
        seen: dict[Path, object] = {}
        for cycle in cycles:
            for path in self.files(cycle):
                refuse_unsafe(path, read)
                if (other := seen.setdefault(path, cycle)) != cycle:
                    raise OutputError(
                        f"{path}: would hold the scores of {other} and of {cycle}. Give one of "
                        "them another name, or score them into different folders."
                    )

    def conclude(self) -> None:
        """Say where the results are."""
        LOG.info("results: %s", self.output_dir)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write the scores under ``pred``."""
        table, residuals = self.files(data["cycle"])
        for path in (table, residuals):
            claim(path, [data["cycle"]])
        rows = enumerate(float(v) for v in data["pred"]["score"])
        write_table(table, ("frame", "r_vae"), rows)
        buffer = io.BytesIO()
        np.save(buffer, np.asarray(data["pred"]["map"], dtype=np.float32), allow_pickle=False)
        write_bytes(residuals, buffer.getvalue())
        return dict(data)
