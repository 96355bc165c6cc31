"""From a network's output to motion in millimetres."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import torch
from monai.transforms import Transform

from myomotion.analysis.motion import inverse_displacement
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
        with torch.no_grad():  # slice by slice, which keeps to a processor's caches
            field = torch.stack([self.integrator(part) for part in output]) * self.spacing
            if self.integrator.field == "velocity":
                back = torch.stack([self.integrator(part, inverse=True) for part in output])
                inverse = back * self.spacing
            else:
                inverse = inverse_displacement(field, self.spacing)
        return {**data, "displacement": field, "inverse": inverse}
