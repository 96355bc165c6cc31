"""A coarse-to-fine registration network that corrects its motion until little is left."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import nn

from myomotion.core.flow import exponentiate, warp
from myomotion.networks.pair import Encoder, PairNetwork, conv_block


class RecurrentMotionNet(PairNetwork):
    """Feature pyramid with several corrections a scale, each after warping by all before.

    Both images pass one encoder whose first scale already has half the resolution. From the
    coarsest to the finest scale the moving features are warped by the motion so far; what the
    decoder of the scale sees is both features, their correlation at neighbouring places (Sun et
    al., PWC-Net, CVPR 2018) and the field. It adds a correction, and is applied again with the same
    weights (Teed and Deng, RAFT, ECCV 2020), so that large motion is reached in steps that each
    see what the others left. The field of the finest scale is upsampled twofold.

    Args:
        channels: filters of the scales 1/2, 1/4, ...
        hidden: filters of the decoders.
        passes: corrections at each scale, finest first; as many as ``channels``.
        radius: of the correlation, voxels of the scale.
        field: see :class:`~myomotion.networks.pair.PairNetwork`.
        spacing: of the grid it works on, millimetres.
        size: of that grid, voxels.

    Raises:
        ValueError: if ``passes`` does not fit ``channels``.
    """

    def __init__(
        self,
        channels: Sequence[int] = (16, 32, 48, 64),
        hidden: int = 32,
        passes: Sequence[int] = (3, 3, 4, 4),
        radius: int = 1,
        *,
        field: str = "velocity",
        spacing: float = 1.5,
        size: int = 96,
    ) -> None:
        if len(passes) != len(channels) or min(passes) < 1:
            raise ValueError(f"passes {tuple(passes)} do not fit {len(channels)} scales")
        architecture = {
            "channels": list(channels),
            "hidden": hidden,
            "passes": list(passes),
            "radius": radius,
        }
        super().__init__(architecture, field=field, spacing=spacing, size=size)
        self.passes = list(passes)
        self.radius = radius
        self.velocity = field == "velocity"
        blocks: list[nn.Module] = []
        decoders: list[nn.Module] = []
        previous = 1
        for filters in channels:
            blocks.append(
                nn.Sequential(conv_block(previous, filters, 2), conv_block(filters, filters))
            )
            head = nn.Conv2d(hidden, 2, 3, 1, 1)
            nn.init.normal_(head.weight, std=1e-3)
            assert head.bias is not None
            nn.init.zeros_(head.bias)
            seen = 2 * filters + (2 * radius + 1) ** 2 + 2
            decoders.append(Corrector(conv_block(seen, hidden), conv_block(hidden, hidden), head))
            previous = filters
        self.encoder = Encoder(*blocks)
        self.decoder = nn.ModuleList(decoders[::-1])  # coarsest first, in the order of use

    def encode(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Features of one image ``(B, 1, H, W)``, finest first."""
        return self.encoder(image)

    def decode(self, moving: list[torch.Tensor], reference: list[torch.Tensor]) -> torch.Tensor:
        """Field ``(B, 2, H, W)`` in voxels; see :meth:`PairNetwork.decode`."""
        coarsest = reference[-1]
        field = coarsest.new_zeros(moving[-1].shape[0], 2, coarsest.shape[-2], coarsest.shape[-1])
        for step, decoder in enumerate(self.decoder):
            scale = len(self.decoder) - 1 - step
            if field.shape[-1] != reference[scale].shape[-1]:
                field = upsample_field(field)
            known = decoder.of_reference(reference[scale])  # type: ignore[operator]
            for _ in range(self.passes[scale]):
                # Few squarings will do on the way: the next correction sees what they miss.
                motion = exponentiate(field, 4) if self.velocity else field
                aligned = warp(moving[scale], motion)
                alike = local_correlation(aligned, reference[scale], self.radius)
                others = torch.cat([alike, field], dim=1)
                field = field + decoder.correct(aligned, others, known)  # type: ignore[operator]
        return upsample_field(field)


class Corrector(nn.Sequential):
    """Blocks that see features of both images, their correlation and the field.

    What the first convolution makes of the reference is the same in every pass, and for every frame
    that is compared with one reference: it is computed once.
    """

    def of_reference(self, reference: torch.Tensor) -> torch.Tensor:
        """The reference's part of the first convolution.

        Args:
            reference: features ``(B or 1, C, H, W)``.

        Returns:
            ``(B or 1, hidden, H, W)``.
        """
        first, channels = self[0][0], reference.shape[1]  # type: ignore[index]
        weight = first.weight[:, channels : 2 * channels]
        return F.conv2d(_by_voxel(reference), weight, first.bias, padding=1)

    def correct(
        self, aligned: torch.Tensor, others: torch.Tensor, known: torch.Tensor
    ) -> torch.Tensor:
        """A correction of the field.

        Args:
            aligned: moving features ``(B, C, H, W)``, warped.
            others: what follows the features of both images, ``(B, n, H, W)``.
            known: from :meth:`of_reference`.

        Returns:
            ``(B, 2, H, W)`` in voxels.
        """
        first, channels = self[0][0], aligned.shape[1]  # type: ignore[index]
        weight = torch.cat([first.weight[:, :channels], first.weight[:, 2 * channels :]], dim=1)
        joint = _by_voxel(torch.cat([aligned, others], dim=1))
        seen = F.conv2d(joint, weight, padding=1) + known
        seen = self[0][2](self[0][1](seen))  # type: ignore[index]
        return self[2](self[1](seen)).contiguous()


def _by_voxel(features: torch.Tensor) -> torch.Tensor:
    """Features as a processor's convolutions are quickest: the channels of a voxel in a row.

    In training they stay as they are: the way back costs more than is gained.
    """
    if features.device.type == "cpu" and not features.requires_grad:
        features = features.contiguous(memory_format=torch.channels_last)
    return features


def local_correlation(first: torch.Tensor, second: torch.Tensor, radius: int) -> torch.Tensor:
    """Mean product of features with those of neighbouring places.

    Args:
        first: ``(B, C, H, W)``, looked at within ``radius`` voxels; zero outside the grid.
        second: the same shape.
        radius: voxels.

    Returns:
        ``(B, (2 radius + 1)^2, H, W)``.
    """
    padded = F.pad(first, [radius, radius, radius, radius])
    height, width = second.shape[-2], second.shape[-1]
    products = []
    for i in range(2 * radius + 1):
        for j in range(2 * radius + 1):
            shifted = padded[:, :, i : i + height, j : j + width]
            products.append((shifted * second).sum(1, keepdim=True))
    return torch.cat(products, dim=1) / first.shape[1]  # at last: quicker than means, and back


def upsample_field(field: torch.Tensor) -> torch.Tensor:
    """Double the resolution of a field in voxels: ``(B, 2, H, W)`` to ``(B, 2, 2 H, 2 W)``."""
    return 2 * F.interpolate(field, scale_factor=2.0, mode="bilinear", align_corners=False)
