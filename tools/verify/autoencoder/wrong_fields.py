"""Motions that heart muscle does not make, from motions that it does.

Displacements are ``(B, 2, H, W)`` in millimetres on the reference grid, masks ``(B, 1, H, W)``.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F

from myomotion.core.flow import identity_coordinates
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant, masked_mean

SMOOTHING_MM = (6.0, 15.0)  # standard deviations of the Gaussians that smooth the perturbations
FOLD_WIDTH_MM = 3.0  # standard deviation of the folded patch
MIRROR_FACTOR = 2.0  # the folding gradient in units of the one that makes J zero: J becomes -J


def wall_rms(gradient: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Root mean square of a gradient over wall and channels.

    Args:
        gradient: ``(B, 4, H, W)``.
        mask: ``(B, 1, H, W)``.

    Returns:
        ``(B,)``.
    """
    return masked_mean(gradient**2, mask).mean(1).sqrt()


def smooth_displacement(
    batch: int, size: tuple[int, int], spacing: float, generator: torch.Generator
) -> torch.Tensor:
    """White noise smoothed by a Gaussian whose width is drawn from :data:`SMOOTHING_MM`.

    Args:
        batch: how many.
        size: ``(H, W)``.
        spacing: voxel size in millimetres.
        generator: of the random numbers.

    Returns:
        ``(batch, 2, H, W)`` in arbitrary units.
    """
    low, high = SMOOTHING_MM
    width = low + (high - low) * torch.rand(batch, 1, 1, 1, generator=generator)
    squared = (
        torch.fft.fftfreq(size[0], spacing)[:, None] ** 2
        + torch.fft.rfftfreq(size[1], spacing)[None, :] ** 2
    )
    noise = torch.randn(batch, 2, *size, generator=generator)
    spectrum = torch.fft.rfft2(noise) * torch.exp(-2 * (math.pi * width) ** 2 * squared)
    return torch.fft.irfft2(spectrum, s=size)


