"""Training the autoencoder: batches of gradients and the evidence lower bound as the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import torch
from ignite.engine import Engine, Events
from torch import nn

from .cycles import rotation_matrices, transform_patch
from .gradient_vae import GradientVAE
from .plausibility import GradientPatch, dilate, gradient_patch, kl_divergence, standardise


class SamplingVAE(nn.Module):
    """The autoencoder as it is trained: decodes a sample of the posterior, in eval mode its mean.

    Args:
        vae: network whose weights are trained.
    """

    def __init__(self, vae: GradientVAE) -> None:
        super().__init__()
        self.vae = vae

    def forward(
        self, standardised: torch.Tensor
    ) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Reconstruction ``(B, 4, H, W)``, posterior mean and log-variance ``(B, latent)``."""
        mean, log_variance = self.vae.encode(standardised)
        noise = torch.randn_like(mean) * self.training
        return self.vae.decode(mean + noise * (log_variance / 2).exp()), mean, log_variance


class GradientELBO(nn.Module):
    """Masked squared reconstruction error plus ``beta`` times the divergence.

    Normalised as :class:`~myomotion.plausibility.Plausibility`: means over mask and latent.

    Args:
        beta: weight of the divergence.
    """

    def __init__(self, beta: float = 1e-4) -> None:
        super().__init__()
        self.beta = beta

    def forward(
        self,
        pred: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        target: Mapping[str, torch.Tensor],
    ) -> torch.Tensor:
        """Mean loss of a batch.

        Args:
            pred: what :class:`SamplingVAE` returns.
            target: ``gradient`` (standardised, ``(B, 4, H, W)``) and ``mask`` ``(B, 1, H, W)``.

        Returns:
            Scalar.
        """
        reconstruction, mean, log_variance = pred
        mask = target["mask"]
        residual = (mask * (reconstruction - target["gradient"]) ** 2).sum((1, 2, 3))
        count = mask.sum((1, 2, 3)) * reconstruction.shape[1]
        return (residual / count + self.beta * kl_divergence(mean, log_variance)).mean()


class PrepareGradients:
    """Turn a batch of fields into standardised gradients (ignite's ``prepare_batch``).

    Args:
        vae: holds size and statistics.
        spacing: voxel size of the fields in millimetres.
        rotation_free: see :func:`~myomotion.plausibility.gradient_patch`.
        augment: turn and mirror each field at random.
        rim: voxels around the mask that count as well.
    """

    def __init__(
        self,
        vae: GradientVAE,
        spacing: float = 1.5,
        rotation_free: bool = True,
        augment: bool = False,
        rim: int = 0,
    ) -> None:
        self.vae = vae
        self.spacing = spacing
        self.rotation_free = rotation_free
        self.augment = augment
        self.rim = rim

    def patch(
        self, batch: Mapping[str, torch.Tensor], device: torch.device | None
    ) -> GradientPatch:
        """Gradients of a batch, augmented if so configured."""
        displacement = batch["displacement"].to(device)
        mask = dilate(batch["mask"].to(device), self.rim)
        patch = gradient_patch(displacement, mask, self.spacing, self.vae.size, self.rotation_free)
        if self.augment:
            matrices = rotation_matrices(len(mask), True, displacement)
            patch = transform_patch(patch, matrices)
        return patch

    def __call__(
        self,
        batch: Mapping[str, torch.Tensor],
        device: torch.device | None = None,
        non_blocking: bool = False,
        **kwargs: Any,
    ) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        """Network input and what the loss needs."""
        with torch.no_grad():
            patch = self.patch(batch, device)
            standardised = standardise(self.vae, patch)
        return standardised, {"gradient": standardised, "mask": patch.mask}


class GradientStatistics:
    """Handler that measures mean and standard deviation of the gradients before the first epoch.

    Args:
        loader: yields batches of fields.
        prepare: makes gradients of them.
        batches: how many batches to look at.
    """

    def __init__(self, loader: Iterable, prepare: PrepareGradients, batches: int = 50) -> None:
        self.loader = loader
        self.prepare = prepare
        self.batches = batches

    def attach(self, engine: Engine) -> None:
        """Run at the start of ``engine``."""
        engine.add_event_handler(Events.STARTED, self)

    def __call__(self, engine: Engine) -> None:
        """Store the statistics in the autoencoder, unless a checkpoint has brought them."""
        vae = self.prepare.vae
        if not bool((vae.gradient_std == 1).all()):
            return
        sums: Sequence[torch.Tensor | float] = (0.0, 0.0, 0.0)
        for index, batch in enumerate(self.loader):
            if index == self.batches:
                break
            gradient, mask = self.prepare.patch(batch, vae.gradient_std.device)
            terms = (
                mask.sum(),
                (gradient * mask).sum((0, 2, 3)),
                (gradient**2 * mask).sum((0, 2, 3)),
            )
            sums = tuple(total + term for total, term in zip(sums, terms, strict=True))
        count, first, second = (torch.as_tensor(s) for s in sums)
        mean = first / count
        deviation = (second / count - mean**2).clamp(min=1e-12).sqrt()
        vae.gradient_mean.copy_(mean[None, :, None, None])
        vae.gradient_std.copy_(deviation[None, :, None, None])


def relative_error(
    reconstruction: torch.Tensor, target: torch.Tensor, mask: torch.Tensor
) -> torch.Tensor:
    """Relative reconstruction error ``||g - g_hat|| / ||g||`` (L2 over mask and channels).

    Args:
        reconstruction: gradients in physical units, ``(B, 4, H, W)``.
        target: gradients in physical units, ``(B, 4, H, W)``.
        mask: ``(B, 1, H, W)``.

    Returns:
        ``(B,)``.
    """
    error = (mask * (reconstruction - target) ** 2).sum((1, 2, 3))
    return (error / (mask * target**2).sum((1, 2, 3)).clamp(min=1e-12)).sqrt()


class MeanRelativeError:
    """Validation figure: mean :func:`relative_error` of an engine's output, in physical units.

    Args:
        vae: holds the statistics.
    """

    def __init__(self, vae: GradientVAE) -> None:
        self.vae = vae

    def __call__(self, output: Mapping[str, Any]) -> torch.Tensor:
        """Mean over the batch of ``output`` (``pred`` and ``label`` of the engine)."""
        target = output["label"]
        std, mean = self.vae.gradient_std, self.vae.gradient_mean
        reconstruction = output["pred"][0] * std + mean
        return relative_error(
            reconstruction, target["gradient"] * std + mean, target["mask"]
        ).mean()
