"""R_VAE: how far a motion is from those the variational autoencoder has learned."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import nn
from torch.nn import utils

from myomotion.core.flow import identity_coordinates, sample
from myomotion.core.kinematics import displacement_gradient, remove_mean_rotation
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_network

VAE_SPACING = 1.5  # millimetres, spacing of the grid the autoencoder works on


class GradientPatch(NamedTuple):
    """Displacement gradients as the autoencoder sees them, centred on the mask.

    Attributes:
        gradient: ``(B, 4, size, size)``, dimensionless.
        mask: ``(B, 1, size, size)``.
    """

    gradient: torch.Tensor
    mask: torch.Tensor


def gradient_patch(
    displacement: torch.Tensor,
    mask: torch.Tensor,
    spacing: Sequence[float] | float,
    size: int,
    rotation_free: bool = True,
) -> GradientPatch:
    """Cut the square around the mask that the autoencoder looks at and differentiate there.

    The square is centred on the mask's centroid, so neither the crop nor the position of the heart
    matters, and sampled every :data:`VAE_SPACING` millimetres; on a grid of that spacing it falls
    on voxel centres and no interpolation happens.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres on the reference grid.
        mask: ``(B, 1, H, W)``, the myocardium.
        spacing: voxel size in millimetres.
        size: height and width of the square in voxels of :data:`VAE_SPACING`.
        rotation_free: take the mean rotation over the mask out of the deformation first
            (:func:`~myomotion.core.kinematics.remove_mean_rotation`); False is the paper's choice.

    Returns:
        The patch.

    Raises:
        ValueError: if an item's mask is empty or a displacement is not finite.
    """
    if mask.shape != (displacement.shape[0], 1, *displacement.shape[-2:]):
        raise ValueError(
            f"mask must be (B, 1, H, W) = {(displacement.shape[0], 1, *displacement.shape[-2:])}, "
            f"got {tuple(mask.shape)}"
        )
    weight = mask.to(displacement.dtype)
    if not bool(torch.isfinite(displacement).all()):
        raise ValueError("the displacement holds NaN or infinite values")
    center, step = patch_frame(weight, spacing, size)
    offset = identity_coordinates([size, size], weight) - (size - 1) / 2
    coordinates = center + offset * step
    inside = (coordinates >= 0).all(1) & (
        coordinates <= coordinates.new_tensor(displacement.shape[-2:])[:, None, None] - 1
    ).all(1)
    patch = sample(torch.cat([displacement, weight], dim=1), coordinates)
    square = patch[:, 2:] * inside[:, None]
    gradient = displacement_gradient(patch[:, :2], VAE_SPACING)
    if rotation_free:
        gradient = remove_mean_rotation(gradient, square)
    return GradientPatch(gradient, square)


def patch_frame(
    mask: torch.Tensor, spacing: Sequence[float] | float, size: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Where the autoencoder's square lies on the grid of a mask.

    Args:
        mask: ``(B, 1, H, W)`` weights.
        spacing: voxel size in millimetres.
        size: height and width of the square in voxels of :data:`VAE_SPACING`.

    Returns:
        Centre in voxels of the mask's grid ``(B, 2, 1, 1)`` and step ``(1, 2, 1, 1)``: voxel ``i``
        of the square is at ``center + (i - (size - 1) / 2) * step``.

    Raises:
        ValueError: if an item's mask is empty.
    """
    total = mask.sum((1, 2, 3))
    if not bool((total > 0).all()):
        empty = [i for i, t in enumerate(total.tolist()) if t <= 0]
        raise ValueError(f"the mask of item {empty} is empty: R_VAE needs a myocardium")
    h = (spacing, spacing) if isinstance(spacing, int | float) else tuple(spacing)
    step = mask.new_tensor([VAE_SPACING / s for s in h])[None, :, None, None]
    index = identity_coordinates(list(mask.shape[-2:]), mask)
    center = (index * mask).sum((2, 3)) / total[:, None]
    # The half-voxel grid of centres keeps the samples on voxel centres where spacings agree.
    return (torch.floor(center) + 0.5 * ((size + 1) % 2))[:, :, None, None], step


def dilate(mask: torch.Tensor, voxels: int) -> torch.Tensor:
    """Grow a mask by a number of voxels (disc).

    Args:
        mask: ``(B, 1, H, W)``.
        voxels: radius; 0 returns the mask as it is.

    Returns:
        ``(B, 1, H, W)``, 0 or 1 where grown.
    """
    if voxels == 0:
        return mask
    axis = torch.arange(-voxels, voxels + 1, dtype=mask.dtype, device=mask.device)
    disc = (axis[:, None] ** 2 + axis[None, :] ** 2 <= voxels**2).to(mask.dtype)[None, None]
    return (F.conv2d((mask > 0.5).to(mask.dtype), disc, padding=voxels) > 0.5).to(mask.dtype)


