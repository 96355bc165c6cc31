"""The siamese multi-scale registration network of Qin et al. (MICCAI 2020)."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.networks.pair import Encoder, PairNetwork, conv_block


class SiameseMotionNet(PairNetwork):
    """Both images through one encoder, fused scale by scale, one 1x1 head at full resolution.

    Five scales with ``width`` to ``8 * width`` filters and the convolutions of VGG-16; at each
    scale the features of both images are fused to ``width`` channels, upsampled and concatenated.
    Group normalisation takes the place of the paper's batch normalisation, so that a batch of one
    works.

    Args:
        width: filters of the first scale; 64 is the paper's network (16.4 million parameters).
        depths: convolutions of each scale.
        field: see :class:`~myomotion.networks.pair.PairNetwork`.
        spacing: of the grid it works on, millimetres.
        size: of that grid, voxels.
    """

    def __init__(
        self,
        width: int = 64,
        depths: Sequence[int] = (2, 2, 3, 3, 3),
        *,
        field: str = "velocity",
        spacing: float = 1.5,
        size: int = 96,
    ) -> None:
        architecture = {"width": width, "depths": list(depths)}
        super().__init__(architecture, field=field, spacing=spacing, size=size)
        filters = [min(width * 2**i, 8 * width) for i in range(len(depths))]
        self.encoder = Encoder()
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
        return self.encoder(image)

    def decode(self, moving: list[torch.Tensor], reference: list[torch.Tensor]) -> torch.Tensor:
        """Field ``(B, 2, H, W)`` in voxels; see :meth:`PairNetwork.decode`."""
        fused = []
        for scale, block in enumerate(self.fusion):
            known = reference[scale].expand_as(moving[scale])
            joint = block(torch.cat([moving[scale], known], dim=1))
            factor = float(2**scale)
            fused.append(
                joint
                if scale == 0
                else F.interpolate(joint, scale_factor=factor, mode="bilinear", align_corners=False)
            )
        return self.head(torch.cat(fused, dim=1))
