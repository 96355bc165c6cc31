"""Finding and opening DICOM files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

from myomotion.errors import InputError
from myomotion.files.paths import files_below

PREAMBLE, MAGIC = 128, b"DICM"
SUFFIXES = (".dcm", ".ima", ".dicom")
TIME_KEYS = (
    "TriggerTime",
    "NominalCardiacTriggerDelayTime",
    "TemporalPositionIdentifier",
    "AcquisitionTime",
    "InstanceNumber",
)
# Nothing else is taken from a file: what is not read cannot leave this program.
TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "StudyInstanceUID",
    "SeriesInstanceUID",
    "SeriesNumber",
    "SeriesDescription",
    "Modality",
    "ImageType",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "Rows",
    "Columns",
    "NumberOfFrames",
    "PixelSpacing",
    "SliceThickness",
    "ImagePositionPatient",
    "ImageOrientationPatient",
    "EchoTime",
    "AcquisitionNumber",
    "RescaleSlope",
    "RescaleIntercept",
    "ModalityLUTSequence",
    "FrameTime",
    "FrameTimeVector",
    "SharedFunctionalGroupsSequence",
    "PerFrameFunctionalGroupsSequence",
    *TIME_KEYS,
]
PIXEL_TAGS = [
    "SOPClassUID",
    "SOPInstanceUID",
    "SamplesPerPixel",
    "PhotometricInterpretation",
    "NumberOfFrames",
    "Rows",
    "Columns",
    "BitsAllocated",
    "BitsStored",
    "HighBit",
    "PixelRepresentation",
    "ExtendedOffsetTable",
    "ExtendedOffsetTableLengths",
    "PixelData",
]


@contextmanager
def refused(message: Callable[[str], str]) -> Iterator[None]:
    """Turn whatever goes wrong within the block into an error that names file, value and fix.

    Args:
        message: makes the error's text of the reason.

    Raises:
        InputError: for any exception; those that are one already pass as they are.
    """
    try:
        yield
    # pydicom and its decoders are not written for damaged files and fail in any way on them
    # (struct.error, KeyError, AttributeError, those of C libraries): what is not listed would stop
    # a run of many studies. Only calls into them and conversions of what they give belong in here.
    except Exception as error:
        if isinstance(error, InputError):
            raise
        raise InputError(message(_one_line(error))) from error


def words(value: Iterable[object] | None) -> list[str]:
    """What an element of several words says, in upper case; pydicom makes no list of one word.

    Args:
        value: of the element, None where it is not there.
    """
    several = [value] if isinstance(value, str) else value
    return [str(word).upper() for word in several or ()]


def looks_like_dicom(path: Path) -> bool:
    """Whether a file says that it is DICOM, by its first bytes or its name's ending."""
    if not path.is_file() or path.name.startswith(".") or path.name.upper() == "DICOMDIR":
        return False
    return path.suffix.lower() in SUFFIXES or has_magic(path)


def has_magic(path: Path) -> bool:
    """Whether a file begins as DICOM files do."""
    try:
        with path.open("rb") as file:
            return file.read(PREAMBLE + len(MAGIC))[PREAMBLE:] == MAGIC
    except OSError:
        return False


def dicom_files(path: Path) -> list[Path]:
    """DICOM files of a folder and the folders below it, sorted by path; or the file itself."""
    return [path] if path.is_file() else sorted(found_dicom_files(path))


def found_dicom_files(folder: Path) -> Iterator[Path]:
    """DICOM files of a folder and the folders below it as they are found, hidden ones left out."""
    yield from filter(looks_like_dicom, files_below(folder))


def study_uid(path: Path) -> str | None:
    """StudyInstanceUID of a file, None if it cannot be told or is empty."""
    try:
        with refused(lambda reason: f"{path}: {reason}"):
            header = _pydicom().dcmread(path, specific_tags=["StudyInstanceUID"])
            return str(header.StudyInstanceUID or "").strip() or None
    except InputError:
        return None


def read_dataset(path: Path, header_only: bool = False) -> Any:
    """Read :data:`TAGS` of a DICOM file, or its :data:`PIXEL_TAGS`.

    Args:
        path: the file.
        header_only: the former.

    Returns:
        The pydicom data set.

    Raises:
        InputError: if it is not DICOM or damaged.
    """
    with refused(
        lambda reason: (
            f"{path}: not a readable DICOM file ({reason}). Export it again, or remove it."
        )
    ):
        dataset = _pydicom().dcmread(
            path,
            force=not has_magic(path),
            stop_before_pixels=header_only,
            specific_tags=TAGS if header_only else PIXEL_TAGS,
        )
        is_dicom = "SOPClassUID" in dataset or "SOPInstanceUID" in dataset
    if not is_dicom:
        raise InputError(
            f"{path}: not a DICOM file, or cut short ({path.stat().st_size} bytes). Export it "
            "again, or remove it."
        )
    return dataset


def _one_line(error: BaseException) -> str:
    """An error's first line, shortened."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:160]


def _pydicom() -> ModuleType:
    try:
        import pydicom
    except ImportError as error:
        raise InputError(
            "reading DICOM needs the package pydicom. Install it: pip install pydicom"
        ) from error
    return pydicom
