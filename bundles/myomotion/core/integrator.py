"""From a network's output to a displacement field."""

from __future__ import annotations

import torch
from torch import nn

from myomotion.core.flow import border_window, exponentiate

BORDER_MARGIN = 8  # voxels over which the motion fades out towards the working grid's border


class FieldIntegrator(nn.Module):
    """Turn a network's output into a displacement field.

    Args:
        field: ``"velocity"`` (stationary, scaling and squaring) or ``"displacement"``.
        steps: number of squarings.
        margin: voxels over which the motion fades out towards the border.
    """

    def __init__(
        self, field: str = "velocity", steps: int = 6, margin: int = BORDER_MARGIN
    ) -> None:
        super().__init__()
        if field not in ("velocity", "displacement"):
            raise ValueError(f"field must be 'velocity' or 'displacement', got '{field}'")
        self.field = field
        self.steps = steps
        self.margin = margin

    def forward(self, output: torch.Tensor, inverse: bool = False) -> torch.Tensor:
        """Displacement in voxels, zero at the border of the grid.

        Args:
            output: ``(B, 2, H, W)`` in voxels.
            inverse: give the inverse motion (velocity only).

        Returns:
            ``(B, 2, H, W)`` in voxels.

        Raises:
            ValueError: if the inverse of a displacement is asked for.
        """
        output = output * border_window(list(output.shape[-2:]), self.margin, output)
        if self.field == "displacement":
            if inverse:
                raise ValueError("only a velocity field can be integrated backwards")
            return output
        return exponentiate(-output if inverse else output, self.steps)
