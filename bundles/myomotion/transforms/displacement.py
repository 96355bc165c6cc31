"""From a network's output to motion in millimetres."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import Transform

from myomotion.analysis.motion import inverse_displacement
from myomotion.core.frames_together import at_once, parts_of, workers
from myomotion.core.integrator import FieldIntegrator


class OutputToDisplacement(Transform):
    """Integrate the network's output: ``pred`` in voxels to motion in millimetres.

    Args:
        integrator: turns output into displacement.
        spacing: voxel size of the working grid in millimetres.
    """

    def __init__(self, integrator: FieldIntegrator, spacing: float = 1.5) -> None:
        self.integrator = integrator
        self.spacing = spacing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Set ``displacement`` and ``inverse`` ``(Z, T, 2, H, W)`` from ``pred``.

        The inverse of a velocity is its integral backwards; that of a displacement is found by
        fixed-point iteration.
        """
        output = torch.as_tensor(data["pred"]).float()
        field = self.forth(output)
        if self.integrator.field == "velocity":
            inverse = self.forth(-output)
        else:
            inverse = inverse_displacement(field, self.spacing)
        return {**data, "displacement": field, "inverse": inverse}

    def forth(self, output: torch.Tensor) -> torch.Tensor:
        """The displacement alone.

        Args:
            output: of the network, ``(Z, T, 2, H, W)`` in voxels.

        Returns:
            The same shape, in millimetres.
        """
        frames = output.flatten(0, 1)
        parts = parts_of(output.shape[0], output.shape[1], at_once(frames))
        with torch.no_grad(), workers() as run:
            found = run(lambda part: self.integrator(frames[part]) * self.spacing, parts)
        return torch.cat(found).unflatten(0, output.shape[:2])
