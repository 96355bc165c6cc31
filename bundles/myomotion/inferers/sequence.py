"""Tracking a whole cine with a network made for pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer


class SequenceInferer(Inferer):
    """Run the network on every frame of every slice against the reference frame.

    The input is a stack of cines ``(B, Z, T, H, W)`` with the reference frame first; the features
    of the reference are computed once a slice when the network has ``encode`` and ``decode``. A
    single pair ``(B, 2, H, W)`` goes to the network as it is.

    Args:
        batch_size: frames in one pass.
    """

    def __init__(self, batch_size: int = 32) -> None:
        super().__init__()
        self.batch_size = batch_size

    def __call__(
        self,
        inputs: torch.Tensor,
        network: Callable[..., torch.Tensor],
        *args: Any,
        **kwargs: Any,
    ) -> torch.Tensor:
        """Track.

        Args:
            inputs: ``(B, Z, T, H, W)`` or ``(B, 2, H, W)``.
            network: takes ``(N, 2, H, W)``, returns ``(N, 2, H, W)``.
            args: passed to the network.
            kwargs: passed to the network.

        Returns:
            ``(B, Z, T, 2, H, W)`` in voxels, zero for the reference frame; or ``(B, 2, H, W)``.
        """
        if inputs.ndim == 4:
            return network(inputs, *args, **kwargs)
        frames = torch.as_tensor(inputs).flatten(0, 1)
        output = torch.stack([self._track(slice_, network) for slice_ in frames])
        return output.unflatten(0, inputs.shape[:2])

    def _track(self, frames: torch.Tensor, network: Any) -> torch.Tensor:
        moving, reference = frames[1:, None], frames[:1, None]
        parts = [frames.new_zeros(1, 2, *frames.shape[-2:])]
        cached = hasattr(network, "encode") and hasattr(network, "decode")
        if cached:
            features = network.encode(reference)
        for chunk in moving.split(self.batch_size):
            if cached:
                same = [f.expand(len(chunk), -1, -1, -1) for f in features]
                parts.append(network.decode(network.encode(chunk), same))
            else:
                pairs = torch.cat([chunk, reference.expand(len(chunk), -1, -1, -1)], dim=1)
                parts.append(network(pairs))
        return torch.cat(parts).to(frames.dtype)
