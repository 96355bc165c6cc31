"""Training a registration network: batches of augmented pairs and the validation figure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from monai.metrics import compute_dice

from myomotion.core.flow import warp
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
    """

    def __init__(
        self,
        dilation: int = 0,
        augment: bool = False,
        noise: float = 0.04,
        contrast: float = 0.3,
    ) -> None:
        self.dilation = dilation
        self.augment = augment
        self.noise = noise
        self.contrast = contrast

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
            turned = transform_scalar(torch.cat([image, mask, moving_mask], 1), matrix, "bilinear")
            image, mask, moving_mask = turned.split([2, 1, 1], dim=1)
            image = self._contrast(image)
            if "truth" in batch:
                truth = torch.as_tensor(batch["truth"]).to(image)
                known = {"truth": transform_displacement(truth, matrix)}
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

    def _contrast(self, image: torch.Tensor) -> torch.Tensor:
        """Gamma and gain of the pair, a little gain of its own for each frame, noise."""

        def draw(width: float, channels: int = 1) -> torch.Tensor:
            value = torch.rand(len(image), channels, 1, 1, device=image.device)
            return (value * 2 - 1) * width

        image = image.clamp(min=0) ** (1 + draw(self.contrast)) * (1 + draw(self.contrast))
        image = image * (1 + draw(self.contrast / 6, 2))
        level = draw(self.noise).abs()
        return image + level * torch.randn_like(image)


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
