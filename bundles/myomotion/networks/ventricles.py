"""The network that draws ventricles into single slices."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeGuard

import torch
from monai.networks.nets import UNet

from myomotion.errors import SettingError
from myomotion.networks.described import Described

GROUPS = 4
CLASSES = ("background", "LV cavity", "LV myocardium", "RV cavity")


def check_network(channels: object, size: object) -> None:
    """Refuse what no network can be made of.

    Args:
        channels: features at each scale, see :class:`VentricleNet`.
        size: voxels along each axis of the pictures that it is to be trained on.

    Raises:
        SettingError: naming key, value and fix.
    """
    scales = list(channels) if isinstance(channels, Sequence) else []
    if len(scales) < 2 or not all(_is_whole(n) and n > 0 and n % GROUPS == 0 for n in scales):
        raise SettingError(
            f"channels is {channels}: the network needs two or more scales, each of a multiple of "
            f"{GROUPS} features. Give [32, 64, 128, 192, 256]."
        )
    step = 2 ** (len(scales) - 1)
    if not _is_whole(size) or size < 2 * step or size % step:
        near = max(2 * step, step * round(size / step)) if _is_whole(size) else 128
        raise SettingError(
            f"size is {size}: {len(scales)} scales need a multiple of {step} voxels, {2 * step} at "
            f"least. Set size to {near}."
        )


def _is_whole(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool)


class VentricleNet(Described):
    """MONAI's residual U-Net for slices of short-axis MRI.

    Args:
        channels: features at each scale, the finest first; each scale has half the size of the
            one before, the first half of the image's.
        groups: of the group normalisation, which knows nothing of other pictures.
        spacing: voxel size in millimetres that it is trained for.
        size: voxels along each axis of the pictures that it is trained on; it takes others too.
    """

    TITLE = "a segmentation network"

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128, 192, 256),
        groups: int = GROUPS,
        spacing: float = 1.5,
        size: int = 128,
    ) -> None:
        architecture = {"channels": list(channels), "groups": groups}
        super().__init__(architecture, {"spacing": float(spacing), "size": int(size)})
        self.unet = UNet(
            spatial_dims=2,
            in_channels=1,
            out_channels=len(CLASSES),
            channels=channels,
            strides=[2] * (len(channels) - 1),
            num_res_units=2,
            norm=("group", {"num_groups": groups}),
        )

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Scores of the classes.

        Args:
            image: ``(B, 1, H, W)``, 0 to 1; H and W divisible by 16.

        Returns:
            ``(B, 4, H, W)`` logits of :data:`CLASSES`, codes 0 to 3 of the internal coding.
        """
        scores: torch.Tensor = self.unet(image)
        return scores
