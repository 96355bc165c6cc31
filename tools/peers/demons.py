"""Diffeomorphic Demons (Vercauteren et al., NeuroImage 2009), by SimpleITK."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

PACKAGE = "SimpleITK"


def register(
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    spacing: float,
    *,
    sigma: float = 2.0,
    levels: Sequence[int] = (4, 2, 1),
    iterations: int = 50,
) -> np.ndarray:
    """Register two images, coarse to fine.

    Args:
        moving: ``(H, W)``, the frame.
        reference: ``(H, W)``, end-diastole.
        mask: not used.
        spacing: voxel size in millimetres.
        sigma: standard deviation in voxels of the Gaussian that smooths the displacement after each
            iteration.
        levels: shrink factors.
        iterations: of each level.

    Returns:
        Displacement ``(2, H, W)`` in millimetres: ``moving(X + u(X))`` looks like ``reference(X)``.

    Raises:
        ImportError: without SimpleITK.
    """
    import SimpleITK as sitk

    fixed, frame = (sitk.GetImageFromArray(x.astype(np.float32)) for x in (reference, moving))
    field: Any = None
    for factor in levels:
        small = [_shrunk(image, factor) for image in (fixed, frame)]
        method = sitk.DiffeomorphicDemonsRegistrationFilter()
        method.SetNumberOfThreads(1)
        method.SetNumberOfIterations(iterations)
        method.SetSmoothDisplacementField(True)
        method.SetStandardDeviations(sigma)
        if field is None:
            field = method.Execute(*small)
        else:
            field = method.Execute(*small, sitk.Resample(field, small[0]))
    # An ITK vector and an ITK array count the axes the other way round.
    voxels = np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1].astype(np.float32)
    return voxels * np.float32(spacing)


def _shrunk(image: Any, factor: int) -> Any:
    import SimpleITK as sitk

    if factor == 1:
        return image
    smooth = sitk.SmoothingRecursiveGaussian(image, factor / 2)
    return sitk.Shrink(smooth, [factor] * 2)
