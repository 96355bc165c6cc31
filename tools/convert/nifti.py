"""NIfTI images on their way between data sets: reading, frame matching, geometry, bytes."""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from myomotion.errors import InputError
from myomotion.io.nifti import NIFTI_ERRORS

COPY_TOLERANCE = 1e-3  # of a frame's standard deviation: what saving an image again may change
LIKENESS_LIMIT = 0.5  # of the same: more is another image


@dataclass(frozen=True, kw_only=True)
class Labels:
    """One label map as its data set codes it.

    Attributes:
        path: where it came from.
        codes: ``(X, Y, Z)``.
        affine: ``(4, 4)``, as its header says.
    """

    path: Path
    codes: np.ndarray
    affine: np.ndarray


def load_image(path: Path) -> Any:
    """Open a NIfTI file; voxels are read later.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        image = nib.load(path)
    except NIFTI_ERRORS as error:
        raise _unreadable(path, error) from error
    if not isinstance(image, nib.Nifti1Pair):
        raise InputError(f"{path}: {type(image).__name__}, not NIfTI. Convert it to NIfTI.")
    return image


def values_of(path: Path, image: Any) -> np.ndarray:
    """Voxels of an opened file; a single frame loses its time axis.

    Raises:
        InputError: if they cannot be read.
    """
    try:
        values = np.asanyarray(image.dataobj)
    except NIFTI_ERRORS as error:
        raise _unreadable(path, error) from error
    if values.dtype.kind not in "biuf":
        raise InputError(f"{path}: voxels of type {values.dtype}. Save one real number a voxel.")
    return values[..., 0] if values.ndim == 4 and values.shape[3] == 1 else values


def read_labels(path: Path) -> Labels:
    """Read a label map of one frame.

    Raises:
        InputError: if it cannot be read.
    """
    image = load_image(path)
    return Labels(path=path, codes=values_of(path, image), affine=image.affine)


def join_frames(paths: Sequence[Path]) -> Any:
    """One 4-D image of several 3-D ones, with the first one's header.

    Raises:
        InputError: if one cannot be read or they differ in shape.
    """
    first = load_image(paths[0])
    frames = [values_of(path, load_image(path)) for path in paths]
    for path, frame in zip(paths, frames, strict=True):
        if frame.shape != frames[0].shape:
            raise InputError(
                f"{path}: frame of shape {frame.shape}, but {paths[0].name} has "
                f"{frames[0].shape}. Export both from the same series."
            )
    data = np.stack(frames, axis=-1)
    first.header.set_data_dtype(data.dtype)
    first.header["pixdim"][4] = 0  # frames saved one by one do not say how far apart they are
    return nib.Nifti1Image(data, first.affine, first.header)


def frame_differences(path: Path, cine: np.ndarray, frame_path: Path) -> np.ndarray:
    """How much each frame of a cine differs from a frame saved on its own.

    Args:
        path: file of the cine, for messages.
        cine: ``(X, Y, Z, T)``.
        frame_path: file of one frame ``(X, Y, Z)``.

    Returns:
        ``(T,)`` root mean square difference over the frame's standard deviation.

    Raises:
        InputError: if the frame cannot be read, or the shapes do not fit.
    """
    frame = values_of(frame_path, load_image(frame_path)).astype(np.float32)
    if cine.ndim != 4 or cine.shape[:3] != frame.shape:
        raise InputError(
            f"{frame_path}: frame of shape {frame.shape} for a cine of {cine.shape} "
            f"({path.name}). The cine must be 4-D, on the frame's grid."
        )
    spread = float(frame.std()) or 1.0
    squares = [np.mean((cine[..., t] - frame) ** 2) for t in range(cine.shape[3])]
    return np.sqrt(np.array(squares, dtype=float)) / spread


def cine_bytes(path: Path, image: Any, affine: np.ndarray, changed: bool) -> bytes:
    """Content of a ``.nii.gz`` file with an image's voxels, bit for bit, and an affine.

    Args:
        path: file of the image.
        image: what :func:`load_image` or :func:`join_frames` gave.
        affine: ``(4, 4)``, see :func:`repaired_geometry`.
        changed: whether ``affine`` differs from the header's; the header is then rewritten.
    """
    from_file = image.get_filename() is not None
    if from_file and not changed and path.name.endswith(".gz"):
        return path.read_bytes()
    raw = path.read_bytes() if from_file else image.to_bytes()
    if from_file and path.name.endswith(".gz"):
        raw = gzip.decompress(raw)
    if changed:
        size = type(image.header).template_dtype.itemsize
        header = type(image.header)(raw[:size], check=False)
        header["pixdim"][1:4] = np.linalg.norm(affine[:3, :3], axis=0)
        header.set_sform(affine, code=int(header["sform_code"]))
        raw = header.binaryblock + raw[size:]
    return gzip.compress(raw, mtime=0)


def label_bytes(labels: Labels, affine: np.ndarray) -> bytes:
    """Content of a ``.nii.gz`` file with a label map on the grid of its cine."""
    codes = labels.codes
    with np.errstate(invalid="ignore"):
        small = codes.astype(np.uint8)
    if (small == codes).all():
        codes = small
    image = nib.Nifti1Image(codes, affine, dtype=codes.dtype)
    image.header.set_xyzt_units("mm")
    return gzip.compress(image.to_bytes(), mtime=0)


def _unreadable(path: Path, error: Exception) -> InputError:
    return InputError(f"{path}: not a readable NIfTI file ({error}). Fetch or export it again.")
