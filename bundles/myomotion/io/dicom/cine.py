"""A short-axis cine from DICOM files, in the form a NIfTI file would give it."""

from __future__ import annotations

import filecmp
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from myomotion.core.axes import RAS_FROM_LPS
from myomotion.errors import InputError
from myomotion.io.dicom.files import TIME_KEYS, dicom_files, read_dataset, refused
from myomotion.io.dicom.header import DicomFrame
from myomotion.io.dicom.pictures import read_headers
from myomotion.io.dicom.repeats import taken_once
from myomotion.io.dicom.series import (
    LARGEST_SHIFT_MM,
    PLACE_TOLERANCE_MM,
    Stack,
    choose_stack,
    in_plane_shift,
)
from myomotion.io.frame_times import BELIEVABLE_MS
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo

IMPLICIT_LITTLE_ENDIAN = "1.2.840.10008.1.2"
MILLISECOND_KEYS = TIME_KEYS[:2]
WARNING_DIFFERENCE = 0.05  # relative, of slice distances or of cycle lengths
TWICE = 0.5  # of the usual distance: slices that lie closer are one slice, taken again
GAP_TOLERANCE = 0.1  # how close to a whole number of distances a gap is where slices are missing


def read_dicom_cine(path: Path, info: StudyInfo) -> CineImage:
    """Read the cine of a DICOM study.

    Slices are sorted by ImagePositionPatient along the normal of ImageOrientationPatient. Frames
    are sorted by the first of these that every picture has and that differs within every slice:
    TriggerTime (of classic multi-frame files, from FrameTime or FrameTimeVector),
    NominalCardiacTriggerDelayTime, TemporalPositionIdentifier (TemporalPositionIndex in enhanced
    files), AcquisitionTime, InstanceNumber (number of the picture in multi-frame files). The first
    two also give frame times, the mean of the slices. Values are those after RescaleSlope and
    RescaleIntercept, negatives (MONOCHROME1) turned into positives. DICOM's columns become the
    first axis and its rows the second.

    Args:
        path: folder of the study, searched with those below it, or a multi-frame file.
        info: of the study; ``series`` chooses (see
            :func:`~myomotion.io.dicom.series.choose_stack`), ``allow_missing_slices`` accepts gaps.

    Returns:
        The cine.

    Raises:
        InputError: if a file is not DICOM, cut short or compressed without a decoder at hand, no
            or several cines are there, slices are not parallel, or slices or frames are missing.
    """
    stack, levels, key, warnings = _ordered(path, info)
    times, time_warnings = _frame_times(levels, key)
    record = {
        "format": "DICOM",
        "series_numbers": [f.series_number for f in stack.series],
        "pictures": sum(len(level) for level in levels),
        "frames_sorted_by": key,
    }
    return CineImage(
        values=_pixels(levels),
        affine=_affine(levels),
        places_mm=_depths(levels),
        sideways_mm=_sideways(levels),
        frame_times_ms=times,
        record=record,
        warnings=[*warnings, *time_warnings],
    )


def frames_of_cine(path: Path, info: StudyInfo) -> list[list[DicomFrame]]:
    """Pictures of the cine of a DICOM study: of each slice its frames, in the order of the cine.

    Args:
        path: see :func:`read_dicom_cine`.
        info: see there.

    Raises:
        InputError: see there.
    """
    return _ordered(path, info)[1]


def _ordered(path: Path, info: StudyInfo) -> tuple[Stack, list[list[DicomFrame]], str, list[str]]:
    """The one cine, its pictures in order, what they are sorted by, and warnings."""
    pictures = read_headers(dicom_files(path), path)
    frames, copies = _without_copies(pictures.frames)
    stack, warnings = choose_stack(frames, path, info.series)
    _check_copies(stack)
    stack, repeats = taken_once(stack)
    _check_frames(stack, path)
    warnings = [
        *pictures.warnings,
        *copies,
        *warnings,
        *repeats,
        *_shift_warnings(stack),
        *_gap_warnings(stack, path, info.allow_missing_slices),
    ]
    levels, key = _sort_frames(stack.levels)
    return stack, levels, key, warnings


def _without_copies(frames: Sequence[DicomFrame]) -> tuple[list[DicomFrame], list[str]]:
    """Pictures without those of files that are copies of others, byte by byte."""
    originals: dict[str, Path] = {}
    copies: set[Path] = set()
    for frame in frames:
        first = originals.setdefault(frame.sop_uid, frame.path) if frame.sop_uid else frame.path
        if first != frame.path and filecmp.cmp(first, frame.path, shallow=False):
            copies.add(frame.path)
    if not copies:
        return list(frames), []
    note = f"{len(copies)} files are copies of others and were not read."
    return [frame for frame in frames if frame.path not in copies], [note]


