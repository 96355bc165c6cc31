"""Variational autoencoder of displacement gradients (Qin et al., MICCAI 2020)."""

from collections.abc import Sequence

import torch
from torch import nn

from myomotion.networks.described import Described


class GradientVAE(Described):
    """Encoder of kernel-4 stride-2 convolutions, a Gaussian latent space, and the mirrored decoder.

    Input and output are standardised displacement gradients ``(B, 4, size, size)``; the statistics
    of the training data are buffers, so they travel with the weights. Called like a function the
    network is deterministic: it decodes the posterior mean.

    Args:
        channels: filters of the encoder's convolutions.
        latent: dimension of the latent space.
        size: height and width of the input; divisible by ``2 ** len(channels)``.
        in_channels: gradient channels.
        rotation_free: the mean rotation is taken out of the gradients before they come here; a
            buffer, because the weights make sense only with the input they were trained on.

        rim: voxels around the wall that it learns as well; noted with the weights.

    Raises:
        ValueError: if ``size`` is not divisible.
    """

    TITLE = "an autoencoder of displacement gradients"

    gradient_mean: torch.Tensor
    gradient_std: torch.Tensor
    rotation_free: torch.Tensor

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128, 256),
        latent: int = 32,
        size: int = 80,
        in_channels: int = 4,
        rotation_free: bool = True,
        rim: int = 0,
    ) -> None:
        factor = 2 ** len(channels)
        if size % factor:
            raise ValueError(f"size must be divisible by {factor}, got {size}")
        architecture = {
            "channels": list(channels),
            "latent": latent,
            "size": size,
            "in_channels": in_channels,
        }
        super().__init__(architecture, trained={"rim": rim})
        self.size = size
        self.in_channels = in_channels
        self.latent = latent
        self.coarse = (channels[-1], size // factor, size // factor)
        encoder: list[nn.Module] = []
        previous = in_channels
        for filters in channels:
            encoder += [nn.Conv2d(previous, filters, 4, 2, 1), nn.LeakyReLU(0.2)]
            previous = filters
        self.encoder = nn.Sequential(*encoder)
        flat = channels[-1] * self.coarse[1] * self.coarse[2]
        self.to_mean = nn.Linear(flat, latent)
        self.to_log_variance = nn.Linear(flat, latent)
        self.from_latent = nn.Linear(latent, flat)
        decoder: list[nn.Module] = []
        for filters in [*channels[-2::-1], in_channels]:
            decoder += [nn.LeakyReLU(0.2), nn.ConvTranspose2d(previous, filters, 4, 2, 1)]
            previous = filters
        self.decoder = nn.Sequential(*decoder)
        self.register_buffer("rotation_free", torch.tensor(rotation_free))
        self.register_buffer("gradient_mean", torch.zeros(1, in_channels, 1, 1))
        self.register_buffer("gradient_std", torch.ones(1, in_channels, 1, 1))

    def encode(self, standardised: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Posterior of the latent code.

        Args:
            standardised: ``(B, 4, size, size)``.

        Returns:
            Mean and log-variance, each ``(B, latent)``.
        """
        features = self.encoder(standardised).flatten(1)
        return self.to_mean(features), self.to_log_variance(features).clamp(-10.0, 10.0)

    def decode(self, latent: torch.Tensor) -> torch.Tensor:
        """Standardised gradient of a latent code.

        Args:
            latent: ``(B, latent)``.

        Returns:
            ``(B, 4, size, size)``.
        """
        coarse = self.from_latent(latent).unflatten(1, self.coarse)
        return self.decoder(coarse)

    def forward(self, standardised: torch.Tensor) -> torch.Tensor:
        """Reconstruct from the posterior mean: ``(B, 4, size, size)`` to the same shape."""
        return self.decode(self.encode(standardised)[0])
