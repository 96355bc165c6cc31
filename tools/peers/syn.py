"""SyN, symmetric diffeomorphic registration (Avants et al., Med Image Anal 2008), by ANTsPy."""

from __future__ import annotations

import tempfile
from collections.abc import Sequence

import numpy as np

PACKAGE = "antspyx"


def register(
    moving: np.ndarray,
    reference: np.ndarray,
    mask: np.ndarray,
    spacing: float,
    *,
    flow_sigma: float = 3.0,
    total_sigma: float = 1.5,
    gradient_step: float = 0.2,
    iterations: Sequence[int] = (100, 70, 50),
) -> np.ndarray:
    """Register two images with mean squares, coarse to fine.

    Args:
        moving: ``(H, W)``, the frame.
        reference: ``(H, W)``, end-diastole.
        mask: not used.
        spacing: voxel size in millimetres.
        flow_sigma: standard deviation in voxels of the smoothing of each update.
        total_sigma: the same for the accumulated displacement.
        gradient_step: step of the descent.
        iterations: of each level, coarse to fine.

    Returns:
        Displacement ``(2, H, W)`` in millimetres: ``moving(X + u(X))`` looks like ``reference(X)``.

    Raises:
        ImportError: without antspyx.
    """
    import ants

    fixed, frame = (
        ants.from_numpy(np.asarray(x, np.float32), spacing=(spacing, spacing))
        for x in (reference, moving)
    )
    with tempfile.TemporaryDirectory(prefix="syn-") as folder:
        result = ants.registration(
            fixed,
            frame,
            type_of_transform="SyNOnly",
            initial_transform="Identity",
            syn_metric="meansquares",
            grad_step=gradient_step,
            flow_sigma=flow_sigma,
            total_sigma=total_sigma,
            reg_iterations=tuple(int(n) for n in iterations),
            outprefix=f"{folder}/",
            random_seed=1,
        )
        # From the reference to the frame; axis i of the array is physical axis i.
        warp = next(p for p in result["fwdtransforms"] if p.endswith("Warp.nii.gz"))
        field = ants.image_read(warp).numpy()
    return np.moveaxis(field, -1, 0).astype(np.float32).copy()
