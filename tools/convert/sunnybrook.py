"""Sunnybrook (Radau et al., MIDAS Journal 2009): DICOM cines and files of contours.

A contour file ``IM-0001-0048-icontour-manual.txt`` holds the points ``x y`` of a closed line in
pixels of picture 48 of the short-axis cine, counted from the middle of the first: ``i`` is the
endocardium, ``o`` the epicardium; ``p1`` and ``p2`` are papillary muscles, which count as cavity.
The file of the picture has another first number, that of its series (``IM-0003-0048.dcm``).

The data set is handed out in two forms. That of the Cardiac Atlas has pictures of ``SCD0000301``,
contours of ``SC-HF-I-04``, and a table of both names. That of the challenge has pictures of
``SC-HF-I-4``.
"""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.path import Path as Outline

from myomotion.errors import InputError
from myomotion.io.codes import CAVITY, MYOCARDIUM
from myomotion.io.dicom.cine import frames_of_cine, read_dicom_cine
from myomotion.io.dicom.files import dicom_files, found_dicom_files
from myomotion.io.dicom.pictures import read_headers
from myomotion.io.info import StudyInfo, read_info
from tools.convert.nifti import Labels
from tools.convert.source import PartsReader, Reader, Source, folders, listed, named

CONTOUR = re.compile(r"(IM-\d+-\d+)-([io])contour-(?:manual|auto)\.txt", re.IGNORECASE)
PICTURE = re.compile(r"(IM-\d+)-(\d+)", re.IGNORECASE)
SUBJECT = re.compile(r"SCD?[-A-Z0-9]*\d+", re.IGNORECASE)
TABLE, COLUMNS = "scd_patientdata.csv", ("PatientID", "OriginalID")
SHORT_AXIS = "CINESAX"

Place = tuple[int, int]  # slice and frame of a picture


def find_sunnybrook(source: Path) -> dict[str, Reader]:
    """Folders of subjects (``SCD0000101``, ``SC-HF-I-01``), those with contours below them.

    Pictures may lie below a folder elsewhere, of the same name but for leading zeros, or of the
    name that the data set's table has for it. The subject is called as the folder of its pictures.

    Raises:
        InputError: if there are contours and pictures, but no names of one subject.
    """
    originals = _originals(source)
    places: dict[str, list[Path]] = {}
    for folder in folders(source):
        above = folder.parent
        if SUBJECT.fullmatch(folder.name) and not SUBJECT.fullmatch(above.name):
            places.setdefault(_called(folder.name, originals), []).append(folder)
    found: list[tuple[Path, Reader]] = []
    alone: dict[str, Path] = {}
    for _, own in sorted(places.items()):
        contours = next((f for f in own if _contours(f)), None)
        pictures = next((f for f in own if next(found_dicom_files(f), None) is not None), None)
        if contours is not None and pictures is not None:
            read = partial(read_sunnybrook, pictures, contours)
            found.append((pictures, PartsReader(read=read, folders=(pictures, contours))))
        elif contours is not None:
            alone["contours"] = contours
        elif pictures is not None:
            alone["pictures"] = pictures
    if len(alone) == 2 and not found:
        raise InputError(
            f"{source}: contours of {alone['contours'].name} and pictures of "
            f"{alone['pictures'].name}, and nothing says that two such names are of one subject. "
            f"Put {TABLE} of the data set there, with the columns {' and '.join(COLUMNS)}."
        )
    return named(source, found)


