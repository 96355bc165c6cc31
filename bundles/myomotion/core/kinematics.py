"""Deformation measures of a displacement field, in physical units.

Displacements are ``(B, 2, H, W)`` in millimetres on the reference (end-diastolic) grid; gradients
are taken with respect to millimetres, so every quantity here is dimensionless and means the same at
every pixel spacing.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch


def displacement_gradient(
    displacement: torch.Tensor, spacing: Sequence[float] | float
) -> torch.Tensor:
    """Gradient of the displacement, central differences inside and one-sided at the border.

    Args:
        displacement: ``(B, 2, H, W)`` in millimetres.
        spacing: voxel size along axes 0 and 1 in millimetres (one number for both).

    Returns:
        ``(B, 4, H, W)``, dimensionless, channels ``[du0/dx0, du0/dx1, du1/dx0, du1/dx1]``.

    Raises:
        ValueError: if ``displacement`` does not have two components or an axis is shorter than 2.
    """
    if displacement.ndim != 4 or displacement.shape[1] != 2 or min(displacement.shape[-2:]) < 2:
        raise ValueError(
            "displacement must be (B, 2, H, W) with H, W >= 2, "
            f"got shape {tuple(displacement.shape)}"
        )
    h = (spacing, spacing) if isinstance(spacing, int | float) else tuple(spacing)
    along0, along1 = torch.gradient(displacement, spacing=[float(s) for s in h], dim=(2, 3))
    return torch.stack([along0[:, 0], along1[:, 0], along0[:, 1], along1[:, 1]], dim=1)


def jacobian_determinant(gradient: torch.Tensor) -> torch.Tensor:
    """Area change ``J = det(I + grad u)``.

    Args:
        gradient: ``(B, 4, ...)`` displacement gradient.

    Returns:
        ``(B, 1, ...)``.
    """
    g00, g01, g10, g11 = gradient.unbind(1)
    return ((1 + g00) * (1 + g11) - g01 * g10).unsqueeze(1)


def green_lagrange_strain(gradient: torch.Tensor) -> torch.Tensor:
    """Green-Lagrange strain ``E = (F^T F - I) / 2 = (G + G^T + G^T G) / 2``.

    Args:
        gradient: ``(B, 4, ...)`` displacement gradient ``G``.

    Returns:
        ``(B, 3, ...)``, channels ``[E00, E11, E01]``.
    """
    g00, g01, g10, g11 = gradient.unbind(1)
    e00 = g00 + (g00**2 + g10**2) / 2
    e11 = g11 + (g01**2 + g11**2) / 2
    e01 = (g01 + g10 + g00 * g01 + g10 * g11) / 2
    return torch.stack([e00, e11, e01], dim=1)


def radial_direction(
    center: Sequence[float], size: Sequence[int], spacing: Sequence[float], like: torch.Tensor
) -> torch.Tensor:
    """Unit vectors pointing away from a centre.

    Args:
        center: voxel index ``(i, j)`` of the left-ventricular cavity centroid at end-diastole.
        size: ``(H, W)``.
        spacing: voxel size in millimetres.
        like: tensor that gives dtype and device.

    Returns:
        ``(1, 2, H, W)``; zero at the centre itself.
    """
    axes = [
        (torch.arange(n, dtype=like.dtype, device=like.device) - c) * s
        for n, c, s in zip(size, center, spacing, strict=True)
    ]
    offset = torch.stack(torch.meshgrid(*axes, indexing="ij"))[None]
    return offset / offset.norm(dim=1, keepdim=True).clamp(min=1e-6)


def radial_circumferential_strain(strain: torch.Tensor, radial: torch.Tensor) -> torch.Tensor:
    """Normal strains along the cardiac axes, ``Err = r.E.r`` and ``Ecc = c.E.c``.

    Args:
        strain: ``(B, 3, H, W)`` from :func:`green_lagrange_strain`.
        radial: ``(1 or B, 2, H, W)`` unit vectors from :func:`radial_direction`.

    Returns:
        ``(B, 2, H, W)``, channels ``[Err, Ecc]``, dimensionless (0.1 is 10 %).
    """
    e00, e11, e01 = strain.unbind(1)
    r0, r1 = radial.unbind(1)
    err = r0**2 * e00 + r1**2 * e11 + 2 * r0 * r1 * e01
    ecc = r1**2 * e00 + r0**2 * e11 - 2 * r0 * r1 * e01
    return torch.stack([err, ecc], dim=1)


def remove_mean_rotation(gradient: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Rotate the deformed configuration so that its mean rotation over a mask vanishes.

    The rotation ``R`` closest to the mask mean of ``F`` (polar decomposition in 2-D, angle
    ``atan2(F10 - F01, F00 + F11)``) is taken out: ``G' = R^T F - I``. Replacing ``F`` by ``Q F``
    with any rotation ``Q`` leaves ``G'`` unchanged.

    Args:
        gradient: ``(B, 4, H, W)`` displacement gradient.
        mask: ``(B, 1, H, W)`` weights.

    Returns:
        ``(B, 4, H, W)``.
    """
    sine, cosine = mean_rotation(gradient, mask)
    return rotate_deformation(gradient, -sine, cosine)


def mean_rotation(gradient: torch.Tensor, mask: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Sine and cosine of the rotation closest to the mean of ``F`` over a mask.

    Args:
        gradient: ``(B, 4, H, W)`` displacement gradient.
        mask: ``(B, 1, H, W)`` weights.

    Returns:
        Two tensors ``(B,)``.
    """
    g00, g01, g10, g11 = gradient.unbind(1)
    weight = mask[:, 0].to(gradient.dtype)
    total = weight.sum((-2, -1)).clamp(min=1e-12)
    sine = ((g10 - g01) * weight).sum((-2, -1)) / total
    cosine = ((2 + g00 + g11) * weight).sum((-2, -1)) / total
    norm = (sine**2 + cosine**2).clamp(min=1e-12).sqrt()
    return sine / norm, cosine / norm


def rotate_deformation(
    gradient: torch.Tensor, sine: torch.Tensor, cosine: torch.Tensor
) -> torch.Tensor:
    """Displacement gradient ``R F - I`` of a deformation that is turned afterwards.

    Args:
        gradient: ``(B, 4, H, W)`` displacement gradient of ``F``.
        sine: of the angle of ``R``, ``(B,)``.
        cosine: of the angle of ``R``, ``(B,)``.

    Returns:
        ``(B, 4, H, W)``.
    """
    g00, g01, g10, g11 = gradient.unbind(1)
    s, c = sine[:, None, None], cosine[:, None, None]
    f00, f11 = 1 + g00, 1 + g11
    return torch.stack(
        [c * f00 - s * g10 - 1, c * g01 - s * f11, c * g10 + s * f00, c * f11 + s * g01 - 1], dim=1
    )


def masked_mean(values: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
    """Mean over the pixels of a mask, one number per item and channel.

    Args:
        values: ``(B, C, H, W)``.
        mask: ``(B or 1, 1, H, W)`` weights; an item without any gives NaN.

    Returns:
        ``(B, C)``.
    """
    weight = mask.to(values.dtype)
    return (values * weight).sum((-2, -1)) / weight.sum((-2, -1))
