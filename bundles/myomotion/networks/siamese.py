"""The siamese multi-scale registration network of Qin et al. (MICCAI 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn


def conv_block(in_channels: int, out_channels: int, stride: int = 1) -> nn.Sequential:
    """Convolution (kernel 3), instance-wise group normalisation and leaky ReLU."""
    groups = 8 if out_channels % 8 == 0 else 1
    return nn.Sequential(
        nn.Conv2d(in_channels, out_channels, 3, stride, 1),
        nn.GroupNorm(groups, out_channels),
        nn.LeakyReLU(0.1),
    )


class SiameseMotionNet(nn.Module):
    """Both images through one encoder, fused scale by scale, one 1x1 head at full resolution.

    Five scales with ``width`` to ``8 * width`` filters and the convolutions of VGG-16; at each
    scale the features of both images are fused to ``width`` channels, upsampled and concatenated.
    Group normalisation takes the place of the paper's batch normalisation, so that a batch of one
    works.

    Args:
        width: filters of the first scale; 64 is the paper's network (16.4 million parameters).
        depths: convolutions of each scale.
    """

    def __init__(self, width: int = 64, depths: Sequence[int] = (2, 2, 3, 3, 3)) -> None:
        super().__init__()
        filters = [min(width * 2**i, 8 * width) for i in range(len(depths))]
        self.encoder = nn.ModuleList()
        self.fusion = nn.ModuleList()
        previous = 1
        for scale, (channels, depth) in enumerate(zip(filters, depths, strict=True)):
            first = conv_block(previous, channels, 1 if scale == 0 else 2)
            others = [conv_block(channels, channels) for _ in range(depth - 1)]
            self.encoder.append(nn.Sequential(first, *others))
            self.fusion.append(conv_block(2 * channels, width))
            previous = channels
        last = nn.Conv2d(width, 2, 1)
        self.head = nn.Sequential(
            nn.Conv2d(len(filters) * width, width, 1),
            nn.LeakyReLU(0.1),
            nn.Conv2d(width, width, 1),
            nn.LeakyReLU(0.1),
            last,
        )
        nn.init.normal_(last.weight, std=1e-4)
        assert last.bias is not None
        nn.init.zeros_(last.bias)

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of one image ``(B, 1, H, W)``, finest first."""
        features = []
        for block in self.encoder:
            image = block(image)
            features.append(image)
        return features

    def decode(self, moving: list[torch.Tensor], reference: list[torch.Tensor]) -> torch.Tensor:
        """Field ``(B, 2, H, W)`` in voxels from the features of both images."""
        fused = []
        for scale, block in enumerate(self.fusion):
            joint = block(torch.cat([moving[scale], reference[scale]], dim=1))
            factor = float(2**scale)
            fused.append(
                joint
                if scale == 0
                else F.interpolate(joint, scale_factor=factor, mode="bilinear", align_corners=False)
            )
        return self.head(torch.cat(fused, dim=1))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Field of a pair.

        Args:
            image: ``(B, 2, H, W)``, channels moving and reference; H and W divisible by 16.

        Returns:
            ``(B, 2, H, W)``, velocity or displacement in voxels.
        """
        return self.decode(self.encode(image[:, :1]), self.encode(image[:, 1:]))
