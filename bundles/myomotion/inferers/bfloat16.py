"""Passes of a network in bfloat16 for MONAI's engines."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import SimpleInferer

from myomotion.networks.half import in_bfloat16


class Bfloat16Inferer(SimpleInferer):
    """Run the network in bfloat16 with channels last and return single precision.

    MONAI's mixed precision is for GPUs only. On processors with bfloat16 units a convolution takes
    about a third of the time; weights, loss and optimizer stay in single precision.
    """

    def __call__(
        self, inputs: torch.Tensor, network: Callable[..., torch.Tensor], *args: Any, **kwargs: Any
    ) -> torch.Tensor:
        """Pass ``(B, C, H, W)`` images through the network."""
        whole = super().__call__
        return in_bfloat16(lambda x: whole(x, network, *args, **kwargs), inputs).contiguous()