class Plausibility(nn.Module):
    """The regulariser ``R_VAE(u, mask)``.

    ``R = mean over mask and channels of ((g - g_hat) / std)^2 + beta * KL / latent``, with ``g``
    the displacement gradient, ``g_hat`` its reconstruction from the posterior mean, ``std`` the
    training data's standard deviation stored in the weights, and ``KL`` the divergence of the
    posterior from the standard normal. Both terms are means, so the value does not depend on crop,
    spacing or batch size. The paper's sum relates to it by ``R_paper = 4 N std^2 R`` with ``N`` the
    number of mask pixels (see the documentation of the bundle for the mapping of alpha).

    The autoencoder is frozen and in eval mode, whatever mode the surrounding module is in.

    Args:
        vae: the autoencoder.
        spacing: voxel size of the fields in millimetres.
        beta: weight of the divergence.
    """

    def __init__(self, vae: GradientVAE, spacing: float = 1.5, beta: float = 1e-4) -> None:
        super().__init__()
        self.vae = vae.eval().requires_grad_(False)
        self.spacing = spacing
        self.beta = beta

    def train(self, mode: bool = True) -> Plausibility:
        """Set the mode of everything but the autoencoder, which stays in eval mode."""
        super().train(mode)
        self.vae.eval()
        return self

    def patch(self, displacement: torch.Tensor, mask: torch.Tensor) -> GradientPatch:
        """Gradients as the autoencoder was trained on, see :func:`gradient_patch`."""
        free = bool(self.vae.rotation_free)
        return gradient_patch(displacement, mask, self.spacing, self.vae.size, free)

    @property
    def stiffness(self) -> float:
        """Factor of the mean squared gradient over the mask in R, where no code explains any."""
        deviations = self.vae.gradient_std
        return 1 / (self.vae.in_channels * float(deviations.square().mean()))

    def forward(self, displacement: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Score fields.

        Args:
            displacement: ``(B, 2, H, W)`` in millimetres on the reference grid.
            mask: ``(B, 1, H, W)``, the myocardium (dilated where the rim shall count).

        Returns:
            ``(B,)``; small is plausible.
        """
        patch = self.patch(displacement, mask)
        standardised = standardise(self.vae, patch)
        if standardised.device.type == "cpu":  # as the weights lie, see load_plausibility
            standardised = standardised.contiguous(memory_format=torch.channels_last)
        mean, log_variance = self.vae.encode(standardised)
        residual = patch.mask * (self.vae.decode(mean) - standardised) ** 2
        count = patch.mask.sum((1, 2, 3)).clamp(min=1e-6) * self.vae.in_channels
        return residual.sum((1, 2, 3)) / count + self.beta * kl_divergence(mean, log_variance)

    def residual_map(self, displacement: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        """Where a field is implausible: the squared standardised residual, a mean over channels.

        Args:
            displacement: ``(B, 2, H, W)`` in millimetres.
            mask: ``(B, 1, H, W)``.

        Returns:
            ``(B, 1, size, size)`` on the square around the mask, zero outside it.
        """
        patch = self.patch(displacement, mask)
        standardised = standardise(self.vae, patch)
        return (patch.mask * (self.vae(standardised) - standardised) ** 2).mean(1, keepdim=True)


def standardise(vae: GradientVAE, patch: GradientPatch) -> torch.Tensor:
    """Gradients in units of the training data's standard deviation, zero outside the mask.

    Args:
        vae: holds the statistics.
        patch: from :func:`gradient_patch`.

    Returns:
        ``(B, 4, size, size)``.
    """
    return patch.mask * (patch.gradient - vae.gradient_mean) / vae.gradient_std


def kl_divergence(mean: torch.Tensor, log_variance: torch.Tensor) -> torch.Tensor:
    """Divergence of a diagonal Gaussian from the standard normal, a mean over latent dimensions.

    Args:
        mean: ``(B, latent)``.
        log_variance: ``(B, latent)``.

    Returns:
        ``(B,)``.
    """
    return ((mean**2 + log_variance.exp() - 1 - log_variance) / 2).mean(1)


def load_plausibility(
    weights: str | Path,
    spacing: float = 1.5,
    beta: float = 1e-4,
    device: torch.device | str = "cpu",
) -> Plausibility:
    """R_VAE with trained weights.

    Args:
        weights: ``.pt`` file of a :class:`~myomotion.networks.gradient_vae.GradientVAE`, of any
            architecture.
        spacing: voxel size of the fields in millimetres.
        beta: weight of the divergence.
        device: where to compute.

    Returns:
        The regulariser.

    Raises:
        InputError: if the weights are missing or do not fit.
    """
    vae = load_network(weights, GradientVAE)
    if torch.device(device).type == "cpu":  # a quarter less time
        utils.convert_conv2d_weight_memory_format(vae, torch.channels_last)
    return Plausibility(vae.to(device), spacing=spacing, beta=beta)