def _check_copies(stack: Stack) -> None:
    files: dict[str, Path] = {}
    for level in stack.levels:
        for frame in level:
            other = files.setdefault(frame.sop_uid, frame.path)
            if frame.sop_uid and other != frame.path:
                raise InputError(
                    f"{frame.path}: has the SOPInstanceUID of {other}: the picture is there twice. "
                    "Remove one of the files."
                )


def _shift_warnings(stack: Stack) -> list[str]:
    """Refuse slices planned far sideways; a warning where they lie a little so."""
    shifts = []
    for level in stack.levels:
        shifts.append(max(in_plane_shift(stack.first, frame) for frame in level))
        for frame in level:
            shift = in_plane_shift(stack.first, frame)
            if shift > LARGEST_SHIFT_MM or in_plane_shift(level[0], frame) > PLACE_TOLERANCE_MM:
                raise InputError(
                    f"{frame.path}: its ImagePositionPatient is shifted by {shift:.1f} mm within "
                    f"the slice plane relative to {stack.first.path.name}; slices must lie "
                    "straight above each other. Resample them to one grid, or give the ones that "
                    'do: {"series": [NUMBER, NUMBER ...]} in info.json.'
                )
    moved = [z for z, shift in enumerate(shifts) if shift > PLACE_TOLERANCE_MM]
    if not moved:
        return []
    return [
        f"Slices {', '.join(map(str, moved))} lie up to {max(shifts):.1f} mm sideways of slice 0. "
        "Files of results place all straight above each other; slices are tracked one by one, so "
        "nothing within a slice depends on it, and motion in space has them where they lie."
    ]


def _check_frames(stack: Stack, place: Path) -> None:
    counts = [len(level) for level in stack.levels]
    usual = Counter(counts).most_common(1)[0][0]
    for z, (level, count) in enumerate(zip(stack.levels, counts, strict=True)):
        if count != usual:
            raise InputError(
                f"{place}: slice {z} of {stack.title} has {count} frames where others have "
                f"{usual} (one of its files: {level[0].path.name}). Export the series again "
                "complete, or take the files of this slice away."
            )


def _gap_warnings(stack: Stack, place: Path, allow_missing: bool) -> list[str]:
    """Refuse a stack with a slice missing; a warning where slice distances merely differ."""
    gaps = np.diff(_depths(stack.levels))
    if len(gaps) < 2 or gaps.max() - gaps.min() <= WARNING_DIFFERENCE * gaps.mean():
        return []
    ratio = gaps / np.median(gaps)
    if len(gaps) > 2 and ratio.min() < TWICE and not allow_missing:
        z = int(gaps.argmin())
        a, b = (stack.levels[k][0] for k in (z, z + 1))
        raise InputError(
            f"{place}: {stack.title} shows slice {z} twice: {a.path.name} of series "
            f"{a.series_number} and {b.path.name} of series {b.series_number} are "
            f"{gaps[z]:.1f} mm apart, the others {np.median(gaps):.1f} mm. Choose in info.json: "
            '{"series": [NUMBER, NUMBER ...]}, or take the files of one away; if both are meant, '
            '"allow_missing_slices": true.'
        )
    whole = np.abs(ratio - np.round(ratio)).max() <= GAP_TOLERANCE
    if len(gaps) > 2 and whole and not allow_missing:
        z = int(gaps.argmax())
        lost = round(float(ratio[z])) - 1
        raise InputError(
            f"{place}: {stack.title} lacks {lost} slice{'s' * (lost > 1)} between slice {z} "
            f"and {z + 1}: they are {gaps[z]:.1f} mm apart, the others {np.median(gaps):.1f} mm. "
            "Export the series again complete; if they were never taken, put "
            '"allow_missing_slices": true into info.json.'
        )
    return [
        f"Slice distances differ ({', '.join(f'{gap:.1f}' for gap in gaps)} mm). Files of results "
        f"say {gaps.mean():.1f} mm throughout; slices are tracked one by one, so nothing within a "
        "slice depends on it."
    ]


def _depths(levels: Sequence[Sequence[DicomFrame]]) -> np.ndarray:
    """Place of each slice along the normal in millimetres."""
    normal = levels[0][0].normal
    return np.array([float(level[0].position @ normal) for level in levels])


def _sideways(levels: Sequence[Sequence[DicomFrame]]) -> np.ndarray | None:
    """Way of each slice from the first along rows and columns, mm; None where all lie straight."""
    first = levels[0][0]
    positions = np.array([level[0].position for level in levels])
    shifts: np.ndarray = (positions - first.position) @ first.orientation.T
    return shifts if np.abs(shifts).max() > PLACE_TOLERANCE_MM else None


