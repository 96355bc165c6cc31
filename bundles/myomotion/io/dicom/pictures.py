"""Which pictures of a DICOM folder can be used, and what lacks for the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myomotion.errors import InputError
from myomotion.io.dicom.files import read_dataset, words
from myomotion.io.dicom.header import (
    NOT_MAGNITUDE,
    DicomFrame,
    frames_of,
    not_understood,
    series_key,
)

MR_IMAGES = tuple(f"1.2.840.10008.5.1.4.1.1.4{end}" for end in ("", ".1", ".3", ".4"))
NO_SPACING = "no PixelSpacing"


@dataclass(frozen=True, kw_only=True)
class Pictures:
    """The pictures of a study.

    Attributes:
        frames: those that can be used.
        warnings: what was done about pictures of the same series that lack something.
    """

    frames: list[DicomFrame]
    warnings: list[str]


def read_headers(files: Sequence[Path], place: Path) -> Pictures:
    """Read where and when every magnitude picture of MR files was taken.

    Args:
        files: from :func:`dicom_files`.
        place: of the study, for messages.

    Returns:
        The pictures; other objects (reports, presentation states, phase maps) are left out. One
        that lost its PixelSpacing has that of its series, where all others agree.

    Raises:
        InputError: if a file is not DICOM or damaged, or no file holds an MR picture with a place.
    """
    frames: list[DicomFrame] = []
    unspaced: list[tuple[Path, Any]] = []
    warnings: list[str] = []
    phases = 0
    left_out: Counter[str] = Counter()
    example: dict[str, str] = {}
    for path in files:
        dataset = read_dataset(path, header_only=True)
        with not_understood(path):
            reason = _not_usable(path, dataset)
        if reason == NO_SPACING:
            unspaced.append((path, dataset))
            continue
        if reason is not None:
            left_out[reason] += 1
            example.setdefault(reason, path.name)
            continue
        own = frames_of(path, dataset)
        frames += [frame for frame in own if frame is not None]
        phases += sum(frame is None for frame in own)
    if phases and frames:
        warnings.append(f"{phases} pictures were left out: they are no magnitude images.")
    if left_out and frames:
        warnings.append(f"Left out: {_counted(left_out, example)}.")
    if unspaced:
        spaced, warning = _with_spacing(unspaced, frames)
        frames += spaced
        warnings.append(warning)
        left_out[NO_SPACING] += len(unspaced) - len(spaced)
        example.setdefault(NO_SPACING, unspaced[0][0].name)
    if not frames:
        if phases:
            left_out["not a magnitude image"] += phases
            example.setdefault("not a magnitude image", files[0].name)
        found = _counted(left_out, example)
        raise InputError(
            f"{place}: no MR picture that says where it lies; found: {found or 'no file'}. Give a "
            "short-axis cine MR series."
        )
    return Pictures(frames=frames, warnings=warnings)


def _counted(left_out: Counter[str], example: dict[str, str]) -> str:
    """Why pictures cannot be used, how many, and a file of each kind."""
    return ", ".join(f"{n} x {r} ({example[r]})" for r, n in left_out.most_common())


def _with_spacing(
    unspaced: Sequence[tuple[Path, Any]], frames: Sequence[DicomFrame]
) -> tuple[list[DicomFrame], str]:
    """Pictures without PixelSpacing, with that of their series where it has one alone."""
    spacings: dict[tuple[str, tuple[int, int]], set[tuple[float, ...]]] = {}
    for frame in frames:
        key = (frame.series_key, frame.shape)
        spacings.setdefault(key, set()).add(tuple(frame.spacing.tolist()))
    spaced: list[DicomFrame] = []
    for path, dataset in unspaced:
        with not_understood(path):
            shape = (int(dataset.Rows), int(dataset.Columns))
            key = (series_key(dataset), shape)
        if len(known := spacings.get(key, set())) == 1:
            dataset.PixelSpacing = list(next(iter(known)))
            spaced += [frame for frame in frames_of(path, dataset) if frame is not None]
    done = (
        "were given that of the other pictures of their series"
        if len(spaced) == len(unspaced)
        else f"were left out, except {len(spaced)} whose series says it"
    )
    return (
        spaced,
        f"{len(unspaced)} pictures have {NO_SPACING}: they {done}.",
    )


def _not_usable(path: Path, dataset: Any) -> str | None:
    """Why a file holds no picture to track, None if it does."""
    sop_class = str(dataset.get("SOPClassUID", ""))
    modality = str(dataset.get("Modality", None) or ("MR" if sop_class in MR_IMAGES else ""))
    if sop_class in MR_IMAGES and not all(k in dataset for k in ("Rows", "Columns")):
        raise InputError(
            f"{path}: an MR image without Rows and Columns, probably cut short "
            f"({path.stat().st_size} bytes). Export it again."
        )
    if "Rows" not in dataset:
        return f"not an image (modality {modality or 'unknown'})"
    if modality != "MR":
        return f"modality {modality or 'unknown'}, not MR"
    palette = dataset.get("PhotometricInterpretation", None) == "PALETTE COLOR"
    if int(dataset.get("SamplesPerPixel", 1)) != 1 or palette:
        return "colour picture"
    if NOT_MAGNITUDE.intersection(words(dataset.get("ImageType", None))):
        return "not a magnitude image"
    if "PerFrameFunctionalGroupsSequence" in dataset:
        return None
    missing = {"ImagePositionPatient", "ImageOrientationPatient", "PixelSpacing"} - set(
        dataset.dir()
    )
    return f"no {', '.join(sorted(missing))}" if missing else None
