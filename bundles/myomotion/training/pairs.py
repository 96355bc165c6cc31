"""Training a registration network: batches of augmented pairs and the validation figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
import torch.nn.functional as F
from monai.metrics import compute_dice

from myomotion.core.flow import compose, exponentiate, identity_coordinates, warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.core.rotate import rotation_matrices, transform_displacement, transform_scalar
from myomotion.losses.plausibility import dilate


class PreparePairs:
    """Network input and loss target of a batch of pairs (ignite's ``prepare_batch``).

    Args:
        dilation: voxels around the myocardium on which the regulariser acts as well (the paper: 3).
        augment: turn, mirror and change contrast and noise of each pair at random.
        noise: largest standard deviation of the added noise (intensities are about 0 to 1).
        contrast: largest deviation of gamma from 1, and of gain from 1.
        extra_motion: millimetres by which the moving frame is moved on, at most and about: shift,
            rotation, growth and waves about the middle, known and added to the true motion. So
            motion is learned that no simulated heart has made: one that is read from the picture.
        spacing: voxel size of the working grid in millimetres.
    """

    def __init__(
        self,
        dilation: int = 0,
        augment: bool = False,
        noise: float = 0.04,
        contrast: float = 0.3,
        extra_motion: float = 0.0,
        spacing: float = 1.5,
    ) -> None:
        self.dilation = dilation
        self.augment = augment
        self.noise = noise
        self.contrast = contrast
        self.extra_motion = extra_motion
        self.spacing = spacing

    def __call__(
        self,
        batch: Mapping[str, torch.Tensor],
        device: torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Return ``image`` ``(B, 2, H, W)`` and what :class:`RegistrationLoss` needs.

        Raises:
            ValueError: if an item's myocardium is empty.
        """
        image = torch.as_tensor(batch["image"]).to(device)
        mask = torch.as_tensor(batch["mask"]).to(device)
        moving_mask = torch.as_tensor(batch["mask_moving"]).to(device)
        known: dict[str, torch.Tensor] = {}
        if self.augment:
            matrix = rotation_matrices(len(image), True, image)
            velocity = self._extra_velocity(image)
            # A point at y moves on to y + w(y): the picture is pulled back by the inverse of w.
            back = None if velocity is None else exponentiate(-velocity)
            moving = transform_scalar(
                torch.cat([image[:, :1], moving_mask], 1), matrix, "bilinear", back
            )
            fixed = transform_scalar(torch.cat([image[:, 1:], mask], 1), matrix, "bilinear")
            image, moving_mask = torch.cat([moving[:, :1], fixed[:, :1]], dim=1), moving[:, 1:]
            mask = fixed[:, 1:]
            image = self._contrast(image, torch.as_tensor(batch.get("plain_share", 1.0)).to(image))
            if "truth" in batch:
                truth = torch.as_tensor(batch["truth"]).to(image)
                known = {"truth": transform_displacement(truth, matrix)}
                if velocity is not None:
                    voxels = compose(known["truth"] / self.spacing, exponentiate(velocity))
                    known = {"truth": voxels * self.spacing}
        elif "truth" in batch:
            known = {"truth": torch.as_tensor(batch["truth"]).to(image)}
        empty = (mask > 0.5).sum((1, 2, 3)) == 0
        if bool(empty.any()):
            raise ValueError(
                f"the myocardium of {int(empty.sum())} of {len(mask)} pairs is empty: the "
                "regulariser would be off"
            )
        wall = (mask > 0.5).to(image.dtype)
        return image, {
            "moving": image[:, :1],
            "reference": image[:, 1:],
            "mask": dilate(wall, self.dilation),
            "wall": wall,
            "moving_wall": (moving_mask > 0.5).to(image.dtype),
            **known,
        }

    def _extra_velocity(self, image: torch.Tensor) -> torch.Tensor | None:
        if not self.extra_motion:
            return None
        size = list(image.shape[-2:])
        return random_velocity(len(image), size, self.extra_motion / self.spacing, image)

    def _contrast(self, image: torch.Tensor, plain_share: torch.Tensor) -> torch.Tensor:
        """Gamma and gain of the pair, a little gain of its own for each frame, noise.

        Drawn frames have no noise, so that it is as strong as what is left of the plain ones.
        """

        def draw(width: float, channels: int = 1) -> torch.Tensor:
            value = torch.rand(len(image), channels, 1, 1, device=image.device)
            return (value * 2 - 1) * width

        image = image.clamp(min=0) ** (1 + draw(self.contrast)) * (1 + draw(self.contrast))
        image = image * (1 + draw(self.contrast / 6, 2))
        level = draw(self.noise).abs() * plain_share
        return image + level * torch.randn_like(image)


def random_velocity(
    batch: int, size: list[int], amplitude: float, like: torch.Tensor
) -> torch.Tensor:
    """Shift, rotation, growth and waves about the middle of the grid, fading out outwards.

    Args:
        batch: how many.
        size: ``(H, W)``.
        amplitude: voxels; each field draws its own share of it, evenly from 0 to 1.
        like: gives dtype and device.

    Returns:
        ``(batch, 2, H, W)`` in voxels, of about the amplitude where it is largest.
    """

    def normal(*shape: int) -> torch.Tensor:
        return torch.randn(batch, *shape, dtype=like.dtype, device=like.device)

    offset = identity_coordinates(size, like) - (like.new_tensor(size)[:, None, None] - 1) / 2
    reach = min(size) / 4  # the wall lies about this far from the middle, at most
    across, along = offset.unbind(1)
    turned = torch.stack([-along, across], dim=1)
    waves = F.interpolate(normal(2, 6, 6), size, mode="bicubic", align_corners=False)
    field = 0.5 * normal(2, 1, 1) + waves / 4
    field = field + (0.5 * normal(1, 1, 1) * turned + 0.25 * normal(1, 1, 1) * offset) / reach
    window = torch.exp(-(offset**2).sum(1, keepdim=True) / (2 * (1.5 * reach) ** 2))
    share = torch.rand(batch, 1, 1, 1, dtype=like.dtype, device=like.device)
    return amplitude * share * window * field


class Agreement:
    """Validation figure of end-systolic pairs: how well the warped frame agrees with end-diastole.

    Pairs with an end-systolic label count with the Dice of the warped myocardium, the others with
    the share of the image difference that the motion explains, ``1 - MSE(warped) / MSE(moving)``.

    Args:
        integrator: turns network output into displacement.
    """

    def __init__(self, integrator: FieldIntegrator) -> None:
        self.integrator = integrator

    def __call__(self, output: Mapping[str, Any]) -> torch.Tensor:
        """Mean over the batch of an engine's output (``pred`` and ``label``)."""
        target = output["label"]
        displacement = self.integrator(output["pred"])
        walls = _warped_wall(target, displacement)
        overlap = compute_dice(walls, target["wall"])[:, 0]
        before, after = (
            ((frame - target["reference"]) ** 2).mean((1, 2, 3))
            for frame in (target["moving"], warp(target["moving"], displacement))
        )
        explained = 1 - after / before.clamp(min=1e-12)
        labelled = target["moving_wall"].amax((1, 2, 3)) > 0
        return torch.where(labelled, overlap, explained).mean()


class WarpedWalls:
    """The myocardia of end-systolic pairs, for MONAI's ``MeanDice``.

    Args:
        integrator: turns network output into displacement.
    """

    def __init__(self, integrator: FieldIntegrator) -> None:
        self.integrator = integrator

    def __call__(self, output: Mapping[str, Any]) -> tuple[torch.Tensor, torch.Tensor]:
        """The warped and the end-diastolic myocardium ``(B, 1, H, W)`` of an engine's output.

        Where the moving frame has no label both are empty, so that the pair does not count.
        """
        target = output["label"]
        labelled = (target["moving_wall"].amax((1, 2, 3), keepdim=True) > 0).float()
        walls = _warped_wall(target, self.integrator(output["pred"]))
        return walls, target["wall"] * labelled


def _warped_wall(target: Mapping[str, torch.Tensor], displacement: torch.Tensor) -> torch.Tensor:
    return (warp(target["moving_wall"], displacement) > 0.5).float()