def _sort_frames(levels: Sequence[Sequence[DicomFrame]]) -> tuple[list[list[DicomFrame]], str]:
    for key in TIME_KEYS:
        if all(
            all(key in f.times for f in level) and len({f.times[key] for f in level}) == len(level)
            for level in levels
        ):
            return [sorted(level, key=lambda f: f.times[key]) for level in levels], key
    first = levels[0][0]
    raise InputError(
        f"{first.path}: the order of the frames is not known: none of {', '.join(TIME_KEYS)} is "
        f"there in every picture of series {first.series_number} and differs within every slice. "
        "Export it again with its cardiac timing."
    )


def _frame_times(
    levels: Sequence[Sequence[DicomFrame]], key: str
) -> tuple[np.ndarray | None, list[str]]:
    """Mean time of each frame in milliseconds, the first at 0, where the header says times."""
    if key not in MILLISECOND_KEYS:
        return None, []
    times = np.array([[f.times[key] for f in level] for level in levels])
    times = times - times[:, :1]
    cycles, mean = times[:, -1], times.mean(0)
    step = mean[-1] / (len(mean) - 1)
    if not BELIEVABLE_MS[0] <= step <= BELIEVABLE_MS[1]:
        return None, []
    if np.ptp(cycles) <= 2 * WARNING_DIFFERENCE * cycles.mean():
        return mean, []
    return mean, [
        f"Slices were taken at different heart rates (last frame at {cycles.min():.0f} to "
        f"{cycles.max():.0f} ms); frame times are their mean."
    ]


def _affine(levels: Sequence[Sequence[DicomFrame]]) -> np.ndarray:
    """Voxel index to RAS millimetres; the slice distance is the mean one."""
    first, last = levels[0][0], levels[-1][0]
    if len(levels) > 1:
        distance = float((last.position - first.position) @ first.normal) / (len(levels) - 1)
    else:
        distance = first.thickness or 1.0
    affine = np.eye(4)
    affine[:3, 0] = first.orientation[0] * first.spacing[1]
    affine[:3, 1] = first.orientation[1] * first.spacing[0]
    affine[:3, 2] = first.normal * distance
    affine[:3, 3] = first.position
    affine[:3] = RAS_FROM_LPS @ affine[:3]
    return affine


def _pixels(levels: Sequence[Sequence[DicomFrame]]) -> np.ndarray:
    """float32 ``(X, Y, Z, T)``; every file is opened once."""
    rows, columns = levels[0][0].shape
    values = np.empty((columns, rows, len(levels), len(levels[0])), np.float32)
    places: dict[Path, list[tuple[int, int, DicomFrame]]] = {}
    for z, level in enumerate(levels):
        for t, frame in enumerate(level):
            places.setdefault(frame.path, []).append((z, t, frame))
    for path, entries in places.items():
        pictures = _stored_values(path, (rows, columns))
        for z, t, frame in entries:
            if frame.index >= len(pictures):
                raise InputError(
                    f"{path}: holds {len(pictures)} pictures, its header describes picture "
                    f"{frame.index + 1}. Export it again."
                )
            # pydicom's apply_rescale knows one slope a file; enhanced files have one a picture.
            values[:, :, z, t] = (
                pictures[frame.index].astype(float) * frame.slope + frame.intercept
            ).T
    negative = np.array([[frame.negative for frame in level] for level in levels])
    if negative.any():
        pictures = values[:, :, negative]
        values[:, :, negative] = pictures.max() + pictures.min() - pictures
    return values


def _stored_values(path: Path, shape: tuple[int, int]) -> np.ndarray:
    dataset = read_dataset(path)
    if "TransferSyntaxUID" not in dataset.file_meta:  # a file without file meta information
        dataset.file_meta.TransferSyntaxUID = IMPLICIT_LITTLE_ENDIAN
    syntax = dataset.file_meta.TransferSyntaxUID
    # A damaged UID is no transfer syntax, and then nobody knows.
    compressed = syntax.is_transfer_syntax and syntax.is_compressed

    def message(reason: str) -> str:
        if compressed:
            return (
                f"{path}: its pixels are compressed ({syntax.name}) and no decoder for that is "
                f"installed, or they are damaged ({reason}). Install pylibjpeg with "
                "pylibjpeg-libjpeg and pylibjpeg-openjpeg, or export the series uncompressed."
            )
        return (
            f"{path}: its pixels cannot be read, probably cut short ({path.stat().st_size} bytes; "
            f"{reason}). Export it again."
        )

    with refused(message):
        return np.asarray(dataset.pixel_array).reshape(-1, *shape)
