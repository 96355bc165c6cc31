"""Sunnybrook (Radau et al., MIDAS Journal 2009): DICOM cines and files of contours.

A contour file ``IM-0001-0048-icontour-manual.txt`` holds the points ``x y`` of a closed line in
pixels of the picture ``IM-0001-0048.dcm``, counted from the middle of the first: ``i`` is the
endocardium, ``o`` the epicardium; ``p1`` and ``p2`` are papillary muscles, which count as cavity.
"""

from __future__ import annotations

import re
from collections import Counter
from functools import partial
from pathlib import Path

import nibabel as nib
import numpy as np
from matplotlib.path import Path as Outline

from myomotion.errors import InputError
from myomotion.io.codes import CAVITY, MYOCARDIUM
from myomotion.io.dicom.cine import frames_of_cine, read_dicom_cine
from myomotion.io.dicom.files import found_dicom_files
from myomotion.io.info import read_info
from tools.convert.nifti import Labels
from tools.convert.source import Reader, Source, folders, listed, named

CONTOUR = re.compile(r"(IM-\d+-\d+)-([io])contour-(?:manual|auto)\.txt", re.IGNORECASE)
SUBJECT = re.compile(r"SCD?[-A-Z0-9]*\d+", re.IGNORECASE)


def find_sunnybrook(source: Path) -> dict[str, Reader]:
    """Folders of subjects (``SCD0000101``, ``SC-HF-I-01``), those with contours below them.

    Pictures may lie below a folder of the same name elsewhere, as the data set is handed out.
    """
    places: dict[str, list[Path]] = {}
    for folder in folders(source):
        above = folder.parent
        if SUBJECT.fullmatch(folder.name) and not SUBJECT.fullmatch(above.name):
            places.setdefault(folder.name, []).append(folder)
    found = []
    for name, own in sorted(places.items()):
        contours = next((f for f in own if _contours(f)), None)
        pictures = next((f for f in own if next(found_dicom_files(f), None) is not None), None)
        if contours is not None and pictures is not None:
            found.append((Path(name), partial(read_sunnybrook, pictures, contours)))
    return named(source, found)


def read_sunnybrook(pictures: Path, contours: Path) -> Source:
    """Read a subject; end-diastole is the frame with most epicardial contours.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    info = read_info(None)
    cine = read_dicom_cine(pictures, info)
    places = {
        frame.path.stem.upper(): (z, t)
        for z, level in enumerate(frames_of_cine(pictures, info))
        for t, frame in enumerate(level)
    }
    lines = {key: path for key, path in _contours(contours).items() if key[0] in places}
    if not lines:
        raise InputError(
            f"{contours}: none of its contours is of a picture in {pictures}: names such as "
            "IM-0001-0048 must be those of the DICOM files. Keep the pictures' own names."
        )
    frames = {side: Counter(places[k[0]][1] for k in lines if k[1] == side) for side in "io"}
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
    for (stem, side), path in sorted(lines.items(), key=lambda item: item[0][1], reverse=True):
        z, t = places[stem]
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
