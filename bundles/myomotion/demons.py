"""Diffeomorphic Demons (Vercauteren et al., NeuroImage 2009) by SimpleITK: the classic peer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from myomotion.io.cine import find_studies
from myomotion.transforms.frame_pairs import EndSystolicPairsd
from myomotion.transforms.load_cine import LoadCined
from myomotion.vae_measures import FieldSet

LEVELS = (4, 2, 1)  # shrink factors
ITERATIONS = 50  # a level
SIGMA = 2.0  # voxels, smoothing of the displacement after each iteration


def demons(
    moving: np.ndarray,
    reference: np.ndarray,
    *,
    sigma: float = SIGMA,
    levels: Sequence[int] = LEVELS,
    iterations: int = ITERATIONS,
) -> np.ndarray:
    """Register two images, coarse to fine.

    Args:
        moving: ``(H, W)``, the frame.
        reference: ``(H, W)``, end-diastole.
        sigma: standard deviation in voxels of the Gaussian that smooths the displacement.
        levels: shrink factors.
        iterations: of each level.

    Returns:
        Displacement ``(2, H, W)`` in voxels: ``moving(X + u(X))`` looks like ``reference(X)``.

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
    return np.moveaxis(sitk.GetArrayFromImage(field), -1, 0)[::-1].astype(np.float32).copy()


def demons_fields(
    dataset_dir: str, size: int = 96, spacing: float = 1.5
) -> tuple[FieldSet, torch.Tensor]:
    """Motion from end-diastole to end-systole of the slices of real cines.

    Args:
        dataset_dir: see :func:`~myomotion.io.cine.find_studies`; the studies have a label at ED.
        size: voxels along each axis of the working grid.
        spacing: its voxel size in millimetres.

    Returns:
        The fields and the ED frames ``(N, 1, size, size)``.

    Raises:
        InputError: for studies that cannot be used.
        ImportError: without SimpleITK.
    """
    load, pairs = LoadCined(size, spacing, need_mask=True), EndSystolicPairsd()
    items = [pair for study in find_studies(dataset_dir) for pair in pairs(load(study))]
    fields = [
        torch.from_numpy(demons(*item["image"].numpy().astype(np.float32))) * spacing
        for item in items
    ]
    mask = torch.stack([(item["mask"] > 0.5).float() for item in items])
    return FieldSet(torch.stack(fields), mask), torch.stack([i["image"][1:] for i in items])


def _shrunk(image: Any, factor: int) -> Any:
    import SimpleITK as sitk

    if factor == 1:
        return image
    smooth = sitk.SmoothingRecursiveGaussian(image, factor / 2)
    return sitk.Shrink(smooth, [factor] * 2)
