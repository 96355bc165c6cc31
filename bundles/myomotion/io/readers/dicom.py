"""A cine as DICOM: a folder of files, searched with those below it, or a multi-frame file."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

from myomotion.io.dicom.cine import read_dicom_cine
from myomotion.io.dicom.files import (
    SUFFIXES,
    dicom_files,
    found_dicom_files,
    looks_like_dicom,
    study_uid,
)
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.readers.base import CineReader


class DicomCine(CineReader):
    """DICOM files, wherever they lie in a folder; scanners and archives write a folder a series."""

    spread: ClassVar[bool] = True

    def finds(self, folder: Path) -> Path | None:
        """The folder itself, where a DICOM file is in it or below it."""
        return folder if next(found_dicom_files(folder), None) is not None else None

    def reads(self, place: Path) -> bool:
        """Whether a place is a DICOM file, or a folder, whatever is in it."""
        return place.is_dir() or looks_like_dicom(place)

    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Read the one cine among the series; ``series`` of ``info.json`` chooses."""
        return read_dicom_cine(place, info)

    def files(self, place: Path) -> list[Path]:
        """All DICOM files, those of other series too: they decide whether a cine stands alone."""
        return dicom_files(place)

    def title(self, place: Path) -> str:
        """Name without the ending; other dots stay, as DICOM files are often named by UIDs."""
        return place.stem if place.suffix.lower() in SUFFIXES else place.name

    def study_id(self, folder: Path) -> str | None:
        """StudyInstanceUID of the first file that is found."""
        first = next(found_dicom_files(folder), None)
        return None if first is None else study_uid(first)
