"""Passes of a network in bfloat16, where a processor or a GPU has units for it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer


class Bfloat16Inferer(SimpleInferer):
    """Run the network in bfloat16 with channels last and return single precision.

    MONAI's mixed precision is for GPUs only. On processors with bfloat16 units a convolution takes
    about a third of the time; weights, loss and optimizer stay in single precision.
    """

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Pass ``(B, C, H, W)`` images through the network."""
        images = inputs.contiguous(memory_format=torch.channels_last)
        with torch.autocast(inputs.device.type, torch.bfloat16):
            output: torch.Tensor = super().__call__(images, network, *args, **kwargs)
        return output.float().contiguous()
