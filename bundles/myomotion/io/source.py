"""What a cine can be given as: a NIfTI file, a folder of 3-D frames, or DICOM."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from myomotion.io.dicom.files import SUFFIXES, dicom_files, found_dicom_files, has_magic
from myomotion.io.frames import FRAMES, frame_files, read_frames
from myomotion.io.image import CineImage

CINE_FILES = ("sa.nii.gz", "sa.nii")


def cine_place(folder: Path) -> Path | None:
    """What holds the cine of a study folder.

    Args:
        folder: of the study.

    Returns:
        ``sa.nii.gz``, the folder ``frames``, the folder itself where it has DICOM files, or None.
    """
    found = nifti_place(folder)
    if found is not None:
        return found
    return folder if first_dicom(folder) is not None else None


def image_files(place: Path) -> list[Path]:
    """Files that a cine is read from.

    Args:
        place: from :func:`cine_place`.
    """
    if place.is_dir() and place.name == FRAMES and (frames := frame_files(place)):
        return frames
    return dicom_files(place)


def file_title(file: Path) -> str:
    """Name of a study that is a single file: without its ending, dots in names of DICOM stay."""
    if has_magic(file):
        return file.stem if file.suffix.lower() in SUFFIXES else file.name
    return file.name.split(".")[0]


def is_nifti_file(place: Path) -> bool:
    """Whether a cine is a 4-D NIfTI file (or missing), not a folder and not DICOM."""
    return not place.is_dir() and not has_magic(place)


def read_other(place: Path, info: Mapping[str, Any]) -> CineImage:
    """Read a cine that is a folder of frames or DICOM.

    Args:
        place: from :func:`cine_place`.
        info: content of ``info.json``.

    Returns:
        Its frames.

    Raises:
        InputError: naming file, value and fix.
    """
    if place.is_dir() and place.name == FRAMES and frame_files(place):
        values, affine = read_frames(place)
        record = {"format": "NIfTI frames", "files": [p.name for p in frame_files(place)]}
        return CineImage(values=values, affine=affine, record=record)
    from myomotion.io.dicom.cine import read_dicom_cine

    return read_dicom_cine(place, info)


def nifti_place(folder: Path) -> Path | None:
    """``sa.nii.gz`` or the folder ``frames`` of a study folder, or None."""
    for name in CINE_FILES:
        if (folder / name).is_file():
            return folder / name
    frames = folder / FRAMES
    return frames if frames.is_dir() and frame_files(frames) else None


def first_dicom(folder: Path) -> Path | None:
    """A DICOM file of a folder or the folders below it, or None."""
    return next(found_dicom_files(folder), None)
