"""Where a NIfTI image lies, when its header says so twice and not the same."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from .errors import InputError


def repaired_geometry(path: Path, image: Any) -> tuple[np.ndarray, str | None]:
    """Affine whose voxel sizes are right where the header's two statements of them differ.

    A header gives voxel sizes as ``pixdim`` and within its affine. An affine of unit voxels beside
    other ``pixdim`` (as many ACDC files have) is a placeholder: its columns are scaled to
    ``pixdim``, direction and origin stay.

    Args:
        path: file of the image, for messages.
        image: opened NIfTI file.

    Returns:
        ``(4, 4)`` affine in RAS millimetres, and what was changed, None where nothing was.

    Raises:
        InputError: if both are real and differ.
    """
    affine = np.array(image.affine, dtype=float)
    zooms = np.array(image.header.get_zooms()[:3], dtype=float)
    axes = len(zooms)  # a 2-D image has two
    sizes = np.linalg.norm(affine[:3, :axes], axis=0)
    if np.allclose(sizes, zooms, rtol=1e-3, atol=0):
        return affine, None
    if np.allclose(sizes, 1, atol=1e-6) and (zooms > 0).all():
        affine[:3, :axes] *= zooms
        return affine, "the affine had unit voxels; voxel sizes were taken from pixdim"
    if np.allclose(zooms, 1, atol=1e-6) and (sizes > 0).all():
        return affine, "pixdim had unit voxels; voxel sizes were taken from the affine"
    raise InputError(
        f"{path}: voxel sizes are {np.round(sizes, 4).tolist()} mm in the affine but "
        f"{np.round(zooms, 4).tolist()} mm in pixdim. Correct the header."
    )
