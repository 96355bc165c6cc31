"""Opening NIfTI files: their voxels, what a header must say of them, and where they lie."""

from __future__ import annotations

import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError
from nibabel.spatialimages import HeaderDataError, ImageDataError

from myomotion.errors import InputError
from myomotion.io.storage import slice_axis

# What nibabel raises for files that are damaged, cut short or something else.
NIFTI_ERRORS = (
    ImageFileError,
    HeaderDataError,
    ImageDataError,
    OSError,
    EOFError,
    ValueError,
    zlib.error,
)

BELIEVABLE_MM = (0.2, 6.0)  # in-plane voxel sizes of cine MRI
SHEAR = 0.01  # cosine between in-plane axes that passes for a right angle


@dataclass(frozen=True, kw_only=True, eq=False)
class NiftiImage:
    """Voxels of a NIfTI file and where they lie.

    Attributes:
        values: float32, of any number of dimensions.
        affine: ``(4, 4)``, voxel index to RAS millimetres, from :func:`repaired_geometry`.
        repair: what was changed of the affine, or None.
        header: the file's header.
    """

    values: np.ndarray
    affine: np.ndarray
    repair: str | None
    header: Any


def read_nifti(path: Path) -> NiftiImage:
    """Read a NIfTI file.

    Args:
        path: the file.

    Returns:
        Its voxels and where they lie.

    Raises:
        InputError: if it is missing or unreadable, its voxels are not one number each, or its
            header says two different voxel sizes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: permission to read it is denied. Change its permissions.")
    try:
        image: Any = nib.load(path)
        check_voxels(path, image)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except InputError:
        raise
    except NIFTI_ERRORS as error:
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Export it again."
        ) from error
    affine, repair = repaired_geometry(path, image)
    return NiftiImage(values=values, affine=affine, repair=repair, header=image.header)


def check_voxels(path: Path, image: Any) -> None:
    """Refuse an image without voxels, or whose voxels are not one number each.

    Args:
        path: file of the image, for messages.
        image: opened NIfTI file.

    Raises:
        InputError: naming what was found and the fix.
    """
    kind = image.get_data_dtype()
    if kind.names is not None:
        raise InputError(f"{path}: voxels are colours ({kind}). Save grey values.")
    if kind.kind == "c":
        raise InputError(f"{path}: voxels are complex ({kind}). Save the magnitude.")
    if 0 in image.shape:
        raise InputError(
            f"{path}: the image is empty: its shape is {image.shape}. Export it again."
        )


def check_plane(path: Path, affine: np.ndarray, shape: tuple[int, ...] | None = None) -> None:
    """Refuse slices whose voxels cannot be those of a heart, or whose axes are not at right angles.

    Args:
        path: file of the image, for messages.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        shape: of the image, where its slices may lie along any axis; else along the third.

    Raises:
        InputError: naming what was found and the fix.
    """
    low, high = BELIEVABLE_MM
    across = 2 if shape is None else slice_axis(shape, affine)
    plane = [axis for axis in range(3) if axis != across]
    sizes = np.linalg.norm(affine[:3, plane], axis=0)
    if np.allclose(sizes, 1):
        sizes = sizes * _size_is_stored(path)
    if not np.isfinite(affine).all() or not ((low <= sizes) & (sizes <= high)).all():
        raise InputError(
            f"{path}: voxels of {sizes[0]:g} x {sizes[1]:g} mm in the slice; {low:g} to {high:g} "
            "mm are believable. Correct the header (its unit is millimetres)."
        )
    cosine = float(affine[:3, plane[0]] @ affine[:3, plane[1]] / sizes.prod())
    if abs(cosine) > SHEAR:
        raise InputError(
            f"{path}: the axes of the slices are sheared (cosine {cosine:.3f}). Resample the image "
            "to perpendicular axes."
        )


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


def _size_is_stored(path: Path) -> np.ndarray:
    """0 for an in-plane axis whose size the file gives as 0, which nibabel reads as 1; else 1."""
    image: Any = nib.load(path)
    if not isinstance(image, nib.Nifti1Image):
        return np.ones(2)
    with nib.openers.ImageOpener(str(path)) as file:
        header = type(image.header).from_fileobj(file, check=False)
    missing = (header["pixdim"][1:3] == 0) & (header["sform_code"] == 0)
    return np.where(missing, 0.0, 1.0)
