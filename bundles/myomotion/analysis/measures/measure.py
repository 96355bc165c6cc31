"""What a measure is: how it is computed, how it is shown, and from where on it is doubtful."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy

GREEN, AMBER, RED = 0, 1, 2
LIGHTS = ("green", "amber", "red")

Values = Sequence[float | None]  # one a frame, in the order of the file; None where unknown


@dataclass(frozen=True, kw_only=True)
class Limits:
    """From where on a measure is doubtful or wrong.

    Attributes:
        amber: values beyond it are amber.
        red: values beyond it are red. Beyond is above; below if ``red`` is less than ``amber``.
        reason: what a value means, for the reader, from the value and the slice or study that has
            it; None where it does not count there.
    """

    amber: float
    red: float
    reason: Callable[[float, Any], str | None]

    def light(self, value: float | None) -> int:
        """``GREEN``, ``AMBER`` or ``RED``; a value that is not known is green."""
        if value is None:
            return GREEN
        if self.red < self.amber:
            return GREEN if value >= self.amber else AMBER if value >= self.red else RED
        return GREEN if value <= self.amber else AMBER if value <= self.red else RED

    def worst(self, values: Sequence[float]) -> float:
        """The value that is furthest on the bad side."""
        return min(values) if self.red < self.amber else max(values)


@dataclass(frozen=True, kw_only=True)
class Range(Limits):
    """Limits on both sides; ``amber`` and ``red`` are the upper ones.

    Attributes:
        low_amber: values below it are amber.
        low_red: values below it are red.
    """

    low_amber: float
    low_red: float

    def light(self, value: float | None) -> int:
        """``GREEN``, ``AMBER`` or ``RED``; a value that is not known is green."""
        if value is None or value >= self.low_amber:
            return super().light(value)
        return AMBER if value >= self.low_red else RED


class Meaning(NamedTuple):
    """An entry under "What the flags mean"."""

    term: str
    text: str


@dataclass(frozen=True, kw_only=True)
class Measure:
    """What all measures have.

    Attributes:
        key: name of the column and of the key in JSON, with the unit where it has one.
        heading: of the column in the report's table of numbers; None leaves it out there.
        format: how the number is written there, with digits and unit.
        meaning: entry among the explanations of the report.
        averaged: the mean at end-systole over the slices that are not red goes into the summary,
            the last row of the table of numbers and ``cohort.csv``. A measure of a study is there
            anyway.
    """

    key: str
    heading: str | None = None
    format: str = "{:.2f}"
    meaning: Meaning | None = None
    averaged: bool = False


@dataclass(frozen=True, kw_only=True)
class SegmentMeasure(Measure):
    """A number of every segment and frame of a labelled wall: a column of ``strain.csv``.

    Attributes:
        compute: values of a segment; segment 0 is the whole wall.
    """

    compute: Callable[[TrackedSlice, int], Values]


@dataclass(frozen=True, kw_only=True)
class FrameMeasure(Measure):
    """A number of every slice and frame: a column of ``quality.csv``.

    Attributes:
        compute: values of a slice.
        limits: they give the frame's light, and that of a slice where enough frames are beyond.
        tooltip: how it is written in the tooltip of a light; None leaves it out there.
    """

    compute: Callable[[TrackedSlice], Values]
    limits: Limits | None = None
    tooltip: str | None = None


@dataclass(frozen=True, kw_only=True)
class SliceMeasure(Measure):
    """A number of every slice: an entry under ``slices`` in ``summary.json``.

    Attributes:
        compute: the value of a slice, None where unknown.
        limits: they give the slice's light.
        applies: whether the slice has such a number at all; its entry has no such key otherwise.
    """

    compute: Callable[[TrackedSlice], float | None]
    limits: Limits | None = None
    applies: Callable[[TrackedSlice], bool] = lambda _: True


@dataclass(frozen=True, kw_only=True)
class StudyMeasure(Measure):
    """A number of the study: an entry in ``summary.json`` and a column of ``cohort.csv``.

    Attributes:
        compute: the value of a study, None where unknown.
        limits: they give the study's light, beside those of its slices.
    """

    compute: Callable[[TrackedStudy], float | None]
    limits: Limits | None = None
