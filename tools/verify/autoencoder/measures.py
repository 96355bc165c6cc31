"""What can be measured about a trained autoencoder: errors, separation, prior, descent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from scipy.stats import mannwhitneyu

from myomotion.losses.plausibility import GradientPatch, Plausibility
from myomotion.networks.gradient_vae import GradientVAE

SYSTOLIC_FRAMES = (1.0, 0.85, 0.7, 0.55)  # of the way from end-diastole to end-systole, in frames
CONTROL_POINTS = 12  # along each axis of the grid on which the descent moves a field


@dataclass(frozen=True)
class FieldSet:
    """Fields of several slices with their walls.

    Attributes:
        displacement: ``(N, 2, H, W)`` in millimetres on the end-diastolic grid.
        mask: ``(N, 1, H, W)``, the wall at end-diastole.
    """

    displacement: torch.Tensor
    mask: torch.Tensor

    def __len__(self) -> int:
        return len(self.displacement)

    def every(self, number: int) -> FieldSet:
        """About ``number`` fields, evenly spread."""
        index = np.unique(np.linspace(0, len(self) - 1, min(number, len(self))).round()).astype(int)
        return FieldSet(self.displacement[index], self.mask[index])


def systolic_fields(cycles: Iterable[Mapping[Any, Any]]) -> list[FieldSet]:
    """The frames :data:`SYSTOLIC_FRAMES` of cycles, which must be of one size.

    Args:
        cycles: from :class:`~myomotion.transforms.cycles.LoadCycled`.

    Returns:
        A set for each of the frames, end-systole first; field i of each belongs to cycle i.
    """
    frames: list[list[torch.Tensor]] = [[] for _ in SYSTOLIC_FRAMES]
    masks = []
    for cycle in cycles:
        last = len(cycle["displacement"]) - 1
        for fields, part in zip(frames, SYSTOLIC_FRAMES, strict=True):
            fields.append(cycle["displacement"][max(round(part * last), 1)])
        masks.append(cycle["mask"])
    mask = torch.stack(masks)
    return [FieldSet(torch.stack(fields), mask) for fields in frames]


def joined(sets: Sequence[FieldSet]) -> FieldSet:
    """All fields of several sets."""
    return FieldSet(torch.cat([s.displacement for s in sets]), torch.cat([s.mask for s in sets]))


def scores(regulariser: Plausibility, fields: FieldSet, batch: int = 32) -> np.ndarray:
    """R_VAE of fields, ``(N,)``.

    Args:
        regulariser: R_VAE.
        fields: to score.
        batch: how many at once.
    """
    device = regulariser.vae.gradient_std.device
    with torch.no_grad():
        parts = [
            regulariser(u.to(device), m.to(device)).cpu()
            for u, m in zip(fields.displacement.split(batch), fields.mask.split(batch), strict=True)
        ]
    return torch.cat(parts).double().numpy()


def auroc(plausible: np.ndarray, implausible: np.ndarray) -> float:
    """Probability that an implausible field scores higher than a plausible one (ties count half).

    Mann and Whitney's ``U / (n m)``.

    Args:
        plausible: ``(n,)`` scores.
        implausible: ``(m,)`` scores.

    Raises:
        ValueError: if a group is empty or a score is not finite.
    """
    n, m = len(plausible), len(implausible)
    if n == 0 or m == 0 or not np.isfinite([*plausible, *implausible]).all():
        raise ValueError(f"AUROC needs finite scores of both groups, got {n} and {m}")
    return float(mannwhitneyu(implausible, plausible).statistic / (n * m))


def common_wall(mask: torch.Tensor, share: float = 0.5) -> torch.Tensor:
    """Voxels that lie in the wall of at least a share of the slices.

    Where hearts differ too much in size for that, those that do so nearly as often as any.

    Args:
        mask: ``(B, 1, size, size)``, walls centred as the autoencoder sees them.
        share: of the slices.

    Returns:
        ``(1, 1, size, size)``, 0 or 1.
    """
    often = mask.mean(0, keepdim=True)
    return (often >= min(share, 0.9 * float(often.max()))).to(mask)


def decoded_gradients(vae: GradientVAE, latent: torch.Tensor) -> torch.Tensor:
    """Displacement gradients of latent codes ``(B, latent)``, ``(B, 4, size, size)``."""
    with torch.no_grad():
        decoded = vae.decode(latent.to(vae.gradient_std)) * vae.gradient_std + vae.gradient_mean
    return decoded


def prior_gradients(vae: GradientVAE, samples: int, generator: torch.Generator) -> torch.Tensor:
    """Displacement gradients decoded from samples of the standard normal.

    Args:
        vae: the autoencoder.
        samples: how many.
        generator: of the random numbers.

    Returns:
        ``(samples, 4, size, size)``.
    """
    return decoded_gradients(vae, torch.randn(samples, vae.latent, generator=generator))


def descend_on_plausibility(
    regulariser: Plausibility, fields: FieldSet, steps: int = 100, learning_rate: float = 0.3
) -> torch.Tensor:
    """Move fields downhill on R_VAE alone, by Adam on a coarse grid of displacements.

    A correction given on :data:`CONTROL_POINTS` squared points and interpolated by cubic splines is
    added to each field. Nothing but R_VAE is minimised; the spacing of the points bounds how rough
    the correction can be.

    Args:
        regulariser: R_VAE.
        fields: where to start.
        steps: of Adam; the learning rate falls to zero along a cosine.
        learning_rate: of Adam, millimetres.

    Returns:
        ``(N, 2, H, W)`` in millimetres.
    """
    device = regulariser.vae.gradient_std.device
    start, mask = fields.displacement.to(device), fields.mask.to(device)
    size = (start.shape[-2], start.shape[-1])
    control = start.new_zeros(len(start), 2, CONTROL_POINTS, CONTROL_POINTS, requires_grad=True)
    optimizer = torch.optim.Adam([control], lr=learning_rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)

    def moved() -> torch.Tensor:
        return start + F.interpolate(control, size=size, mode="bicubic", align_corners=True)

    for _ in range(steps):
        optimizer.zero_grad()
        # The sum keeps the gradient of each field what it would be alone.
        regulariser(moved(), mask).sum().backward()
        optimizer.step()
        schedule.step()
    return moved().detach().cpu()


def gradient_distance(
    regulariser: Plausibility, displacement: torch.Tensor, truth: FieldSet
) -> torch.Tensor:
    """Distance of grad u in the wall to that of true fields, as the autoencoder sees both.

    Args:
        regulariser: says whether the mean rotation counts.
        displacement: ``(N, 2, H, W)`` in millimetres.
        truth: the true fields.

    Returns:
        ``(N,)``, root of the sum of squares.
    """
    found, true = (regulariser.patch(u, truth.mask) for u in (displacement, truth.displacement))
    return (true.mask * (found.gradient - true.gradient) ** 2).sum((1, 2, 3)).sqrt()


def patches(regulariser: Plausibility, fields: FieldSet) -> GradientPatch:
    """Gradients of fields on the autoencoder's device."""
    device = regulariser.vae.gradient_std.device
    return regulariser.patch(fields.displacement.to(device), fields.mask.to(device))
