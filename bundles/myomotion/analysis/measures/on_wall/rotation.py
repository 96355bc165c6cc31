"""Rotation of slices, layers and segments, and the twist of the ventricle from base to apex.

Degrees, positive counter-clockwise as seen from the apex, as the standard view shows a slice; where
the file does not say how the slices lie, as the picture shows it. Rotation is that of
:mod:`myomotion.core.wall.rotation`; twist is the rotation of the apical slice
less that of the basal one, about +10 and -3 degrees in healthy hearts (Lorenz et al., J Cardiovasc
Magn Reson 2000; 2:97; Young and Cowan, J Cardiovasc Magn Reson 2012; 14:49).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.course import Course, course_of, peak_place, peak_time_ms, phase_rates
from myomotion.analysis.measures.measure import Meaning, SegmentMeasure, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.on_wall.mesh import Wall, has_mesh, over_wall, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy
from myomotion.core.wall.mesh import LAYERS
from myomotion.io.slabs import Slabs

KEY = "rotation_deg"
# The peak of what turns less than this is one of noise, and so is its time.
LEAST_DEG = 1.0


@dataclass(frozen=True, kw_only=True, eq=False)
class Twist:
    """Rotation of the apical slice less that of the basal one.

    Attributes:
        degrees: ``(T,)``, frames in the order of the file.
        distance_mm: between the two slices; None where it is nominal.
        course: of the study.
    """

    degrees: np.ndarray
    distance_mm: float | None
    course: Course


def rotation_of(tracked: TrackedSlice) -> np.ndarray | None:
    """Rotation of a whole wall ``(T,)`` in degrees; None without a mesh."""
    wall = wall_of(tracked)
    return None if wall is None else turned(wall, None)


def twist_of(study: TrackedStudy) -> Twist | None:
    """Twist between the outermost slices of the basal and of the apical level.

    Args:
        study: tracked; slices with a red light do not count.

    Returns:
        The twist; None where one of the levels has no slice.
    """
    turns = {
        tracked.index: (tracked, turn)
        for tracked in study.slices
        if tracked.index in study.passed
        and (turn := tracked.once(rotation_of)) is not None
        and tracked.region.level is not None
    }
    base, apex = (
        [z for z, (tracked, _) in turns.items() if tracked.region.level == level]
        for level in ("basal", "apical")
    )
    if not base or not apex:
        return None
    first, last = (min(base), max(apex)) if min(base) < min(apex) else (max(base), min(apex))
    tracked = turns[first][0]
    return Twist(
        degrees=turns[last][1] - turns[first][1],
        distance_mm=slice_distance_mm(tracked.cine.slabs, first, last),
        course=course_of(tracked.motion),
    )


def slice_distance_mm(slabs: Slabs, first: int, last: int) -> float | None:
    """Distance between the middles of two slices.

    Args:
        slabs: of the stack.
        first: index of a slice.
        last: index of another.

    Returns:
        Millimetres; None where the distance of the slices is nominal.
    """
    if slabs.doubt is not None:
        return None
    low, high = sorted((first, last))
    return float(slabs.distances_mm[low:high].sum())


def turned(wall: Wall, part: np.ndarray | None) -> np.ndarray:
    """Rotation of some elements of a wall in every frame, degrees ``(T,)``; of all for None."""
    return wall.turns.rotation_deg(part, wall.turn)


def rotation_measure(layer: str | None = None) -> SegmentMeasure:
    """Rotation of every segment and frame, of the whole thickness or of a layer."""

    def number(wall: Wall, part: np.ndarray) -> np.ndarray:
        return turned(wall, part if layer is None else part & wall.layer(layer))

    return SegmentMeasure(
        key=KEY if layer is None else f"rotation_{layer}_deg",
        compute=over_wall(number),
        heading="rotation, °" if layer is None else None,
        format="{:.1f}",
    )


Curve = Callable[[np.ndarray, Course], float | None]


def _peak(values: np.ndarray, course: Course) -> float | None:
    place = peak_place(values, course)
    return None if place is None else float(values[place])


def _time(values: np.ndarray, course: Course) -> float | None:
    place = peak_place(values, course)
    if place is None or values[place] < LEAST_DEG:
        return None
    return peak_time_ms(values, place, course)


def _rate(phase: int) -> Curve:
    return lambda values, course: phase_rates(values, course)[phase]


# What a curve of degrees shows, where it is turned so that its largest value is positive.
# The last says whether the number has the curve's sign.
CURVE_NUMBERS: tuple[tuple[str, Curve, bool], ...] = (
    ("peak_{}_deg", _peak, True),
    ("time_to_peak_{}_ms", _time, False),
    ("systolic_{}_rate_deg_per_s", _rate(0), True),
    ("early_diastolic_{}_rate_deg_per_s", _rate(1), True),
)


def _number(degrees: np.ndarray, course: Course, number: Curve, signed: bool) -> float | None:
    along = degrees[course.frames]
    sign = 1.0 if along.max() >= -along.min() else -1.0
    value = number(sign * along, course)
    return value if value is None or not signed else sign * value


def _of_slice(number: Curve, signed: bool) -> Callable[[TrackedSlice], float | None]:
    def compute(tracked: TrackedSlice) -> float | None:
        degrees = tracked.once(rotation_of)
        course = tracked.once(slice_course)
        return None if degrees is None else _number(degrees, course, number, signed)

    return compute


def slice_course(tracked: TrackedSlice) -> Course:
    """The course of the study that a slice is of."""
    return course_of(tracked.motion)


def _of_study(number: Curve, signed: bool) -> Callable[[TrackedStudy], float | None]:
    def compute(study: TrackedStudy) -> float | None:
        twist = twist_of(study)
        return None if twist is None else _number(twist.degrees, twist.course, number, signed)

    return compute


def at_end_systole(study: TrackedStudy) -> float | None:
    """Twist at end-systole, degrees."""
    twist = twist_of(study)
    return None if twist is None else float(twist.degrees[study.slices[0].motion.es_frame])


def distance(study: TrackedStudy) -> float | None:
    """Distance of the slices that twist is taken between."""
    twist = twist_of(study)
    return None if twist is None else twist.distance_mm


def per_cm(
    degrees: Callable[[TrackedStudy], float | None],
) -> Callable[[TrackedStudy], float | None]:
    """A twist for a centimetre between the slices; None where their distance is nominal."""

    def compute(study: TrackedStudy) -> float | None:
        value, apart = degrees(study), distance(study)
        return None if value is None or not apart else 10 * value / apart

    return compute


ROTATION = (rotation_measure(), *(rotation_measure(layer) for layer in LAYERS))
SLICE_ROTATION = tuple(
    SliceMeasure(
        key=key.format("rotation"),
        compute=_of_slice(number, signed),
        applies=has_mesh,
    )
    for key, number, signed in CURVE_NUMBERS
)
TWIST = (
    StudyMeasure(
        key="twist_deg",
        compute=at_end_systole,
        heading="twist, °",
        format="{:.1f}",
        meaning=Meaning(
            "rotation, twist",
            "Rotation of the wall since end-diastole about its own centre, degrees, positive "
            "counter-clockwise as seen from the apex. Twist is that of the apical slice less that "
            "of the basal one, for a centimetre between them where their distance is known.",
        ),
    ),
    StudyMeasure(
        key="twist_deg_per_cm",
        compute=per_cm(at_end_systole),
        heading="twist, °/cm",
        format="{:.1f}",
    ),
    *(
        StudyMeasure(key=key.format("twist"), compute=_of_study(number, signed))
        for key, number, signed in CURVE_NUMBERS
    ),
    StudyMeasure(
        key="peak_twist_deg_per_cm", compute=per_cm(_of_study(CURVE_NUMBERS[0][1], signed=True))
    ),
    StudyMeasure(key="twist_distance_mm", compute=distance),
)
