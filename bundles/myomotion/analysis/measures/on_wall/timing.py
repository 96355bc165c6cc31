"""Timing of the wall of a slice, and how far its segments are from working together."""

from __future__ import annotations

from collections.abc import Callable

from myomotion.analysis.course import course_of
from myomotion.analysis.measures.measure import Meaning, Range, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.on_wall.mesh import has_mesh, wall_of
from myomotion.analysis.measures.on_wall.rotation import slice_course
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy
from myomotion.analysis.tables.segment_timing import (
    PHASES,
    STRAINS,
    curve_numbers,
    spread_ms,
    study_timing,
    uniformity,
)


def slice_number(name: str, key: str) -> Callable[[TrackedSlice], float | None]:
    """A number of :func:`~.segment_timing.curve_numbers` of the whole wall."""

    def compute(tracked: TrackedSlice) -> float | None:
        wall = wall_of(tracked)
        if wall is None:
            return None
        curve = 100 * wall.strain.mean(name)
        return curve_numbers(name, curve, tracked.once(slice_course))[key]

    return compute


def cure(tracked: TrackedSlice) -> float | None:
    """CURE of a slice whose cine shows a whole cycle."""
    wall, course = wall_of(tracked), tracked.once(slice_course)
    if wall is None or not course.whole:
        return None
    strain, area = wall.strain.ecc, wall.strain.area
    return uniformity((strain * area).sum(-1) / area.sum(-1))


def lambda_z(tracked: TrackedSlice) -> float | None:
    """Through-plane stretch that keeps the wall's volume, ``1 / mean J`` at end-systole."""
    wall = wall_of(tracked)
    if wall is None:
        return None
    growth = float(wall.strain.mean("jacobian")[tracked.motion.es_frame])
    return 1 / growth if growth > 0 else None


def spread(name: str) -> Callable[[TrackedStudy], float | None]:
    """Standard deviation of the time to peak over the study's segments."""

    def compute(study: TrackedStudy) -> float | None:
        course = course_of(study.slices[0].motion)
        return spread_ms(study_timing(study.segments, course, study.passed), name)

    return compute


SLICE_TIMING = tuple(
    SliceMeasure(key=key, compute=slice_number(name, key), applies=has_mesh)
    for name in STRAINS
    for key in (
        f"post_systolic_{name}_percent",
        *(f"{phase}_{name}_rate_per_s" for phase in PHASES),
    )
)
CURE = SliceMeasure(
    key="cure",
    compute=cure,
    applies=has_mesh,
    heading="CURE",
    averaged=True,
    meaning=Meaning(
        "CURE",
        "Circumferential uniformity ratio estimate: 1 where all of the wall shortens at once, "
        "towards 0 where one side shortens while the other is stretched.",
    ),
)


def _why(stretch: float, _: TrackedSlice) -> str:
    grows = stretch < 1
    return (
        f"the area of the wall {'grows' if grows else 'falls'} to {1 / stretch:.2f} times that of "
        f"end-diastole, and tissue would have to {'shorten' if grows else 'lengthen'} by "
        f"{abs(1 - stretch):.0%} through the plane, more than hearts do: Err is too "
        f"{'high' if grows else 'low'}"
    )


# Global longitudinal strain reaches -22 % in the most vigorous hearts (HARP and feature tracking),
# virtual hearts have 0.77 to 1. Of the slices of 24 real studies a hundredth lie below 0.74 by the
# network and a tenth refined, those of strong hearts near the apex, and one or two above 1.15.
LAMBDA_Z_LIMITS = Range(low_amber=0.74, low_red=0.6, amber=1.15, red=1.4, reason=_why)

LAMBDA_Z = SliceMeasure(
    key="lambda_z_estimate",
    compute=lambda_z,
    limits=LAMBDA_Z_LIMITS,
    applies=has_mesh,
    heading="λz (estimate)",
    averaged=True,
    meaning=Meaning(
        "λz (estimate)",
        "Length through the plane at end-systole, of that at end-diastole, that would keep the "
        "wall's volume: 1 over its mean J. An estimate: short-axis slices do not show it. Amber "
        f"outside {LAMBDA_Z_LIMITS.low_amber:g} to {LAMBDA_Z_LIMITS.amber:g}, red outside "
        f"{LAMBDA_Z_LIMITS.low_red:g} to {LAMBDA_Z_LIMITS.red:g}: Err is wrong there.",
    ),
)
SPREADS = tuple(
    StudyMeasure(key=f"time_to_peak_{name}_sd_ms", compute=spread(name)) for name in STRAINS
)
