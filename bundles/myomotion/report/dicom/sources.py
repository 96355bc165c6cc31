"""The DICOM pictures that a study was made from: what results refer to."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myomotion.analysis.study import Study
from myomotion.io.dicom.cine import frames_of_cine
from myomotion.io.dicom.files import looks_like_dicom, refused
from myomotion.io.dicom.header import DicomFrame
from myomotion.io.info import read_info

# What every object of a study has, if empty (type 2 of the standard).
OF_PATIENT_AND_STUDY = (
    "PatientName",
    "PatientID",
    "PatientBirthDate",
    "PatientSex",
    "AccessionNumber",
    "StudyID",
    "StudyDate",
    "StudyTime",
    "ReferringPhysicianName",
)


@dataclass(frozen=True, kw_only=True)
class Sources:
    """Pictures of a study and the headers of their files.

    Attributes:
        levels: of each slice its frames, slices and frames as the study has them.
        headers: pydicom data set of each file, without pixels.
    """

    levels: list[list[DicomFrame]]
    headers: dict[Path, Any]

    @property
    def first(self) -> Any:
        """Header of one of them: patient and study are the same for all."""
        return next(iter(self.headers.values()))

    def of_frame(self, t: int) -> list[Any]:
        """Headers of the files that show a frame, each once, by slice."""
        paths = dict.fromkeys(level[t].path for level in self.levels)
        return [self.headers[path] for path in paths]

    def all(self) -> list[Any]:
        """Headers of every file."""
        return list(self.headers.values())


def sources_of(study: Study) -> Sources | None:
    """The DICOM pictures of a study.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        None where it was not read from DICOM.

    Raises:
        InputError: if they cannot be read any more.
    """
    if study.cine.source.get("format") != "DICOM":
        return None
    path = Path(study.cine.files["image"])
    levels = frames_of_cine(path, read_info(study.cine.files.get("info")))
    paths = dict.fromkeys(frame.path for level in levels for frame in level)
    return Sources(levels=levels, headers={path: _header(path) for path in paths})


def in_one_series(headers: list[Any]) -> list[Any]:
    """Copies that all say the first one's series, for writers that take one series only."""
    copies = [deepcopy(header) for header in headers]
    for copy in copies:
        copy.SeriesInstanceUID = copies[0].SeriesInstanceUID
    return copies


def _header(path: Path) -> Any:
    import pydicom

    with refused(lambda reason: f"{path}: cannot be read any more ({reason})."):
        header = pydicom.dcmread(path, stop_before_pixels=True, force=not looks_like_dicom(path))
    for keyword in OF_PATIENT_AND_STUDY:
        if keyword not in header:
            setattr(header, keyword, None)
    return header
