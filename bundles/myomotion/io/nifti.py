"""Opening NIfTI files: their voxels, what a header must say of them, and where they lie."""

from __future__ import annotations

import logging
import math
import os
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from nibabel.filebasedimages import ImageFileError, SerializableImage
from nibabel.fileholders import FileHolder
from nibabel.imageclasses import all_image_classes
from nibabel.spatialimages import HeaderDataError, ImageDataError

from myomotion.errors import InputError
from myomotion.io.itk_files import is_itk_file
from myomotion.io.storage import slice_axis

LOG = logging.getLogger(__name__)

# What nibabel raises for files that are damaged, cut short or something else.
NIFTI_ERRORS = (
    ImageFileError,
    HeaderDataError,
    ImageDataError,
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    zlib.error,
)

BELIEVABLE_MM = (0.2, 6.0)  # in-plane voxel sizes of cine MRI
BELIEVABLE_ACROSS_MM = (0.2, 100.0)  # distances of its slices
FARTHEST_MM = 1e4  # from the scanner's centre
SMALLEST_SHARE = 1 / 1032  # of its content that a gzip file can have (RFC 1951)
BLOCK = 1 << 20  # bytes that are read at once
SHEAR = 0.01  # cosine between in-plane axes that passes for a right angle
LONGER = 1e-4  # than 1: by how much rounding may have made the square of a quaternion


@dataclass(frozen=True, kw_only=True, eq=False)
class NiftiImage:
    """Voxels of a NIfTI file and where they lie.

    Attributes:
        values: float32, of any number of dimensions.
        affine: ``(4, 4)``, voxel index to RAS millimetres, from :func:`repaired_geometry`.
        repair: what was changed of the affine, or None.
        header: the file's header.
        placed: the header says of a form what it is; else its place is made up.
    """

    values: np.ndarray
    affine: np.ndarray
    repair: str | None
    header: Any
    placed: bool = True


