"""Training the autoencoder: batches of gradients and the evidence lower bound as the loss."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import torch
import torch.nn.functional as F
from ignite.engine import Engine, Events
from torch import nn

from myomotion.core.kinematics import displacement_gradient
from myomotion.core.rotate import rotation_matrices, transform_scalar
from myomotion.losses.plausibility import (
    GradientPatch,
    dilate,
    gradient_patch,
    kl_divergence,
    standardise,
)
from myomotion.networks.gradient_vae import GradientVAE

PERTURBED_SHARE = 0.5  # of the fields of a batch


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

    Normalised as :class:`~myomotion.losses.plausibility.Plausibility`: means over mask and latent.

    Args:
        beta: weight of the divergence.
    """

    def __init__(self, beta: float = 1e-4) -> None:
        super().__init__()
        self.beta = beta
        self.terms: dict[str, torch.Tensor] = {}

    def forward(
        self,
        pred: tuple[torch.Tensor, torch.Tensor, torch.Tensor],
        target: Mapping[str, torch.Tensor],
    ) -> torch.Tensor:
        """Mean loss of a batch; the parts are kept in ``terms`` for the log.

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
        error = (residual / count).mean()
        divergence = kl_divergence(mean, log_variance).mean()
        self.terms = {
            "squared_error": error.detach(),
            "divergence": divergence.detach(),
        }
        return error + self.beta * divergence


class PrepareGradients:
    """Turn a batch of fields into standardised gradients (ignite's ``prepare_batch``).

    Args:
        vae: holds size and statistics.
        spacing: voxel size of the fields in millimetres.
        augment: turn and mirror each field at random.
        rim: voxels around the mask that count as well.
        perturbation: largest size of a smooth random perturbation of the input, root mean square in
            units of the training data's standard deviation; the target stays unperturbed, so the
            autoencoder learns to bring a motion back to the plausible ones.
    """

    def __init__(
        self,
        vae: GradientVAE,
        spacing: float = 1.5,
        augment: bool = False,
        rim: int = 0,
        perturbation: float = 0.0,
    ) -> None:
        self.vae = vae
        self.spacing = spacing
        self.augment = augment
        self.rim = rim
        self.perturbation = perturbation

    def patch(
        self, batch: Mapping[str, torch.Tensor], device: torch.device | None
    ) -> GradientPatch:
        """Gradients of a batch, augmented if so configured."""
        displacement = batch["displacement"].to(device)
        mask = dilate(batch["mask"].to(device), self.rim)
        free = bool(self.vae.rotation_free)
        patch = gradient_patch(displacement, mask, self.spacing, self.vae.size, free)
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
            seen = standardised
            if self.perturbation > 0:
                noise = smooth_gradients(len(seen), self.vae.size, seen)
                size = torch.rand(len(seen), 1, 1, 1, device=seen.device) * self.perturbation
                chosen = (torch.rand_like(size) < PERTURBED_SHARE).to(seen)
                seen = seen + patch.mask * noise * size * chosen
        return seen, {"gradient": standardised, "mask": patch.mask}


def smooth_gradients(batch: int, size: int, like: torch.Tensor) -> torch.Tensor:
    """Gradients of smooth random displacements, of root mean square 1.

    The displacement is drawn on a coarse grid, whose number of points is drawn as well, and
    interpolated by cubic splines.

    Args:
        batch: how many.
        size: height and width.
        like: gives dtype and device.

    Returns:
        ``(batch, 4, size, size)``.
    """
    coarse = int(torch.randint(5, 17, ()))
    points = torch.randn(batch, 2, coarse, coarse, dtype=like.dtype, device=like.device)
    field = F.interpolate(points, size=(size, size), mode="bicubic", align_corners=True)
    gradient = displacement_gradient(field, 1.0)
    return gradient / (gradient**2).mean((1, 2, 3), keepdim=True).sqrt().clamp(min=1e-12)


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
        if bool(torch.any(vae.gradient_std != 1)):
            return
        count = first = second = torch.zeros((), device=vae.gradient_std.device)
        for index, batch in enumerate(self.loader):
            if index == self.batches:
                break
            gradient, mask = self.prepare.patch(batch, vae.gradient_std.device)
            count = count + mask.sum()
            first = first + (gradient * mask).sum((0, 2, 3))
            second = second + (gradient**2 * mask).sum((0, 2, 3))
        if torch.distributed.is_available() and torch.distributed.is_initialized():
            for part in (count, first, second):  # each process has seen its own share
                torch.distributed.all_reduce(part)
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


def transform_patch(patch: GradientPatch, matrix: torch.Tensor) -> GradientPatch:
    """Turn displacement gradients with the picture: ``G'(X) = Q G(Q^T X) Q^T``.

    Args:
        patch: gradients and mask.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.

    Returns:
        The turned patch; the mask keeps the voxels whose source lies in the mask.
    """
    gradient = transform_scalar(patch.gradient, matrix, "bilinear").unflatten(1, (2, 2))
    turned = torch.einsum("bij,bjkhw,blk->bilhw", matrix, gradient, matrix).flatten(1, 2)
    return GradientPatch(turned, transform_scalar(patch.mask, matrix, "nearest"))


class CycleErrors:
    """Reconstruction errors of grad u in the wall, where a batch holds the frames of one slice.

    Args:
        vae: holds the statistics.
        kind: ``"cycle"``: ``||g - g_hat|| / ||g||`` pooled over the frames; ``"frames"``: mean of
            the frames' own relative errors; ``"es"``: that of the first frame of the batch.

    Raises:
        ValueError: for another kind.
    """

    def __init__(self, vae: GradientVAE, kind: str = "cycle") -> None:
        if kind not in ("cycle", "frames", "es"):
            raise ValueError(f"kind must be cycle, frames or es, got '{kind}'")
        self.vae = vae
        self.kind = kind

    def __call__(self, output: Mapping[str, Any]) -> torch.Tensor:
        """The error of ``output`` (``pred`` and ``label`` of the engine), a scalar."""
        target = output["label"]
        std, mean = self.vae.gradient_std, self.vae.gradient_mean
        found, true = output["pred"][0] * std + mean, target["gradient"] * std + mean
        mask = target["mask"]
        if self.kind == "cycle":
            found, true, mask = (x.transpose(0, 1).flatten(1, 2)[None] for x in (found, true, mask))
        errors = relative_error(found, true, mask)
        return errors[0] if self.kind == "es" else errors.mean()
