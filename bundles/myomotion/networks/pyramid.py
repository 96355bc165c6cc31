"""A small coarse-to-fine registration network that warps features as it goes."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.flow import warp
from myomotion.networks.pair import Encoder, PairNetwork, conv_block


class PyramidMotionNet(PairNetwork):
    """Feature pyramid with warping: each scale corrects the motion found at the coarser one.

    Both images pass one encoder whose first scale already has half the resolution. From the
    coarsest to the finest scale the moving features are warped by the motion so far, set beside the
    reference features, and a small decoder adds a correction (Sun et al., PWC-Net, CVPR 2018; Mok
    and Chung, LapIRN, MICCAI 2020). The field of the finest scale is upsampled twofold.

    Args:
        channels: filters of the scales 1/2, 1/4, ...
        hidden: filters of the decoders.
        field: see :class:`~myomotion.networks.pair.PairNetwork`.
        spacing: of the grid it works on, millimetres.
        size: of that grid, voxels.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 48, 64),
        hidden: int = 32,
        *,
        field: str = "velocity",
        spacing: float = 1.5,
        size: int = 96,
    ) -> None:
        architecture = {"channels": list(channels), "hidden": hidden}
        super().__init__(architecture, field=field, spacing=spacing, size=size)
        self.encoder = Encoder()
        decoders: list[nn.Module] = []
        previous = 1
        for filters in channels:
            self.encoder.append(
                nn.Sequential(conv_block(previous, filters, 2), conv_block(filters, filters))
            )
            head = nn.Conv2d(hidden, 2, 3, 1, 1)
            nn.init.normal_(head.weight, std=1e-3)
            assert head.bias is not None
            nn.init.zeros_(head.bias)
            decoders.append(
                nn.Sequential(conv_block(2 * filters + 2, hidden), conv_block(hidden, hidden), head)
            )
            previous = filters
        self.decoder = nn.ModuleList(decoders[::-1])  # coarsest first, in the order of use

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of one image ``(B, 1, H, W)``, finest first."""
        return self.encoder(image)

    def decode(self, moving: list[torch.Tensor], reference: list[torch.Tensor]) -> torch.Tensor:
        """Field ``(B, 2, H, W)`` in voxels from the features of both images."""
        coarsest = reference[-1]
        field = coarsest.new_zeros(moving[-1].shape[0], 2, coarsest.shape[-2], coarsest.shape[-1])
        for step, decoder in enumerate(self.decoder):
            scale = len(self.decoder) - 1 - step
            if field.shape[-1] != reference[scale].shape[-1]:
                field = upsample_field(field)
            aligned = warp(moving[scale], field)
            joint = torch.cat([aligned, reference[scale], field], dim=1)
            field = field + decoder(joint)
        return upsample_field(field)


def upsample_field(field: torch.Tensor) -> torch.Tensor:
    """Double the resolution of a field in voxels: ``(B, 2, H, W)`` to ``(B, 2, 2 H, 2 W)``."""
    return 2 * F.interpolate(field, scale_factor=2.0, mode="bilinear", align_corners=False)
