"""Points that people have followed against those that a result moves, in plane and in space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError
from tools.move.motion import ResultMotion
from tools.move.points import read_rows

COLUMNS = ("id", "observer", "frame", "x", "y", "z")


@dataclass(frozen=True)
class Landmark:
    """A point as one observer has followed it.

    Attributes:
        name: of the point.
        observer: who has followed it.
        places: ``(3,)`` in LPS millimetres, by frame.
    """

    name: str
    observer: str
    places: Mapping[int, np.ndarray]


def read_landmarks(path: Path) -> list[Landmark]:
    """Landmarks of a table with the columns ``id, observer, frame, x, y, z``.

    Args:
        path: comma-separated values with a line of headings; frames count from 0, places are LPS
            millimetres.

    Raises:
        InputError: if a column or a number is missing, or a place is there twice.
    """
    rows = read_rows(path, COLUMNS, "Add a line of headings at the top.")
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    for number, row in enumerate(rows, 2):
        try:
            frame, place = int(row["frame"]), np.array([float(row[axis]) for axis in "xyz"])
        except (TypeError, ValueError):
            frame, place = -1, np.full(3, np.nan)
        if frame < 0 or not np.isfinite(place).all():
            raise InputError(f"{path}: line {number} has no frame or no place. Give four numbers.")
        places = found.setdefault((str(row["id"]), str(row["observer"])), {})
        if frame in places:
            raise InputError(
                f"{path}: line {number}: point {row['id']} of observer {row['observer']} is there "
                f"twice in frame {frame}. Leave one."
            )
        places[frame] = place
    return [Landmark(name, who, places) for (name, who), places in found.items()]


def compared(
    landmarks: Sequence[Landmark], motion: ResultMotion, space: ResultMotion | None, es_frame: int
) -> dict[str, Any]:
    """Distances in millimetres between followed points and moved ones.

    Each point is moved from where its observer has set it at end-diastole.

    Args:
        landmarks: from :func:`read_landmarks`.
        motion: in the planes of the slices.
        space: of the lift, where there is one.
        es_frame: end-systolic frame.

    Returns:
        ``end_systole`` and ``all_frames`` (all but end-diastole), each with ``none`` (points that
        stay), ``in_plane`` and, with a lift, ``in_space``: of the distance within the slices'
        planes (``plane``) and in space (``space``) ``n``, ``median``, ``mean`` and
        ``percentile_90``; ``observers``: the same of the distance between two observers;
        ``outside``: points beyond the stack, which are left out.

    Raises:
        InputError: if a point is not known at end-diastole, or is followed in a frame that the
            result has not.
    """
    ways = {"none": None, "in_plane": motion, **({"in_space": space} if space else {})}
    normal = motion.affine[:3, 2] / np.linalg.norm(motion.affine[:3, 2])
    distances: dict[tuple[str, str, bool], list[float]] = {}
    outside = set()
    for landmark in landmarks:
        start = landmark.places.get(motion.reference)
        if start is None:
            raise InputError(
                f"point {landmark.name} of observer {landmark.observer} has no place in frame "
                f"{motion.reference}, the end-diastole of the result. Add it, or leave it out."
            )
        if not motion.inside(start[None])[0]:
            outside.add(f"{landmark.name} ({landmark.observer})")
            continue
        for frame, place in landmark.places.items():
            if frame == motion.reference:
                continue
            for name, way in ways.items():
                moved = start if way is None else way.carried(start[None], way.reference, frame)[0]
                gap = moved - place
                flat = gap - gap @ normal * normal
                for kind, value in (("plane", flat), ("space", gap)):
                    own = distances.setdefault((name, kind, frame == es_frame), [])
                    own.append(float(np.linalg.norm(value)))
    return {
        "end_systole": _statistics(distances, ways, (True,)),
        "all_frames": _statistics(distances, ways, (True, False)),
        "observers": _between(landmarks),
        "outside": sorted(outside),
    }


def _statistics(
    distances: Mapping[tuple[str, str, bool], list[float]],
    ways: Mapping[str, object],
    systolic: tuple[bool, ...],
) -> dict[str, Any]:
    return {
        name: {
            kind: _summary([v for part in systolic for v in distances.get((name, kind, part), [])])
            for kind in ("plane", "space")
        }
        for name in ways
    }


def _between(landmarks: Sequence[Landmark]) -> dict[str, Any]:
    """How far two observers' places of one point and frame are apart."""
    pairs = [(a, b) for a, b in combinations(landmarks, 2) if a.name == b.name]
    return _summary(
        [
            float(np.linalg.norm(a.places[frame] - b.places[frame]))
            for a, b in pairs
            for frame in a.places.keys() & b.places.keys()
        ]
    )


def _summary(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "median": float(np.median(values)),
        "mean": float(np.mean(values)),
        "percentile_90": float(np.percentile(values, 90)),
    }
