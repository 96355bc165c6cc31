"""Area change of pixel fields: :mod:`myomotion.core.kinematics` in NumPy.

The processes that simulate would double in memory and in their start with PyTorch.
"""

from __future__ import annotations

import numpy as np


def displacement_gradient(displacement: np.ndarray, spacing: float) -> np.ndarray:
    """Central differences inside, one-sided at the border.

    Args:
        displacement: ``(..., 2, H, W)`` in mm.
        spacing: pixel size in mm.

    Returns:
        ``(..., 2, 2, H, W)``: component, axis of the derivative.
    """
    return np.stack(np.gradient(displacement, spacing, axis=(-2, -1)), axis=-3)


def jacobian(gradient: np.ndarray) -> np.ndarray:
    """``det(I + grad u)``.

    Args:
        gradient: ``(..., 2, 2, H, W)`` from :func:`displacement_gradient`.

    Returns:
        ``(..., H, W)``.
    """
    g00, g01 = gradient[..., 0, 0, :, :], gradient[..., 0, 1, :, :]
    g10, g11 = gradient[..., 1, 0, :, :], gradient[..., 1, 1, :, :]
    return (1 + g00) * (1 + g11) - g01 * g10


def pixel_jacobian(displacement: np.ndarray, spacing: float) -> np.ndarray:
    """``det(I + grad u)`` of pixel fields.

    Args:
        displacement: ``(..., 2, H, W)`` in mm.
        spacing: pixel size in mm.

    Returns:
        ``(..., H, W)``.
    """
    return jacobian(displacement_gradient(displacement, spacing))
