"""What a cine can be given as: the formats, and which of them a file or folder is."""

from __future__ import annotations

from pathlib import Path

from myomotion.errors import InputError
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.readers.base import CineReader
from myomotion.io.readers.dicom import DicomCine
from myomotion.io.readers.frames import NiftiFrames
from myomotion.io.readers.itk import ItkCine
from myomotion.io.readers.nifti import NiftiCine

# The first that finds or reads a place has it. NIfTI is first: it also takes what nobody reads, and
# says what is wrong with it. DICOM is last: it takes every folder.
READERS: tuple[CineReader, ...] = (NiftiCine(), NiftiFrames(), ItkCine(), DicomCine())


def reader_of(place: Path) -> CineReader:
    """The format of a file or folder.

    Args:
        place: what holds a cine.

    Returns:
        The first of :data:`READERS` that reads it; the very first where none does.
    """
    return next((reader for reader in READERS if reader.reads(place)), READERS[0])


def locate_cine(folder: Path) -> Path | None:
    """What holds the cine of a study folder.

    Args:
        folder: of the study.

    Returns:
        ``sa.nii.gz`` (or another file), the folder ``frames``, the folder itself where it has
        DICOM files, or None.
    """
    found = (reader.finds(folder) for reader in READERS)
    return next((place for place in found if place is not None), None)


def read_cine_image(place: Path, info: StudyInfo) -> CineImage:
    """Read the frames of a cine, whatever its format.

    Args:
        place: from :func:`locate_cine`, or a single file.
        info: what ``info.json`` says of the study.

    Returns:
        Its frames.

    Raises:
        InputError: naming file, value and fix.
    """
    if place.is_file() and place.name.upper() == "DICOMDIR":
        raise InputError(
            f"{place}: lists DICOM files, holds no picture. Give the folder it lies in."
        )
    return reader_of(place).read(place, info)


def image_files(place: Path) -> list[Path]:
    """Files that a cine or a label is read from.

    Args:
        place: from :func:`locate_cine`, or a single file.
    """
    return reader_of(place).files(place)


def image_title(place: Path) -> str:
    """Name of a study that is nothing but this file or folder.

    Args:
        place: what holds a cine.
    """
    return reader_of(place).title(place)
