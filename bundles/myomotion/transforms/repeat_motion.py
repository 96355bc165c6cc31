"""Tracking end-systole again, as another examination of the same heart would have shown it."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, NamedTuple

import torch
from monai.transforms import Transform

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import end_systole
from myomotion.core.flow import warp
from myomotion.transforms.displacement import OutputToDisplacement
from myomotion.transforms.refine_motion import RefineMotion

REPEATS = 4
SHIFT_VOXELS = 0.5  # largest shift of the heart on the grid, along each axis
START_SHARE = 0.2  # by how much the start of a refinement is longer or shorter, at most
FRAMES = ("image", "plain")  # what the network sees, and the refinement where that is another
MAD_TO_SD = 1.4826  # of normal noise


class RepeatMotion(Transform):
    """Set ``repeats``: motion to end-systole of the same heart, tracked some times more.

    Each repeat sees the heart elsewhere on the grid, by a part of a voxel, with as much noise again
    as the frames already have, and starts its refinement from a motion that is longer or shorter.
    Only the end-diastolic and the end-systolic frame are tracked.

    Args:
        network: as the study was tracked with; None starts from rest.
        inferer: runs it.
        refine: as the study was refined with.
        integrate: as for the study.
        repeats: how many; 0 does nothing, as without a wall to measure.
        seed: of what is drawn; the same study gives the same repeats.
    """

    def __init__(
        self,
        network: Callable[..., torch.Tensor] | None,
        inferer: Callable[..., torch.Tensor],
        refine: RefineMotion,
        integrate: OutputToDisplacement,
        repeats: int = REPEATS,
        seed: int = 0,
    ) -> None:
        self.network = network
        self.inferer = inferer
        self.refine = refine
        self.integrate = integrate
        self.repeats = repeats
        self.seed = seed

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Track again.

        Args:
            data: ``slices``, ``image`` and, where it is there, ``plain`` ``(Z, T, H, W)``, ``mask``
                ``(Z, 1, H, W)`` and ``displacement`` ``(Z, T, 2, H, W)`` in millimetres.

        Returns:
            The item with ``repeats`` ``(R, Z, 2, H, W)`` in millimetres on the grid of the study;
            as it was where end-systole is end-diastole or there
            are no contours.
        """
        slices: Slices = data["slices"]
        field = torch.as_tensor(data["displacement"]).float()
        frame = end_systole(slices, field.cpu())[0] - slices.cine.ed_frame
        frame %= field.shape[1]
        if self.repeats == 0 or frame == 0 or slices.cine.label_ed is None:
            return dict(data)
        image = torch.as_tensor(data["image"])
        frames = {
            key: torch.as_tensor(data[key])[:, [0, frame]].to(image)
            for key in FRAMES
            if key in data
        }
        plain = frames.get("plain", frames["image"])
        noise = noise_level(plain, field[:, frame].to(plain) / slices.spacing)
        maps = {**frames, "mask": torch.as_tensor(data["mask"])}
        if slices.tissues is not None:
            maps["tissues"] = slices.tissues[:, [0, frame]].flatten(1, 2)
        draw = torch.Generator().manual_seed(self.seed)
        drawn = [_draw(plain.shape, draw) for _ in range(self.repeats)]
        seen = [_elsewhere(maps, repeat.shift, repeat.grain, noise) for repeat in drawn]
        # All repeats in one batch: each is two frames a slice.
        fields = self._track(
            {key: torch.cat([own[key] for own in seen]) for key in maps},
            torch.tensor([repeat.longer for repeat in drawn]).repeat_interleave(len(plain)),
        ).split(len(plain))
        back = [shifted(u, -repeat.shift) for u, repeat in zip(fields, drawn, strict=True)]
        return {**data, "repeats": torch.stack(back).cpu()}

    def _track(self, maps: Mapping[str, torch.Tensor], longer: torch.Tensor) -> torch.Tensor:
        """Motion of slices of two frames, ``(N, 2, H, W)`` in millimetres."""
        image = maps["image"]
        tissues = maps.get("tissues")
        if tissues is not None:
            tissues = tissues.unflatten(1, (image.shape[1], -1))
        with torch.no_grad():
            if self.network is None:
                output = image.new_zeros(*image.shape[:2], 2, *image.shape[2:])
            else:
                output = self.inferer(image[None], self.network)[0]
            if self.refine.refinement is not None:  # a network's own motion has no start
                output = output * longer.to(output)[:, None, None, None, None]
            output = self.refine.refined(maps.get("plain", image), output, maps["mask"], tissues)
            return self.integrate.forth(output)[:, 1]


class Repeat(NamedTuple):
    """What another examination shows otherwise.

    Attributes:
        shift: of the heart on the grid, ``(2,)`` in voxels.
        grain: of its noise, ``(Z, 2, H, W)``, standard normal.
        longer: factor of the motion that a refinement starts from.
    """

    shift: torch.Tensor
    grain: torch.Tensor
    longer: float


def _draw(shape: Sequence[int], draw: torch.Generator) -> Repeat:
    """The next repeat of frames ``(Z, 2, H, W)``."""
    shift = SHIFT_VOXELS * (2 * torch.rand(2, generator=draw) - 1)
    grain = torch.randn(tuple(shape), generator=draw)
    longer = 1 + START_SHARE * (2 * float(torch.rand(1, generator=draw)) - 1)
    return Repeat(shift, grain, longer)


def _elsewhere(
    maps: Mapping[str, torch.Tensor], shift: torch.Tensor, grain: torch.Tensor, noise: torch.Tensor
) -> dict[str, torch.Tensor]:
    """Maps of a study shifted on the grid, its frames with as much noise again."""
    found = {key: shifted(values, shift) for key, values in maps.items()}
    grain = grain.to(noise) * noise[:, None, None, None]
    return {key: values + grain if key in FRAMES else values for key, values in found.items()}


def noise_level(image: torch.Tensor, field: torch.Tensor) -> torch.Tensor:
    """Standard deviation of the noise in a frame of each slice.

    From what differs between two frames where one is laid over the other, by its median, in which
    edges that do not match have no say.

    Args:
        image: ``(Z, 2, H, W)``, reference and moving frame.
        field: ``(Z, 2, H, W)`` in voxels.

    Returns:
        ``(Z,)`` in the unit of the image.
    """
    apart = (warp(image[:, 1:], field)[:, 0] - image[:, 0]).flatten(1)
    middle = apart.median(1).values[:, None]
    return MAD_TO_SD * (apart - middle).abs().median(1).values / 2**0.5


def shifted(maps: torch.Tensor, shift: torch.Tensor) -> torch.Tensor:
    """Maps read a little further on: what was at ``x + shift`` comes to ``x``.

    Args:
        maps: ``(B, C, H, W)``.
        shift: ``(2,)`` in voxels.

    Returns:
        The same shape.
    """
    everywhere = shift.to(maps)[None, :, None, None].expand(len(maps), 2, *maps.shape[-2:])
    return warp(maps, everywhere)
