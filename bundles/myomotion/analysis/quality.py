"""Whether motion can be trusted: measures and traffic lights of frames, slices and study."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myomotion.analysis.function import Function
from myomotion.analysis.measures.images import MADE_WORSE, made_worse
from myomotion.analysis.measures.measure import (
    AMBER,
    GREEN,
    LIGHTS,
    RED,
    FrameMeasure,
    SliceMeasure,
    StudyMeasure,
)
from myomotion.analysis.measures.registry import keys_of, measures_of
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy, measured_slices

# A slice is as bad as the light that at least this share of its frames has; one bad frame is an
# artefact, several are a failed slice.
FRAME_SHARE = 0.1
NO_CAVITY = (
    "the label shows no cavity inside the wall, so that there is no radial direction: not measured"
)


def columns() -> list[str]:
    """Columns of ``quality.csv``."""
    return ["frame", "slice", "level", "light", *keys_of(FrameMeasure)]


@dataclass(kw_only=True)
class SliceQuality:
    """Judgement of one slice.

    Attributes:
        slice: index.
        level: its name.
        light: ``GREEN``, ``AMBER`` or ``RED``.
        values: what the measures of a slice gave, by their keys; None where unknown.
        measured: it counts for the study, see
            :func:`~myomotion.analysis.measures.tracked.measured_slices`.
        reasons: what made the light amber or red, as sentences.
    """

    slice: int
    level: str
    light: int
    values: dict[str, float | None]
    measured: bool = True
    reasons: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class StudyQuality:
    """Judgement of a study.

    Attributes:
        frames: dictionaries with :func:`columns`, None where unknown.
        slices: one entry a slice.
        values: what the measures of a study gave, by their keys; None where unknown.
        light: the worst of its measured slices and of its own measures.
        reasons: what in its own measures made the light amber or red.
    """

    frames: list[dict[str, Any]]
    slices: list[SliceQuality]
    values: dict[str, float | None] = field(default_factory=dict)
    light: int = GREEN
    reasons: list[str] = field(default_factory=list)

    @property
    def passed(self) -> list[int]:
        """Measured slices whose light is not red."""
        return [s.slice for s in self.slices if s.measured and s.light != RED]


def assess(
    slices: Sequence[TrackedSlice],
    rows: Sequence[Mapping[str, Any]] = (),
    function: Function | None = None,
) -> StudyQuality:
    """Judge the motion of a study, slice by slice and frame by frame.

    Without a label the wall is replaced by a disc about the centre of the working grid, and R_VAE
    and the area change are not known.

    Args:
        slices: from :func:`~myomotion.analysis.measures.tracked.tracked_slices`.
        rows: strain, for measures of a study.
        function: of the ventricles, for the same.

    Returns:
        Measures and lights.
    """
    frames: list[dict[str, Any]] = []
    judged = []
    measured = {tracked.index for tracked in measured_slices(slices)}
    for tracked in slices:
        mine = frame_rows(tracked)
        judged.append(judge_slice(tracked, mine))
        judged[-1].measured = tracked.index in measured
        frames += mine
    quality = StudyQuality(frames=frames, slices=judged)
    study = TrackedStudy(
        slices=slices,
        segments=rows,
        frames=frames,
        values=[s.values for s in judged],
        passed=quality.passed,
        function=function,
    )
    findings: Findings = []
    for measure in measures_of(StudyMeasure):
        value = measure.compute(study)
        quality.values[measure.key] = value
        if measure.limits is not None and value is not None:
            findings.append((measure.limits.light(value), measure.limits.reason(value, study)))
    light, quality.reasons = _verdict(findings)
    quality.light = max([light, *(s.light for s in judged if s.measured)])
    return quality


def frame_rows(tracked: TrackedSlice) -> list[dict[str, Any]]:
    """Measures and light of every frame of a slice.

    Args:
        tracked: the slice.

    Returns:
        Dictionaries with :func:`columns`, in the order of the file.
    """
    measures = measures_of(FrameMeasure)
    values = {measure.key: measure.compute(tracked) for measure in measures}
    limits = {m.key: m.limits for m in measures if m.limits is not None}
    return [
        {
            "frame": t,
            "slice": tracked.index,
            "level": tracked.cine.levels[tracked.index],
            "light": LIGHTS[max((limits[k].light(values[k][t]) for k in limits), default=GREEN)],
            **{key: column[t] for key, column in values.items()},
        }
        for t in range(len(tracked.displacement))
    ]


def judge_slice(tracked: TrackedSlice, rows: Sequence[Mapping[str, Any]]) -> SliceQuality:
    """Light of one slice: that of its frames, of its own measures, and whether tracking helped.

    Args:
        tracked: the slice.
        rows: its frames in the order of the file.

    Returns:
        The judgement.
    """
    values = {m.key: m.compute(tracked) for m in measures_of(SliceMeasure) if m.applies(tracked)}
    findings: Findings = []
    # The reference frame is never bad, so that of a pair the other one decides.
    needed = min(max(2, int(np.ceil(FRAME_SHARE * len(rows)))), len(rows) - 1)
    for frame in measures_of(FrameMeasure):
        known = [row[frame.key] for row in rows if row[frame.key] is not None]
        if frame.limits is None or len(known) < needed:
            continue
        worst = frame.limits.worst(known)
        reason = frame.limits.reason(worst, tracked)
        light = sorted((frame.limits.light(value) for value in known), reverse=True)[needed - 1]
        findings.append((light, reason and f"{reason} at worst"))
    for measure in measures_of(SliceMeasure):
        value = values.get(measure.key)
        if measure.limits is not None and value is not None:
            findings.append((measure.limits.light(value), measure.limits.reason(value, tracked)))
    if made_worse(tracked):
        findings.append((RED, MADE_WORSE))
    if tracked.region.wall.any() and not tracked.has_wall:
        findings.append((AMBER, NO_CAVITY))
    light, reasons = _verdict(findings)
    return SliceQuality(
        slice=tracked.index,
        level=tracked.cine.levels[tracked.index],
        light=light,
        values=values,
        reasons=reasons,
    )


Findings = list[tuple[int, str | None]]  # lights with their reasons; None does not count


def _verdict(findings: Findings) -> tuple[int, list[str]]:
    """The worst light, and what made it amber or red."""
    counted = [(light, reason) for light, reason in findings if light != GREEN and reason]
    reasons = [f"{LIGHTS[light]}: {reason}" for light, reason in counted]
    return max((light for light, _ in counted), default=GREEN), reasons
