"""The numbers of a study that a reader looks for first, with what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from myomotion.analysis.course import beat_warnings, course_of
from myomotion.analysis.function import SEEN, Function
from myomotion.analysis.grids import Slices
from myomotion.analysis.intervals.repeats import HALF_WIDTH, NUMBERS
from myomotion.analysis.intervals.study import Intervals
from myomotion.analysis.measures.measure import (
    LIGHTS,
    RED,
    FrameMeasure,
    SegmentMeasure,
    SliceMeasure,
)
from myomotion.analysis.measures.registry import averaged_measures
from myomotion.analysis.motion import Motion
from myomotion.analysis.provenance import input_hashes, versions
from myomotion.analysis.quality import StudyQuality
from myomotion.analysis.regions import SliceRegions, name_warnings
from myomotion.analysis.tables.segment_timing import study_timing
from myomotion.analysis.timing import since_ed
from myomotion.core.segments import ASSUMED, BY_PICTURE, NAMES
from myomotion.files.outputs import WRITTEN_BY
from myomotion.io.cine import Cine

NOTICE = "Research use only."
STRAIN_TEXT = (
    "Green-Lagrange, percent, reference end-diastole, on a mesh fitted to the end-diastolic wall"
)
SEGMENT_KEYS = (
    *("err_percent", "ecc_percent", "ecc_endo_percent"),
    *("ecc_mid_percent", "ecc_epi_percent", "erc_percent"),
    *("ecc_from_slice_points", "thickening_percent"),
)
SEGMENT_HALF_WIDTHS = tuple(key + HALF_WIDTH for key in SEGMENT_KEYS if key in NUMBERS)
NO_STRAIN = (
    "not computed: no end-diastolic myocardium label was given, and strain, segments, cavity area "
    "and R_VAE need one. Motion, warped frames and J do not."
)
CAVITY_ALONE = (
    "not computed: the end-diastolic label holds no slice with a wall around a cavity, and strain, "
    "segments and R_VAE need one. The area of a labelled cavity is tracked."
)


def study_summary(
    motion: Motion,
    regions: Sequence[SliceRegions],
    rows: Sequence[Mapping[str, Any]],
    quality: StudyQuality,
    parameters: Mapping[str, Any] | None = None,
    warnings: Iterable[str] = (),
    function: Function | None = None,
    intervals: Intervals | None = None,
) -> dict[str, Any]:
    """Content of ``summary.json``.

    Values are those at end-systole unless their name says peak; the study's means and segments
    leave out slices whose light is red.

    Args:
        motion: of the study.
        regions: from :func:`~myomotion.analysis.regions.slice_regions`.
        rows: from :func:`~myomotion.analysis.tables.strain.strain_rows`.
        quality: from :func:`~myomotion.analysis.quality.assess`.
        parameters: from :func:`~myomotion.analysis.provenance.run_parameters`.
        warnings: further sentences.
        function: of the ventricles.
        intervals: of the numbers; None for none.

    Returns:
        JSON object.
    """
    cine = motion.slices.cine
    intervals = intervals or Intervals()
    at_es = [dict(r) for r in rows if r["segment"] == 0 and r["frame"] == motion.es_frame]
    passed = set(quality.passed)
    return {
        **WRITTEN_BY,
        "name": cine.name,
        "files": cine.files,
        "input_sha256": input_hashes(cine.files),
        "source": cine.source,
        "reference_frame": cine.ed_frame,
        "reference_frame_from": cine.ed_found,
        "label_ed_from": cine.label_found,
        "es_frame": motion.es_frame,
        "es_frame_from": motion.es_found,
        "es_time_ms": since_ed(cine, motion.es_frame, motion.slices.closes),
        "frame_times_known": cine.frame_times_ms is not None,
        "septum_from": next((r.septum.found for r in regions if r.level is not None), None),
        "strain": STRAIN_TEXT if rows else no_strain(cine),
        "light": LIGHTS[quality.light],
        "intervals": intervals.about,
        **quality.values,
        **intervals.of_function(quality.values),
        "function": function_summary(function, quality),
        "mean_of_slices_at_end_systole": slice_means(at_es, quality, motion.es_frame, intervals),
        "slices": [
            {
                "slice": judged.slice,
                "level": judged.level,
                "light": LIGHTS[judged.light],
                "measured": judged.measured,
                "reasons": judged.reasons,
                **judged.values,
                **_half_widths(intervals.of_place((judged.slice, 0))),
            }
            for judged in quality.slices
        ],
        "segments_at_end_systole": segment_means(rows, motion.es_frame, passed, intervals),
        "segment_timing": {
            str(number): numbers
            for number, numbers in study_timing(rows, course_of(motion), quality.passed).items()
        },
        "at_end_systole": at_es,
        "warnings": [
            *cine.warnings,
            *beat_warnings(motion.slices),
            *_warnings(motion.slices, regions, quality, bool(rows)),
            *warnings,
        ],
        "parameters": dict(parameters or {}),
        "versions": versions(),
        "notice": NOTICE,
    }


def function_summary(function: Function | None, quality: StudyQuality) -> dict[str, Any] | None:
    """What the numbers of function rest on, and those of slices that are no whole ventricle.

    Args:
        function: of the ventricles.
        quality: from :func:`~myomotion.analysis.quality.assess`.

    Returns:
        JSON object; numbers of the whole ventricle are measures of the study and stand beside it.
        None without function.
    """
    if function is None:
        return None
    seen = {key: value for key, value in function.numbers.items() if key.startswith(SEEN)}
    return {
        **function.about,
        "red_slices": [s.slice for s in quality.slices if s.measured and s.light == RED],
        **seen,
    }


def no_strain(cine: Cine) -> str:
    """Why there is no strain.

    Args:
        cine: a study without strain.

    Returns:
        What follows "Strain was".
    """
    return NO_STRAIN if cine.label_ed is None else CAVITY_ALONE


def slice_means(
    strain_at_es: Sequence[Mapping[str, Any]],
    quality: StudyQuality,
    es_frame: int,
    intervals: Intervals | None = None,
) -> dict[str, Any] | None:
    """Means at end-systole over the slices that passed.

    Args:
        strain_at_es: rows of strain of whole walls at end-systole.
        quality: from :func:`~myomotion.analysis.quality.assess`.
        es_frame: end-systolic frame.
        intervals: of the numbers; None for none.

    Returns:
        Every measure that is averaged, None where unknown, halves of their intervals where they
        have some, and ``slices``, how many there are; None where nothing is known.
    """
    passed = set(quality.passed)
    walls = [row for row in strain_at_es if row["slice"] in passed]
    frames = [r for r in quality.frames if r["frame"] == es_frame and r["slice"] in passed]
    own = [judged.values for judged in quality.slices if judged.slice in passed]
    rows_of: dict[type, Sequence[Mapping[str, Any]]]
    rows_of = {SegmentMeasure: walls, FrameMeasure: frames, SliceMeasure: own}
    means: dict[str, Any] = {
        m.key: _mean(_known(rows_of[type(m)], m.key)) for m in averaged_measures()
    }
    if all(mean is None for mean in means.values()):
        return None
    measured = [row for row in walls if row["ecc_percent"] is not None]
    halves = {} if intervals is None else intervals.of_study({row["slice"] for row in measured})
    return {**means, **_half_widths(halves, means), "slices": len(measured or own)}


def segment_means(
    rows: Sequence[Mapping[str, Any]],
    frame: int,
    slices: set[int],
    intervals: Intervals | None = None,
) -> dict[str, dict[str, Any]]:
    """Strain of the 16 segments in one frame, a mean over the slices of their level.

    Args:
        rows: from :func:`~myomotion.analysis.tables.strain.strain_rows`.
        frame: which frame.
        slices: those that count.
        intervals: of the numbers; None for none.

    Returns:
        By segment number: ``name``, those of :data:`SEGMENT_KEYS`, None where no slice has them,
        halves of their intervals where they have some, and ``slices``, their number.
    """
    segments = {}
    for number, name in NAMES.items():
        mine = [
            row
            for row in rows
            if row["segment"] == number and row["frame"] == frame and row["slice"] in slices
        ]
        if mine:
            means = {key: _mean(_known(mine, key)) for key in SEGMENT_KEYS}
            halves = {} if intervals is None else intervals.of_segment(number, slices)
            segments[str(number)] = {
                "name": name,
                **means,
                **_half_widths(halves, means),
                "slices": len(_known(mine, "ecc_percent")),
            }
    return segments


def _warnings(
    slices: Slices, regions: Sequence[SliceRegions], quality: StudyQuality, labelled: bool
) -> list[str]:
    warnings = [] if labelled else [f"Strain was {no_strain(slices.cine)}"]
    for judged in quality.slices:
        if judged.light == RED and judged.measured:
            left_out = " It is left out of the study's means and segments." if labelled else ""
            warnings.append(
                f"Slice {judged.slice} ({judged.level}) failed quality control: "
                f"{'; '.join(judged.reasons)}.{left_out}"
            )
    warnings += [f"The study has a doubtful measure: {reason}." for reason in quality.reasons]
    shown = [region for region in regions if region.level is not None]
    by = {region.septum.found for region in shown}
    if labelled and by == {BY_PICTURE}:
        warnings.append(
            "No right-ventricular label: the septum lies where the segmentation sees the right "
            "ventricle touch the wall, within some 10 degrees of labels."
        )
    if labelled and by == {ASSUMED}:
        warnings.append(
            "No right-ventricular label: segments are six (apex: four) equal parts, the septum "
            "assumed to lie within 60 degrees of the left of the picture. Their names are nominal."
        )
    if labelled and not slices.view.from_header and slices.marked_septum is None:
        known = slices.right_ventricles.any()
        left = "the right ventricle is shown on the left" if known else "left is taken for septal"
        warnings.append(
            f"The file's header does not say how the slices lie in the body: {left}, and the top "
            "of the pictures is taken for anterior. Names of segments and the sense of rotation "
            "rest on that; septum_points in info.json say more."
        )
    if slices.order.doubt is not None:
        warnings.append(slices.order.doubt)
    warnings += name_warnings(slices.cine, regions)
    open_ = [z for z, r in enumerate(regions) if r.level is None and r.wall.any()]
    if open_:
        warnings.append(
            f"Slices whose label shows a wall but no cavity inside it (an apex, or an open ring), "
            f"not measured: {open_}."
        )
    missing = [z for z, r in enumerate(regions) if r.level is None and not r.wall.any()]
    if labelled and missing:
        warnings.append(
            f"Slices without a myocardium label, not measured and not part of the study's light: "
            f"{missing}."
        )
    return warnings


def _half_widths(
    halves: Mapping[str, float | None], values: Mapping[str, Any] | None = None
) -> dict[str, float]:
    """Halves of intervals that are known, of those values that are."""
    return {
        key + HALF_WIDTH: half
        for key, half in halves.items()
        if half is not None and (values is None or values.get(key) is not None)
    }


def _known(rows: Sequence[Mapping[str, Any]], key: str) -> list[float]:
    return [row[key] for row in rows if row.get(key) is not None]


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
