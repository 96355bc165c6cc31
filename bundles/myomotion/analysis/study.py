"""A tracked study: the cine, its motion, and everything measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from myomotion.analysis.areas import Areas, contour_areas
from myomotion.analysis.course import course_of
from myomotion.analysis.drawing.over_time import SliceContours, contours_over_time
from myomotion.analysis.function import Function, ventricular_function
from myomotion.analysis.grids import Slices
from myomotion.analysis.intervals.calibration import Calibration
from myomotion.analysis.intervals.study import study_intervals
from myomotion.analysis.measures.measure import RED
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import Motion, source_motion
from myomotion.analysis.quality import StudyQuality, assess
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.regions import SliceRegions
from myomotion.analysis.summary import study_summary
from myomotion.analysis.tables.segment_timing import timing_rows
from myomotion.analysis.tables.strain import strain_rows, strain_warnings
from myomotion.analysis.volume.numbers import volume_summary
from myomotion.analysis.volume.study import VolumeMotion, lift_study
from myomotion.io.cine import Cine


@dataclass(frozen=True, kw_only=True)
class Study:
    """One tracked cine, as report, writer and callers see it.

    Attributes:
        cine: what was read.
        motion: fields and maps on the grid of the cine, millimetres, frames in the file's order.
        regions: wall, cavity and segments of every slice.
        rows: strain of every frame, slice and segment, dictionaries with
            :func:`~myomotion.analysis.tables.strain.columns`; empty without a label.
        timing: of every slice and segment, dictionaries with
            :func:`~myomotion.analysis.tables.segment_timing.columns`.
        quality: measures and lights.
        summary: content of ``summary.json``.
        function: of the ventricles; None without a cavity in the end-diastolic label.
        contours: of every slice and frame; None without a cavity in the end-diastolic label.
        volume: motion of the wall in space; None where it was not asked for or cannot be.
    """

    cine: Cine
    motion: Motion
    regions: list[SliceRegions]
    rows: list[dict[str, Any]]
    timing: list[dict[str, Any]]
    quality: StudyQuality
    summary: dict[str, Any]
    function: Function | None = None
    contours: list[SliceContours] | None = None
    volume: VolumeMotion | None = None


def analyse(
    slices: Slices,
    displacement: torch.Tensor,
    inverse: torch.Tensor | None = None,
    control: QualityControl | None = None,
    parameters: Mapping[str, Any] | None = None,
    areas: Areas | None = None,
    repeats: torch.Tensor | None = None,
    calibration: Calibration | None = None,
    volume: bool = False,
) -> Study:
    """Measure a tracked cine.

    Args:
        slices: the cine on its working grids.
        displacement: ``(Z, T, 2, size, size)`` in millimetres on the working grids, end-diastole
            first.
        inverse: the inverse fields, of the same shape; computed where not given.
        control: judges the motion; None judges it without R_VAE.
        parameters: what the result depends on, noted in the summary.
        areas: of cavity and wall, that function rests on; within the contours where not given.
        repeats: motion to end-systole, tracked again, ``(R, Z, 2, size, size)`` in millimetres.
        calibration: makes intervals of them; None for none.
        volume: lift the slices' motion into space.

    Returns:
        The study.
    """
    control = control or QualityControl()
    motion = source_motion(slices, displacement, inverse)
    tracked = tracked_slices(motion, control)
    rows = strain_rows(tracked)
    contours = contours_over_time(motion)
    if areas is None and contours is not None:
        areas = contour_areas(slices.cine, contours)
    function = None
    if areas is not None:
        order = None if contours is None else slices.order
        function = ventricular_function(areas, slices.cine, motion.es_frame, slices.closes, order)
    intervals = study_intervals(tracked, repeats, calibration, parameters or {})
    rows = intervals.rows(rows, motion.es_frame)
    quality = assess(tracked, rows, function)
    regions = [part.region for part in tracked]
    warnings = [*strain_warnings(tracked), *control.warnings, *intervals.warnings] if rows else []
    warnings += function.warnings if function is not None else []
    summary = study_summary(
        motion,
        regions,
        rows,
        quality,
        parameters,
        warnings=warnings,
        function=function,
        intervals=intervals,
    )
    lifted = None
    if volume:
        red = [judged.slice for judged in quality.slices if judged.light == RED]
        found = lift_study(tracked, red)
        if isinstance(found, str):
            summary["volume"] = {"not_computed_because": found}
            summary["warnings"].append(f"No motion in space: {found}.")
        else:
            lifted = found
            summary["volume"] = volume_summary(found, slices.cine, motion.es_frame)
            summary["warnings"] += found.warnings
    return Study(
        cine=slices.cine,
        motion=motion,
        regions=regions,
        rows=rows,
        timing=timing_rows(rows, course_of(motion), motion.es_frame),
        quality=quality,
        summary=summary,
        function=function,
        contours=contours,
        volume=lifted,
    )
