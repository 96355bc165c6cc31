"""Tracking a whole cine with a network made for pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer


class SequenceInferer(Inferer):
    """Run the network on every frame of every slice against the reference frame.

    The input is a stack of cines ``(B, Z, T, H, W)`` with the reference frame first; the features
    of the reference are computed once a slice when the network has ``encode`` and ``decode``, and
    slices of few frames are tracked together. A
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
        # Slices of few frames share a pass.
        together = max(self.batch_size // max(frames.shape[1] - 1, 1), 1)
        output = torch.cat([self._track(part, network) for part in frames.split(together)])
        return output.unflatten(0, inputs.shape[:2])

    def _track(self, frames: torch.Tensor, network: Any) -> torch.Tensor:
        """Track slices ``(Z, T, H, W)``: one, or as many as make a pass."""
        slices, count = len(frames), frames.shape[1] - 1
        moving, reference = frames[:, 1:].flatten(0, 1)[:, None], frames[:, :1]
        parts = []
        cached = hasattr(network, "encode") and hasattr(network, "decode")
        shared = network.encode(reference) if cached else [reference]
        for chunk in moving.split(self.batch_size):
            # Of one slice all references are the same, of more all frames are in this pass.
            same = [
                f.expand(len(chunk), -1, -1, -1) if slices == 1 else f.repeat_interleave(count, 0)
                for f in shared
            ]
            if cached:
                parts.append(network.decode(network.encode(chunk), same))
            else:
                parts.append(network(torch.cat([chunk, same[0]], dim=1)))
        still = frames.new_zeros(slices, 1, 2, *frames.shape[-2:])
        if not parts:
            return still
        moved = torch.cat(parts).unflatten(0, (slices, count))
        return torch.cat([still, moved.to(frames.dtype)], 1)
