"""Points that people have followed against those that a result moves, in plane and in space."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
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
        level: of the ventricle, where it is known.
    """

    name: str
    observer: str
    places: Mapping[int, np.ndarray]
    level: str = ""


def read_landmarks(path: Path) -> list[Landmark]:
    """Landmarks of a table with the columns ``id, observer, frame, x, y, z``, and ``level`` or not.

    Args:
        path: comma-separated values with a line of headings; frames count from 0, places are LPS
            millimetres.

    Raises:
        InputError: if a column or a number is missing, or a place is there twice.
    """
    rows = read_rows(path, COLUMNS, "Add a line of headings at the top.")
    found: dict[tuple[str, str], dict[int, np.ndarray]] = {}
    levels: dict[str, str] = {}
    for number, row in enumerate(rows, 2):
        try:
            frame, place = int(row["frame"]), np.array([float(row[axis]) for axis in "xyz"])
        except (TypeError, ValueError):
            frame, place = -1, np.full(3, np.nan)
        if frame < 0 or not np.isfinite(place).all():
            raise InputError(f"{path}: line {number} has no frame or no place. Give four numbers.")
        places = found.setdefault((str(row["id"]), str(row["observer"])), {})
        levels[str(row["id"])] = row.get("level") or ""
        if frame in places:
            raise InputError(
                f"{path}: line {number}: point {row['id']} of observer {row['observer']} is there "
                f"twice in frame {frame}. Leave one."
            )
        places[frame] = place
    return [Landmark(name, who, places, levels[name]) for (name, who), places in found.items()]


def in_lps(landmarks: Sequence[Landmark], flip: np.ndarray) -> list[Landmark]:
    """Landmarks whose places are brought into LPS by signs ``(3,)``."""
    return [replace(m, places={t: p * flip for t, p in m.places.items()}) for m in landmarks]


def compared(
    landmarks: Sequence[Landmark], motion: ResultMotion, space: ResultMotion | None, es_frame: int
) -> dict[str, Any]:
    """Distances in millimetres between followed points and moved ones.

    Each point is moved from where its observer has set it at end-diastole.

    Args:
        landmarks: from :func:`read_landmarks` or
            :func:`~tools.benchmark.challenge.read_challenge`.
        motion: in the planes of the slices.
        space: of the lift, where there is one.
        es_frame: end-systolic frame.

    Returns:
        ``end_systole`` and ``all_frames`` (all but end-diastole), each with ``none`` (points that
        stay), ``in_plane``, with a lift ``in_space``, and ``observers`` (two observers' places of a
        point): of the distance within the slices' planes (``plane``) and in space (``space``)
        ``n``, ``median``, ``mean`` and ``percentile_90``; ``levels``: the same two for each level
        that points are known to lie at; ``es_frame``; ``outside``: points beyond the stack, which
        are left out.

    Raises:
        InputError: if a point is not known at end-diastole, is followed in a frame that the result
            has not, or if no point lies in the stack.
    """
    ways = {"none": None, "in_plane": motion, **({"in_space": space} if space else {})}
    normal = motion.slice_normal
    inside: list[Landmark] = []
    outside: list[Landmark] = []
    for landmark in landmarks:
        start = landmark.places.get(motion.reference)
        if start is None:
            raise InputError(
                f"point {landmark.name} of observer {landmark.observer} has no place in frame "
                f"{motion.reference}, the end-diastole of the result. Add it, or leave it out."
            )
        (inside if motion.inside(start[None])[0] else outside).append(landmark)
    if not inside:
        raise InputError(
            f"none of the {len(landmarks)} points lies in the stack of {motion.folder}. Are they "
            "of this study, and in LPS millimetres (else --space RAS)?"
        )
    gaps = _between(inside, motion.reference, normal)
    for frame in sorted({t for mark in inside for t in mark.places} - {motion.reference}):
        marks = [mark for mark in inside if frame in mark.places]
        starts = np.stack([mark.places[motion.reference] for mark in marks])
        for name, way in ways.items():
            moved = starts if way is None else way.carried(starts, way.reference, frame)
            gaps += [
                _Gap.of(name, mark.level, frame, place - mark.places[frame], normal)
                for mark, place in zip(marks, moved, strict=True)
            ]
    names = [*ways, "observers"]
    levels = sorted({gap.level for gap in gaps} - {""})
    return {
        **_phases(gaps, names, es_frame),
        "levels": {
            level: _phases([gap for gap in gaps if gap.level == level], names, es_frame)
            for level in levels
        },
        "es_frame": es_frame,
        "outside": sorted(f"{mark.name} ({mark.observer})" for mark in outside),
    }


@dataclass(frozen=True)
class _Gap:
    """Distance of two places of a point in one frame, mm."""

    way: str
    level: str
    frame: int
    plane: float
    space: float

    @classmethod
    def of(cls, way: str, level: str, frame: int, gap: np.ndarray, normal: np.ndarray) -> _Gap:
        flat = gap - gap @ normal * normal
        return cls(way, level, frame, float(np.linalg.norm(flat)), float(np.linalg.norm(gap)))


def _between(landmarks: Sequence[Landmark], reference: int, normal: np.ndarray) -> list[_Gap]:
    """How far two observers' places of one point and frame are apart.

    Not at end-diastole: observers who follow the same points start from the same places.
    """
    pairs = [(a, b) for a, b in combinations(landmarks, 2) if a.name == b.name]
    return [
        _Gap.of("observers", a.level, frame, a.places[frame] - b.places[frame], normal)
        for a, b in pairs
        for frame in sorted((a.places.keys() & b.places.keys()) - {reference})
    ]


def _phases(gaps: Sequence[_Gap], names: Sequence[str], es_frame: int) -> dict[str, Any]:
    """Statistics at end-systole and over all frames."""
    systolic = [gap for gap in gaps if gap.frame == es_frame]
    return {
        phase: {
            name: {
                kind: _summary([getattr(gap, kind) for gap in those if gap.way == name])
                for kind in ("plane", "space")
            }
            for name in names
        }
        for phase, those in (("end_systole", systolic), ("all_frames", gaps))
    }


def _summary(values: Sequence[float]) -> dict[str, Any]:
    if not values:
        return {"n": 0}
    return {
        "n": len(values),
        "median": float(np.median(values)),
        "mean": float(np.mean(values)),
        "percentile_90": float(np.percentile(values, 90)),
    }