def perturbed(
    displacement: torch.Tensor,
    mask: torch.Tensor,
    spacing: float,
    share: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Add a smooth random motion whose gradient in the wall has a given energy.

    The mean rotation of the random motion over the wall is taken out first, because turning the
    deformed state is not an error.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        mask: ``(B, 1, H, W)``, the wall.
        spacing: voxel size in millimetres.
        share: root mean square of the added gradient over that of the field, both in the wall.
        generator: of the random numbers.

    Returns:
        ``(B, 2, H, W)`` in millimetres.
    """
    size = (displacement.shape[-2], displacement.shape[-1])
    noise = smooth_displacement(len(displacement), size, spacing, generator).to(displacement)
    mean = masked_mean(displacement_gradient(noise, spacing), mask)
    spin = ((mean[:, 2] - mean[:, 1]) / 2)[:, None, None]
    x0, x1 = (identity_coordinates(list(size), noise) * spacing).unbind(1)
    noise = noise - torch.stack([-spin * x1, spin * x0], dim=1)
    own = wall_rms(displacement_gradient(displacement, spacing), mask)
    added = wall_rms(displacement_gradient(noise, spacing), mask)
    return displacement + noise * (share * own / added)[:, None, None, None]


def scaled_to_area(
    displacement: torch.Tensor,
    mask: torch.Tensor,
    spacing: float,
    area: float | torch.Tensor,
) -> torch.Tensor:
    """Scale the deformed state radially, ``x' = c + s (x - c)``, to a given mean J in the wall.

    ``F' = s F`` and ``J' = s^2 J``. The centre ``c`` is the centroid of the wall; another one would
    only shift the deformed state.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        mask: ``(B, 1, H, W)``, the wall.
        spacing: voxel size in millimetres.
        area: mean of J over the wall after scaling, one for all or ``(B,)``.

    Returns:
        ``(B, 2, H, W)`` in millimetres.

    Raises:
        ValueError: if a field's mean J is not positive.
    """
    mean = mean_area_change(displacement, mask, spacing)
    if not bool((mean > 0).all()):
        raise ValueError(f"the mean J of a field is {float(mean.min()):g}: it cannot be scaled")
    factor = (torch.as_tensor(area).to(mean) / mean).sqrt()[:, None, None, None]
    material = identity_coordinates(list(mask.shape[-2:]), displacement) * spacing
    deformed = material + displacement
    center = masked_mean(deformed, mask)[:, :, None, None]
    return center + factor * (deformed - center) - material


def mean_area_change(
    displacement: torch.Tensor, mask: torch.Tensor, spacing: float
) -> torch.Tensor:
    """Mean of J over the wall, ``(B,)``."""
    return masked_mean(jacobian_determinant(displacement_gradient(displacement, spacing)), mask)[
        :, 0
    ]


def folded(
    displacement: torch.Tensor,
    mask: torch.Tensor,
    spacing: float,
    generator: torch.Generator,
) -> torch.Tensor:
    """Turn a patch of the wall over: J at its centre becomes -J.

    Added is ``-a d (d.(X - c)) exp(-|X - c|^2 / 2 w^2)`` with a random direction ``d``, a centre
    ``c`` drawn from the wall one voxel away from its border where the wall is that thick, and ``a``
    twice the value at which ``det(F - a d d^T)`` vanishes at the centre.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        mask: ``(B, 1, H, W)``, the wall.
        spacing: voxel size in millimetres.
        generator: of the random numbers.

    Returns:
        ``(B, 2, H, W)`` in millimetres.
    """
    batch, width = len(displacement), displacement.shape[-1]
    wall = (mask > 0.5).to(displacement)
    inner = 1 - F.max_pool2d(1 - wall, 3, stride=1, padding=1)
    weight = torch.where(inner.sum((1, 2, 3), keepdim=True) > 0, inner, wall).flatten(1).cpu()
    chosen = torch.multinomial(weight, 1, generator=generator).to(displacement.device)
    index = torch.cat([chosen // width, chosen % width], dim=1).to(displacement)
    offset = identity_coordinates(list(mask.shape[-2:]), displacement) - index[:, :, None, None]
    offset = offset * spacing
    angle = 2 * math.pi * torch.rand(batch, generator=generator).to(displacement)
    direction = torch.stack([angle.cos(), angle.sin()], dim=1)
    gradient = displacement_gradient(displacement, spacing).flatten(2)
    g00, g01, g10, g11 = gradient.gather(2, chosen[:, None].expand(-1, 4, -1))[..., 0].unbind(1)
    # d^T adj(F) d / det F, with the adjugate of the deformation gradient at the patch's centre.
    d0, d1 = direction.unbind(1)
    adjugate = (1 + g11) * d0**2 - (g01 + g10) * d0 * d1 + (1 + g00) * d1**2
    determinant = (1 + g00) * (1 + g11) - g01 * g10
    attenuation = math.exp(-((spacing / FOLD_WIDTH_MM) ** 2) / 2)  # of a central difference
    size = MIRROR_FACTOR * determinant / adjugate.clamp(min=0.1) / attenuation
    along = (offset * direction[:, :, None, None]).sum(1, keepdim=True)
    bump = torch.exp(-(offset**2).sum(1, keepdim=True) / (2 * FOLD_WIDTH_MM**2))
    patch = size[:, None, None, None] * direction[:, :, None, None] * along * bump
    return displacement - patch


def turned(
    displacement: torch.Tensor, degrees: float | torch.Tensor, spacing: float
) -> torch.Tensor:
    """Rotate the deformed state about the grid's origin, ``x' = Q x``.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        degrees: from axis 0 towards axis 1, one for all or ``(B,)``.
        spacing: voxel size in millimetres.

    Returns:
        ``(B, 2, H, W)`` in millimetres.
    """
    angle = torch.deg2rad(torch.as_tensor(degrees).to(displacement)).reshape(-1, 1, 1)
    material = identity_coordinates(list(displacement.shape[-2:]), displacement) * spacing
    x0, x1 = (material + displacement).unbind(1)
    cosine, sine = angle.cos(), angle.sin()
    return torch.stack([cosine * x0 - sine * x1, sine * x0 + cosine * x1], dim=1) - material