def read_sunnybrook(pictures: Path, contours: Path) -> Source:
    """Read a subject; end-diastole is the frame with most epicardial contours.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    info = _short_axis(pictures)
    cine = read_dicom_cine(pictures, info)
    places = {
        frame.path.stem.upper(): (z, t)
        for z, level in enumerate(frames_of_cine(pictures, info))
        for t, frame in enumerate(level)
    }
    lines = _on_pictures(contours, pictures, places)
    frames = {side: Counter(place[1] for place, s in lines if s == side) for side in "io"}
    counted = frames["o"] or frames["i"]
    ed = min(counted, key=lambda t: (-counted[t], t))
    systole = Counter({t: n for t, n in frames["i"].items() if t != ed})
    if not systole:
        raise InputError(
            f"{contours}: contours of one frame alone ({listed(frames['i'])}, from 0). Give the "
            "contours of end-systole as well."
        )
    es = min(systole, key=lambda t: (-systole[t], t))
    shape = cine.values.shape
    maps = {t: np.zeros(shape[:3], np.uint8) for t in (ed, es)}
    # The epicardium first: the endocardium then takes the cavity out of it.
    for ((z, t), side), path in sorted(lines.items(), key=lambda item: item[0][1], reverse=True):
        if t in maps:
            inside = _inside(path, shape[:2])
            maps[t][:, :, z][inside] = MYOCARDIUM if side == "o" else CAVITY
    other = set(frames["i"]) - {ed, es}
    notes = [f"contours of other frames were not taken: {listed(other)}"] if other else []
    image = nib.Nifti1Image(cine.values, cine.affine)
    image.header.set_xyzt_units("mm", "msec")
    record: dict[str, object] = {"papillary_muscles": "cavity"}
    if cine.frame_times_ms is not None:
        record["frame_times_ms"] = cine.frame_times_ms.round(3).tolist()
    ed_map, es_map = (Labels(path=contours, codes=maps[t], affine=cine.affine) for t in (ed, es))
    return Source(
        path=pictures,
        image=image,
        ed_frame=ed,
        es_frame=es,
        label_ed=ed_map,
        label_es=es_map,
        coding="internal",
        record=record,
        notes=[*cine.warnings, *notes],
    )


def _originals(source: Path) -> dict[str, str]:
    """The challenge's name of each subject of the Cardiac Atlas, by its table."""
    found = {}
    for path in sorted(p for p in source.rglob("*.csv") if p.name.lower() == TABLE):
        with path.open(newline="", encoding="utf-8-sig", errors="replace") as stream:
            for row in csv.DictReader(stream):
                patient, original = (str(row.get(column) or "").strip() for column in COLUMNS)
                found[patient.upper()] = original
    return found


def _called(name: str, originals: Mapping[str, str]) -> str:
    """One name for all that a subject is called: the challenge's, without leading zeros."""
    return re.sub(r"(?<!\d)0+(?=\d+$)", "", (originals.get(name.upper()) or name).upper())


def _short_axis(pictures: Path) -> StudyInfo:
    """What info.json says; where it chooses no series, the one that is called short axis."""
    file = pictures / "info.json"
    info = read_info(file if file.is_file() else None)
    if info.series is not None:
        return info
    frames = read_headers(dicom_files(pictures), pictures).frames
    called = {
        frame.series_key
        for frame in frames
        if SHORT_AXIS in f"{frame.path.parent.relative_to(pictures)} {frame.description}".upper()
    }
    return replace(info, series=sorted(called)) if len(called) == 1 else info


def _on_pictures(
    contours: Path, pictures: Path, places: Mapping[str, Place]
) -> dict[tuple[Place, str], Path]:
    """Contour files by the place of their picture and by side.

    A contour is of the picture of its name; where none is, of that of its last number in the cine.

    Args:
        contours: folder of the contours.
        pictures: folder of the pictures, for messages.
        places: of the cine's pictures, by name.
    """
    found = _contours(contours)
    lines = {(places[stem], side): path for (stem, side), path in found.items() if stem in places}
    if lines:
        return lines
    numbers = {stem: int(m[2]) for stem in places if (m := PICTURE.fullmatch(stem))}
    repeated = Counter(numbers.values())
    by_number = {n: places[stem] for stem, n in numbers.items() if repeated[n] == 1}
    for (stem, side), path in found.items():
        place = by_number.get(int(stem.rsplit("-", 1)[1]))
        if place is None or (place, side) in lines:
            raise InputError(
                f"{path}: is of no one picture of the cine in {pictures}: the last number of its "
                "name must be that of one DICOM file there. Keep the pictures' own names, and "
                "give the short-axis cine whole."
            )
        lines[place, side] = path
    return lines


def _contours(folder: Path) -> dict[tuple[str, str], Path]:
    """Contour files below a folder by picture and side, drawn by hand before automatic ones."""
    found: dict[tuple[str, str], Path] = {}
    for path in sorted(folder.rglob("*.txt"), key=lambda p: ("auto" in p.name.lower(), str(p))):
        match = CONTOUR.fullmatch(path.name)
        if match is not None:
            found.setdefault((match[1].upper(), match[2].lower()), path)
    return found


def _inside(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """Pixels ``(X, Y)`` whose middle lies within a closed line."""
    try:
        points = np.loadtxt(path, ndmin=2)
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not a list of points ({error}). Fetch it again.") from error
    if points.shape[0] < 3 or points.shape[1] != 2:
        raise InputError(f"{path}: {points.shape} numbers; a contour has three points x y or more.")
    index = np.moveaxis(np.indices(shape), 0, -1).reshape(-1, 2)
    return np.asarray(Outline(points).contains_points(index)).reshape(shape)
