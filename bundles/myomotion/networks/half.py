"""Passes of a network in bfloat16, where a processor or a GPU has units for it."""

from __future__ import annotations

from collections.abc import Callable

import torch


def has_bfloat16(device: torch.device | str) -> bool:
    """Whether convolutions in bfloat16 are quicker than in single precision on a device.

    Args:
        device: a GPU, or the processor.
    """
    if torch.device(device).type == "cuda":
        return torch.cuda.is_bf16_supported()
    there = torch.backends.mkldnn.is_available() and bool(torch.backends.mkldnn.enabled)
    if not there:  # builds without it lack the question as well
        return False
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def in_bfloat16(
    network: Callable[[torch.Tensor], torch.Tensor], images: torch.Tensor, enabled: bool = True
) -> torch.Tensor:
    """Pass images through a network with channels last.

    Args:
        network: takes ``(B, C, H, W)``.
        images: ``(B, C, H, W)``.
        enabled: compute in bfloat16; False keeps single precision.

    Returns:
        What the network gives, in single precision.
    """
    images = images.contiguous(memory_format=torch.channels_last)
    with torch.autocast(images.device.type, torch.bfloat16, enabled=enabled):
        output = network(images)
    return output.float()
