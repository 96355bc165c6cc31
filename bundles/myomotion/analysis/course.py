"""What a curve over the heart cycle shows: its peak and when, what comes after systole, its rates.

A number that a cine does not show is None: pairs of frames have no peak, a cine that ends before
the heart is full again has no diastole, and one without frame times neither times nor rates.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import Motion
from myomotion.analysis.timing import cycle_ms
from myomotion.core.cycle import FEWEST_FRAMES
from myomotion.core.rates import MOST_HARMONICS, SAMPLES, harmonics_of, smoothed_rates

Number = float | None


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """How the frames of a study follow each other from end-diastole on.

    Attributes:
        frames: of the file, ``(N,)``, end-diastole first; where the cine shows no whole cycle, only
            those that follow in the file.
        es: place of end-systole among them; None where it is not.
        times_ms: ``(N,)`` since end-diastole; None where frame times are unknown.
        cycle_ms: length of the cycle; None where it is not whole or frame times are unknown.
        whole: the last frame is followed by the first again.
    """

    frames: np.ndarray
    es: int | None
    times_ms: np.ndarray | None
    cycle_ms: float | None
    whole: bool

    @property
    def moves(self) -> bool:
        """There are enough frames for a curve."""
        return len(self.frames) >= FEWEST_FRAMES


def course_of(motion: Motion) -> Course:
    """The course of a study.

    Args:
        motion: of the study.

    Returns:
        Its frames in order, and what is known of their times.
    """
    cine, whole = motion.slices.cine, motion.slices.closes
    count = cine.image.shape[3]
    frames = (cine.ed_frame + np.arange(count if whole else count - cine.ed_frame)) % count
    es = np.flatnonzero(frames == motion.es_frame)
    cycle = cycle_ms(cine)
    times = None
    if cine.frame_times_ms is not None and cycle is not None:
        times = (cine.frame_times_ms[frames] - cine.frame_times_ms[cine.ed_frame]) % cycle
    return Course(
        frames=frames,
        es=int(es[0]) if len(es) else None,
        times_ms=times,
        cycle_ms=cycle if whole else None,
        whole=whole,
    )


def beat_warnings(slices: Slices) -> list[str]:
    """What a reader is told of a cine with frame times that does not show one whole beat.

    Args:
        slices: of the study.

    Returns:
        A sentence, or none.
    """
    lacking = "heart rate, output and rates over the cycle are not given"
    if slices.beats > 1:
        return [f"The cine seems to show {slices.beats} beats: {lacking}. Give a cine of one beat."]
    count = slices.images.shape[1]
    if slices.cine.frame_times_ms is None or count < FEWEST_FRAMES or slices.closes:
        return []
    return [f"The cine seems to show a part of a cycle: {lacking}."]


def peak_place(values: np.ndarray, course: Course) -> int | None:
    """Where a curve is highest.

    Args:
        values: ``(N,)`` in the order of the course.
        course: of the study.

    Returns:
        Index; None where the cine may end before the peak, or shows no course over time.
    """
    place = int(np.argmax(values))
    ends_there = not course.whole and place == len(values) - 1
    return None if ends_there or not course.moves else place


def peak_time_ms(values: np.ndarray, place: int, course: Course) -> Number:
    """When a curve is highest, between the frames.

    The top of the parabola through the highest frame and its neighbours, so that it is not bound to
    the distance of the frames.

    Args:
        values: ``(N,)`` in the order of the course.
        place: of the highest frame.
        course: of the study.

    Returns:
        Milliseconds since end-diastole; None where frame times are unknown.
    """
    times = course.times_ms
    if times is None:
        return None
    if place == 0 or (place == len(values) - 1 and course.cycle_ms is None):
        return float(times[place])
    # A whole cycle goes on with its first frame.
    after = course.cycle_ms if place == len(times) - 1 else times[place + 1]
    steps = np.array([times[place - 1], times[place], after], float) - times[place]
    around = values[[place - 1, place, (place + 1) % len(values)]] - values[place]
    square, slope, _ = np.polyfit(steps, around, 2)
    top = -slope / (2 * square) if square < 0 else 0.0
    return float(times[place] + np.clip(top, steps[0], steps[2]))


def post_systolic_percent(values: np.ndarray, place: int, course: Course) -> Number:
    """Share of the peak that is reached after end-systole only.

    ``100 (peak - end-systolic) / peak`` where the peak comes later, else 0 (post-systolic index;
    Voigt et al., Eur Heart J Cardiovasc Imaging 2015; 16:1).

    Args:
        values: ``(N,)`` in the order of the course, positive where the muscle works.
        place: of the peak.
        course: of the study.

    Returns:
        Percent; None where end-systole is not among the frames.
    """
    if course.es is None or not values[place] > 0:
        return None
    if place <= course.es:
        return 0.0
    return float(100 * (values[place] - values[course.es]) / values[place])


def phase_rates(values: np.ndarray, course: Course) -> tuple[Number, Number, Number]:
    """Steepest rise in systole, steepest falls in early and in late diastole.

    Early and late are the two halves of the time from end-systole to the next end-diastole. A fall
    that still gets steeper at their border is one wave: the early one, where it is steepest, and
    the late one comes after it. That one is known where it is a fall of its own, not the foot of
    the early one, and where there are frames enough for all harmonics.

    Args:
        values: ``(N,)`` in the order of the course.
        course: of the study.

    Returns:
        Three slopes per second with their signs; None where they are not known.
    """
    times, cycle, es = course.times_ms, course.cycle_ms, course.es
    if times is None or cycle is None or not es:
        return None, None, None
    slope = smoothed_rates(values, times, cycle)
    if slope is None:
        return None, None, None
    ends = times[es] / cycle
    first, half = (int(SAMPLES * share) for share in (ends, (1 + ends) / 2))
    early = _end_of_run(-slope, first + int(slope[first:half].argmin()))
    start = half if early < half else _end_of_run(slope, early)
    late = slope[start:]
    low = int(late.argmin())
    top = 0 < low < len(late) - 1 and late[low] < 0
    own = top and harmonics_of(len(values)) == MOST_HARMONICS
    return (
        float(slope[: first + 1].max()),
        float(slope[early]),
        float(late[low]) if own else None,
    )


def _end_of_run(values: np.ndarray, start: int) -> int:
    """Index up to which values rise from a place on."""
    ends = np.flatnonzero(np.diff(values[start:]) <= 0)
    return start + int(ends[0]) if len(ends) else len(values) - 1