def read_nifti(path: Path) -> NiftiImage:
    """Read a NIfTI file.

    Args:
        path: the file.

    Returns:
        Its voxels and where they lie.

    Raises:
        InputError: if it is missing or unreadable, its voxels are not one number each, their number
            is not that of the header, or its header says two different voxel sizes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: permission to read it is denied. Change its permissions.")
    try:
        image = _opened(path)
        _check_format(path, image)
        check_voxels(path, image)
        values = _all_voxels(path, image)
        image.header.get_xyzt_units()
    except InputError:
        raise
    except NIFTI_ERRORS as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise InputError(
            f"{path}: not a readable NIfTI file ({reason}). Export it again."
        ) from error
    affine, repair = repaired_geometry(path, image)
    placed = bool(image.header["qform_code"] > 0 or image.header["sform_code"] > 0)
    return NiftiImage(
        values=values, affine=affine, repair=repair, header=image.header, placed=placed
    )


class _RoundedQuaternion:
    """A header whose rotation may be longer than 1 by rounding, as half a turn often is."""

    def get_qform_quaternion(self: Any) -> np.ndarray:
        """``(4,)``: that of the header, half a turn where nibabel finds no root for the rest."""
        try:
            return np.asarray(super().get_qform_quaternion())  # type: ignore[misc]
        except ValueError as error:
            parts = np.array([self[f"quatern_{axis}"] for axis in "bcd"], float)
            if not parts @ parts - 1 <= LONGER:
                raise HeaderDataError(
                    f"the quaternion {parts.round(6).tolist()} of its qform is longer than 1"
                ) from error
            return np.array([0, *parts])


def _opened(path: Path) -> Any:
    """An image as nibabel opens it, but for :class:`_RoundedQuaternion`."""
    kind = next((kind for kind in all_image_classes if kind.path_maybe_image(path)[0]), None)
    if kind is None or not issubclass(kind, nib.Nifti1Pair):  # which single files are as well
        return nib.load(path)
    header = type(kind.__name__, (_RoundedQuaternion, kind.header_class), {})
    tolerant: Any = type(kind.__name__, (kind,), {"header_class": header})
    return tolerant.from_filename(path)


def _check_format(path: Path, image: Any) -> None:
    """Refuse what nibabel reads beside NIfTI: it has other headers."""
    if not isinstance(image, nib.Nifti1Pair):
        left_right = ", which does not tell left from right" * isinstance(image, nib.AnalyzeImage)
        raise InputError(
            f"{path}: is no NIfTI file ({type(image).__name__}{left_right}). Convert it."
        )


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
    if np.allclose(sizes, 1) and not is_itk_file(path):
        sizes = sizes * _size_is_stored(path)
    if not np.isfinite(affine).all() or not ((low <= sizes) & (sizes <= high)).all():
        raise InputError(
            f"{path}: voxels of {sizes[0]:g} x {sizes[1]:g} mm in the slice; {low:g} to {high:g} "
            "mm are believable. Correct the header (its unit is millimetres)."
        )
    between = float(np.linalg.norm(affine[:3, across]))
    nearest, farthest = BELIEVABLE_ACROSS_MM
    if not nearest <= between <= farthest:
        raise InputError(
            f"{path}: slices {between:g} mm apart; {nearest:g} to {farthest:g} mm are believable. "
            "Correct the header (its unit is millimetres)."
        )
    if np.abs(affine[:3, 3]).max() > FARTHEST_MM:
        raise InputError(
            f"{path}: lies at {affine[:3, 3].tolist()} mm, metres away from any scanner. Correct "
            "the header (its unit is millimetres)."
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


def _all_voxels(path: Path, image: Any) -> np.ndarray:
    """Voxels of a file that holds those that its header says, and is read to its end.

    A compressed file has a sum of its content at its end, which tells damaged voxels; nibabel alone
    stops before it.
    """
    offset, kind, shape = image.dataobj.offset, image.dataobj.dtype, image.shape
    needed = offset + kind.itemsize * math.prod(int(n) for n in shape)
    voxels = Path(image.file_map["image"].filename)  # itself, or the file beside a header
    packed = voxels.name.lower().endswith(".gz")
    most = voxels.stat().st_size / (SMALLEST_SHARE if packed else 1)
    if needed > most:  # known before so much memory is asked for
        raise InputError(
            f"{path}: its header says {needed} bytes of shape {shape}, the file has "
            f"{'at most ' * packed}{most:.0f}: it is cut short, or the header is damaged. Export "
            "it again."
        )
    if not isinstance(image, SerializableImage):  # voxels in a file of their own
        return np.asarray(image.dataobj, dtype=np.float32)
    with nib.openers.ImageOpener(str(path)) as file:
        opened: Any = file  # nibabel's own opener, which its types do not know as a file
        holder = FileHolder(filename=str(path), fileobj=opened)
        kind_of_image: Any = type(image)
        stream = kind_of_image.from_file_map({"image": holder}, mmap=False)
        values = np.asarray(stream.dataobj, dtype=np.float32)
        file.seek(needed)
        surplus = 0
        while block := file.read(BLOCK):
            surplus += len(block)
    # A damaged dimension leaves at least one of its entries over; what is less was added.
    if surplus * max(shape) >= needed - offset:
        raise InputError(
            f"{path}: {surplus} bytes follow the last voxel that its header of shape {shape} "
            "knows: the header is damaged, or something was added. Export it again."
        )
    if surplus:
        LOG.warning("%s: %d bytes after the last voxel were not read", path, surplus)
    return values


def _size_is_stored(path: Path) -> np.ndarray:
    """0 for an in-plane axis whose size the file gives as 0, which nibabel reads as 1; else 1."""
    image = _opened(path)
    if not isinstance(image, nib.Nifti1Pair):
        return np.ones(2)
    holder = image.file_map.get("header", image.file_map["image"])
    with nib.openers.ImageOpener(str(holder.filename)) as file:
        header = type(image.header).from_fileobj(file, check=False)
    missing = (header["pixdim"][1:3] == 0) & (header["sform_code"] == 0)
    return np.where(missing, 0.0, 1.0)
