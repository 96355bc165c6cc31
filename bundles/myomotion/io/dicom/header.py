"""What a cine needs of DICOM headers: where and when each picture was taken, in which series."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from myomotion.io.dicom.files import TIME_KEYS, refused, words

NOT_MAGNITUDE = {"P", "PHASE", "PHASE MAP", "VELOCITY MAP", "R", "REAL", "I", "IMAGINARY"}
MOST_FRAMES = 100_000  # of a multi-frame file


@dataclass(frozen=True, kw_only=True, eq=False)
class DicomFrame:
    """One picture of a DICOM file.

    Attributes:
        path: the file.
        index: which picture of it.
        sop_uid: SOPInstanceUID of the file.
        series_uid: SeriesInstanceUID, empty where the file has none.
        series_key: what the pictures of a series share, see :func:`series_key`.
        series_number: SeriesNumber, or None.
        description: SeriesDescription.
        position: ImagePositionPatient ``(3,)``, LPS millimetres.
        orientation: ImageOrientationPatient ``(2, 3)``: along a row, along a column.
        spacing: PixelSpacing ``(2,)`` in millimetres: between rows, between columns.
        shape: rows and columns.
        thickness: SliceThickness in millimetres, or None.
        slope: of the modality look-up: value = slope * stored + intercept.
        intercept: see ``slope``.
        echo: EchoTime in milliseconds, or None.
        acquisition: AcquisitionNumber, or None.
        negative: low values are bright (MONOCHROME1).
        derived: made from other pictures, as the scanner's own analysis makes copies with contours.
        times: those of :data:`TIME_KEYS` that are known; milliseconds for the first two.
    """

    path: Path
    index: int
    sop_uid: str
    series_uid: str
    series_key: str
    series_number: int | None
    description: str
    position: np.ndarray
    orientation: np.ndarray
    spacing: np.ndarray
    shape: tuple[int, int]
    thickness: float | None
    slope: float
    intercept: float
    times: Mapping[str, float]
    echo: float | None = None
    acquisition: float | None = None
    negative: bool = False
    derived: bool = False

    @property
    def normal(self) -> np.ndarray:
        """Unit normal of the slice, LPS."""
        return np.cross(self.orientation[0], self.orientation[1])

    @property
    def depth(self) -> float:
        """Position along the normal in millimetres."""
        return float(self.position @ self.normal)


def series_key(dataset: Any) -> str:
    """What the pictures of a series share: its UID; where it has none, number and description.

    Args:
        dataset: header of a file.
    """
    number = dataset.get("SeriesNumber", None)
    return _series_uid(dataset) or f"{number} {_description(dataset)}".strip()


def frames_of(path: Path, dataset: Any) -> list[DicomFrame | None]:
    """Where and when the pictures of a file were taken.

    Args:
        path: of the file, for messages.
        dataset: its header.

    Returns:
        Its pictures; None for those of an enhanced file that are no magnitude images.

    Raises:
        InputError: if the header cannot be understood.
    """
    with not_understood(path):
        return _frames(path, dataset)


def not_understood(path: Path) -> AbstractContextManager[None]:
    """Whatever goes wrong with values of a header becomes an error that names its file.

    Args:
        path: of the file.
    """
    return refused(
        lambda reason: f"{path}: its header cannot be understood ({reason}). Export it again."
    )


def _frames(path: Path, dataset: Any) -> list[DicomFrame | None]:
    if "ModalityLUTSequence" in dataset:
        raise InputError(
            f"{path}: has a ModalityLUTSequence, which is not read. Export it with "
            "RescaleSlope and RescaleIntercept."
        )
    groups = dataset.get("PerFrameFunctionalGroupsSequence")
    if groups:
        shared = (dataset.get("SharedFunctionalGroupsSequence") or [None])[0]
        return [_enhanced(path, dataset, i, group, shared) for i, group in enumerate(groups)]
    number = int(dataset.get("NumberOfFrames", None) or 1)
    if number == 1:
        return [_frame(path, dataset, 0, dataset, _times(dataset))]
    steps = _frame_steps(dataset, number)
    return [
        _frame(path, dataset, i, dataset, {"InstanceNumber": _number(dataset, i), **steps[i]})
        for i in range(number)
    ]


def _number(dataset: Any, index: int) -> float:
    """A number for a picture of a multi-frame file that rises from file to file too."""
    return int(dataset.get("InstanceNumber", None) or 0) * MOST_FRAMES + index


def _frame_steps(dataset: Any, number: int) -> list[dict[str, float]]:
    """Time of each picture of a classic multi-frame file, where it says so (Cine module)."""
    vector = dataset.get("FrameTimeVector", None)
    step = dataset.get("FrameTime", None)
    if vector is not None and len(vector) == number:
        times = np.cumsum([float(v) for v in vector])
    elif step is not None:
        times = np.arange(number) * float(step)
    else:
        return [{} for _ in range(number)]
    return [{"TriggerTime": float(t - times[0])} for t in times]


def _enhanced(path: Path, dataset: Any, index: int, group: Any, shared: Any) -> DicomFrame | None:
    """A picture of an enhanced file: each functional group is its own or shared by all."""
    found: dict[str, Any] = {}
    for sequence in (
        "PixelMeasuresSequence",
        "PlaneOrientationSequence",
        "PlanePositionSequence",
        "PixelValueTransformationSequence",
        "CardiacSynchronizationSequence",
        "FrameContentSequence",
        "MRImageFrameTypeSequence",
        "MREchoSequence",
    ):
        items = group.get(sequence) or (shared.get(sequence) if shared is not None else None)
        if items:
            found |= {element.keyword: element.value for element in items[0]}
    kinds = [*words(found.get("FrameType")), *words(found.get("ComplexImageComponent"))]
    if NOT_MAGNITUDE.intersection(kinds):
        return None
    for keyword in ("ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"):
        if found.get(keyword) is None:
            raise InputError(
                f"{path}: picture {index + 1} has no {keyword}. Export the series again, or as "
                "single-frame DICOM."
            )
    if "TemporalPositionIndex" in found:
        found["TemporalPositionIdentifier"] = found["TemporalPositionIndex"]
    if "EffectiveEchoTime" in found:
        found["EchoTime"] = found["EffectiveEchoTime"]
    if "FrameAcquisitionNumber" in found:
        found["AcquisitionNumber"] = found["FrameAcquisitionNumber"]
    found["InstanceNumber"] = _number(dataset, index)
    return _frame(path, dataset, index, found, _times(found))


def _frame(
    path: Path, dataset: Any, index: int, source: Any, times: Mapping[str, float]
) -> DicomFrame:
    orientation = _numbers(source.get("ImageOrientationPatient"), 6).reshape(2, 3)
    lengths = np.linalg.norm(orientation, axis=1)
    if np.abs(lengths - 1).max() > 0.01 or abs(float(orientation[0] @ orientation[1])) > 0.01:
        raise InputError(
            f"{path}: ImageOrientationPatient {orientation.ravel().round(4).tolist()} is not two "
            "unit vectors at right angles. Export it again."
        )
    spacing = _numbers(source.get("PixelSpacing"), 2)
    if (spacing <= 0).any():
        raise InputError(f"{path}: PixelSpacing is {spacing.tolist()} mm. Export it again.")
    number = dataset.get("SeriesNumber", None)
    thickness = source.get("SliceThickness", None)
    slope = source.get("RescaleSlope", None)
    return DicomFrame(
        path=path,
        index=index,
        sop_uid=str(dataset.get("SOPInstanceUID", "")),
        series_uid=_series_uid(dataset),
        series_key=series_key(dataset),
        series_number=None if number is None else int(number),
        description=_description(dataset),
        position=_numbers(source.get("ImagePositionPatient"), 3),
        orientation=orientation / lengths[:, None],
        spacing=spacing,
        shape=(int(dataset.Rows), int(dataset.Columns)),
        thickness=None if thickness is None else float(thickness),
        slope=1.0 if slope is None else float(slope),
        intercept=float(source.get("RescaleIntercept", None) or 0),
        times=times,
        echo=_optional(source.get("EchoTime", None)),
        acquisition=_optional(source.get("AcquisitionNumber", None)),
        negative=dataset.get("PhotometricInterpretation", None) == "MONOCHROME1",
        derived=_is_derived(dataset),
    )


def _series_uid(dataset: Any) -> str:
    return str(dataset.get("SeriesInstanceUID", None) or "")


def _description(dataset: Any) -> str:
    return " ".join(str(dataset.get("SeriesDescription", "")).split())


def _is_derived(dataset: Any) -> bool:
    """By ImageType, or by the name that Siemens' inline ventricular function gives its series."""
    name = str(dataset.get("SeriesDescription", ""))
    first = words(dataset.get("ImageType", None))[:1]
    return first == ["DERIVED"] or "inlinevf" in name.lower()


def _optional(value: Any) -> float | None:
    return None if value in (None, "") else float(value)


def _times(source: Any) -> dict[str, float]:
    times = {}
    for key in TIME_KEYS:
        value = source.get(key, None)
        if value not in (None, ""):
            times[key] = _seconds(str(value)) if key == "AcquisitionTime" else float(value)
    return times


def _seconds(text: str) -> float:
    """Seconds since midnight of a DICOM time HHMMSS.ffffff, of old files HH:MM:SS.

    ``pydicom.valuerep.TM`` refuses the old form and makes a leap second 60 a second earlier, which
    would change the order of frames.
    """
    text = text.replace(":", "")
    return int(text[:2]) * 3600 + int(text[2:4] or 0) * 60 + float(text[4:] or 0)


def _numbers(value: Any, count: int) -> np.ndarray:
    several = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    numbers = np.array([float(v) for v in several if v is not None])
    if numbers.shape != (count,) or not np.isfinite(numbers).all():
        raise ValueError(f"expected {count} numbers, found {str(value)[:60]}")
    return numbers
