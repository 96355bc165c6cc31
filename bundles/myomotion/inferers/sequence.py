"""Tracking a whole cine with a network made for pairs."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from monai.inferers import Inferer

from myomotion.core.frames_together import Run, at_once, parts_of, workers


class SequenceInferer(Inferer):
    """Run the network on every frame of every slice against the reference frame.

    The input is a stack of cines ``(B, Z, T, H, W)`` with the reference frame first; the features
    of the reference are computed once a slice when the network has ``encode`` and ``decode``, and
    slices of few frames are tracked together. On processors, parts of the frames are tracked on
    threads (:mod:`~myomotion.core.frames_together`). A single pair ``(B, 2, H, W)`` goes to the
    network as it is.

    Args:
        batch_size: the most frames in one pass.
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
        slices, count = len(frames), frames.shape[1] - 1
        moving, reference = frames[:, 1:].flatten(0, 1)[:, None], frames[:, :1]
        still = frames.new_zeros(slices, 1, 2, *frames.shape[-2:])
        parts = parts_of(slices, count, min(self.batch_size, at_once(moving)))
        with workers() as run:
            found = _Pass(network, moving, reference, run)
            moved = run(found, parts)
        if not moved:
            return still.unflatten(0, inputs.shape[:2])
        each = torch.cat(moved).unflatten(0, (slices, count)).to(frames.dtype)
        return torch.cat([still, each], 1).unflatten(0, inputs.shape[:2])


class _Pass:
    """A pass of a network, of moving frames ``(N, 1, H, W)`` and references ``(Z, 1, H, W)``."""

    def __init__(
        self, network: Any, moving: torch.Tensor, reference: torch.Tensor, run: Run
    ) -> None:
        self.network = network
        self.moving = moving
        self.cached = hasattr(network, "encode") and hasattr(network, "decode")
        self.count = max(len(moving) // len(reference), 1)
        parts = parts_of(len(reference), 1, at_once(reference))
        encode = network.encode if self.cached else lambda images: [images]
        encoded = run(lambda part: encode(reference[part]), parts)
        self.known = [torch.cat(scale) for scale in zip(*encoded, strict=True)]

    def __call__(self, part: slice) -> torch.Tensor:
        """Fields ``(n, 2, H, W)`` of a part of the frames."""
        first, last = part.start // self.count, (part.stop - 1) // self.count
        if first == last:  # one reference for all
            same = [f[first : first + 1] for f in self.known]
        else:
            of = torch.arange(part.start, part.stop, device=self.moving.device) // self.count
            same = [f[of] for f in self.known]
        chunk = self.moving[part]
        if self.cached:
            return self.network.decode(self.network.encode(chunk), same)
        return self.network(torch.cat([chunk, same[0].expand_as(chunk)], dim=1))
