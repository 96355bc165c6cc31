"""The network that draws ventricles into single slices."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from monai.networks.nets import UNet

from myomotion.networks.described import Described

CLASSES = ("background", "LV cavity", "LV myocardium", "RV cavity")


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
        groups: int = 4,
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
