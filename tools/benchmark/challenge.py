"""Landmarks of the 2011 motion tracking challenge (Tobon-Gomez et al., Med. Image Anal. 2013).

Its ground truth has a folder a volunteer with ``LMKS/<coordinates>/obs<observer>_groundTruth
<frame>.vtk``: legacy VTK files, one a frame and observer, in which a point keeps its place in the
list. Twelve points: four walls at three levels. They are there in the coordinates of the scanner
(``DICOM_COORDINATES``) and in those of programs that took part.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from tools.benchmark.landmarks import Landmark
from tools.move.points import read_mesh

NAME = re.compile(r"obs(\d+)_groundTruth(\d+)\.vtk", re.IGNORECASE)
PATIENT = "DICOM_COORDINATES"
OTHERS = ("VTK_COORDINATES", "INRIA_COORDINATES")
LEVELS = ("apical", "mid-ventricular", "basal")
WALLS = 4


def read_challenge(folder: Path) -> list[Landmark]:
    """Landmarks of one volunteer.

    Args:
        folder: that has the files of one volunteer and kind of picture somewhere below it.

    Returns:
        A landmark for each point and observer, named by its place in the files (``01`` ...).

    Raises:
        InputError: if there are none, those of several volunteers, or none in the patient's space;
            or if files do not hold the same number of points.
    """
    files = sorted(path for path in folder.rglob("*.vtk") if NAME.fullmatch(path.name))
    if not files:
        raise InputError(
            f"{folder}: no file obs1_groundTruth00.vtk or the like below it. Give the folder of "
            "one volunteer of the challenge's ground truth, or a table of points."
        )
    homes = sorted({path.parent for path in files})
    patient = [home for home in homes if home.name.upper() == PATIENT]
    chosen = patient or homes
    if len(chosen) > 1:
        names = ", ".join(str(home.relative_to(folder)) for home in chosen)
        raise InputError(f"{folder}: landmarks in several folders: {names}. Give one of them.")
    home = chosen[0]
    if home.name.upper() in OTHERS:
        raise InputError(
            f"{home}: places on an image's grid, not in the patient. Give the folder {PATIENT} "
            "beside it."
        )
    found: dict[str, dict[int, np.ndarray]] = {}
    for path in (path for path in files if path.parent == home):
        observer, frame = map(int, NAME.fullmatch(path.name).groups())  # type: ignore[union-attr]
        frames = found.setdefault(str(observer), {})
        if frame in frames:
            raise InputError(f"{path}: frame {frame} of observer {observer} is there twice.")
        frames[frame] = np.asarray(read_mesh(path).points, float)
    sizes = {len(points) for frames in found.values() for points in frames.values()}
    if len(sizes) != 1:
        raise InputError(
            f"{home}: files of {', '.join(map(str, sorted(sizes)))} points. All need the same "
            "points in the same order."
        )
    return [
        Landmark(f"{i + 1:02d}", observer, {frame: points[i] for frame, points in frames.items()})
        for observer, frames in found.items()
        for i in range(max(sizes))
    ]


def with_levels(landmarks: Sequence[Landmark], normal: np.ndarray) -> list[Landmark]:
    """The same landmarks with their level, where four lie at each of three.

    The order of the points in the files is not relied on: levels are told apart by their place
    along the stack, the apical one from the basal one by its smaller circumference.

    Args:
        landmarks: of one volunteer, all with the same first frame.
        normal: ``(3,)`` of the slices, a unit vector.

    Returns:
        Landmarks with :data:`LEVELS`, or as they were where there are not three groups of four.
    """
    starts: dict[str, np.ndarray] = {}
    for mark in landmarks:
        starts.setdefault(mark.name, mark.places[min(mark.places)])
    if len(starts) != WALLS * len(LEVELS):
        return list(landmarks)
    order = sorted(starts, key=lambda name: float(starts[name] @ normal))
    groups = [order[i : i + WALLS] for i in range(0, len(order), WALLS)]
    heights = [np.array([starts[name] @ normal for name in group]) for group in groups]
    apart = min(high.min() - low.max() for low, high in pairwise(heights))
    if apart <= max(np.ptp(height) for height in heights) / 2:
        return list(landmarks)
    ends = [np.stack([starts[name] for name in groups[k]]) for k in (0, -1)]
    widths = [np.linalg.norm(points - points.mean(0), axis=1).mean() for points in ends]
    upwards = LEVELS if widths[0] < widths[1] else LEVELS[::-1]
    level = {name: here for group, here in zip(groups, upwards, strict=True) for name in group}
    return [replace(mark, level=level[mark.name]) for mark in landmarks]
