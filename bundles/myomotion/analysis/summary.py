"""The numbers of a study that a reader looks for first, with what they rest on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from myomotion.analysis.motion import Motion
from myomotion.analysis.provenance import input_hashes, versions
from myomotion.analysis.quality import LIGHTS, RED, SliceQuality, StudyQuality
from myomotion.analysis.strain import SliceRegions
from myomotion.core.segments import NAMES
from myomotion.core.view import standard_view
from myomotion.io.cine import Cine

NOTICE = "Research use only."
STRAIN_TEXT = "Green-Lagrange, percent, reference end-diastole"
NO_STRAIN = (
    "not computed: no end-diastolic myocardium label was given, and strain, segments, cavity area "
    "and R_VAE need one. Motion, warped frames and J do not."
)
MEANS = ("err_percent", "ecc_percent", "mean_j", "abs_j_minus_1", "fold_fraction")


def study_summary(
    cine: Cine,
    motion: Motion,
    regions: Sequence[SliceRegions],
    rows: Sequence[Mapping[str, Any]],
    quality: StudyQuality,
    parameters: Mapping[str, Any] | None = None,
    warnings: Iterable[str] = (),
) -> dict[str, Any]:
    """Content of ``summary.json``.

    Values are those at end-systole unless their name says peak; the study's means and segments
    leave out slices whose light is red.

    Args:
        cine: the study.
        motion: its motion.
        regions: from :func:`~myomotion.analysis.strain.slice_regions`.
        rows: from :func:`~myomotion.analysis.strain.strain_rows`.
        quality: from :func:`~myomotion.analysis.quality.assess`.
        parameters: from :func:`~myomotion.analysis.provenance.run_parameters`.
        warnings: further sentences.

    Returns:
        JSON object.
    """
    whole = [dict(row) for row in rows if row["segment"] == 0]
    at_es = [row for row in whole if row["frame"] == motion.es_frame]
    passed = set(quality.passed)
    kept = [row for row in at_es if row["slice"] in passed]
    slices = [
        _slice_entry(cine, motion, judged, [r for r in whole if r["slice"] == judged.slice])
        for judged in quality.slices
    ]
    areas = [
        s["ejection_area_fraction"]
        for s in slices
        if s["slice"] in passed and s.get("ejection_area_fraction") is not None
    ]
    means: dict[str, Any] = {name: _mean([row[name] for row in kept]) for name in MEANS}
    means["ejection_area_fraction"] = _mean(areas)
    means["slices"] = len(kept)
    return {
        "name": cine.name,
        "files": cine.files,
        "input_sha256": input_hashes(cine.files),
        "source": cine.source,
        "reference_frame": cine.ed_frame,
        "reference_frame_from": cine.ed_found,
        "label_ed_from": cine.label_found,
        "es_frame": motion.es_frame,
        "es_frame_from": motion.es_found,
        "es_time_ms": _since_ed(cine, motion.es_frame),
        "frame_times_known": cine.frame_times_ms is not None,
        "strain": STRAIN_TEXT if rows else NO_STRAIN,
        "light": LIGHTS[max((s.light for s in quality.slices), default=0)],
        "mean_of_slices_at_end_systole": means if kept else None,
        "slices": slices,
        "segments_at_end_systole": segment_means(rows, motion.es_frame, passed),
        "at_end_systole": at_es,
        "warnings": [*cine.warnings, *_warnings(cine, regions, quality, bool(rows)), *warnings],
        "parameters": dict(parameters or {}),
        "versions": versions(),
        "notice": NOTICE,
    }


def segment_means(
    rows: Sequence[Mapping[str, Any]], frame: int, slices: set[int]
) -> dict[str, dict[str, Any]]:
    """Strain of the 16 segments in one frame, a mean over the slices of their level.

    Args:
        rows: from :func:`~myomotion.analysis.strain.strain_rows`.
        frame: which frame.
        slices: those that count.

    Returns:
        By segment number: ``name``, ``err_percent``, ``ecc_percent`` and ``slices``, their number.
    """
    segments = {}
    for number, name in NAMES.items():
        mine = [
            row
            for row in rows
            if row["segment"] == number and row["frame"] == frame and row["slice"] in slices
        ]
        if mine:
            segments[str(number)] = {
                "name": name,
                "err_percent": _mean([row["err_percent"] for row in mine]),
                "ecc_percent": _mean([row["ecc_percent"] for row in mine]),
                "slices": len(mine),
            }
    return segments


def _slice_entry(
    cine: Cine, motion: Motion, judged: SliceQuality, rows: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "slice": judged.slice,
        "level": judged.level,
        "light": LIGHTS[judged.light],
        "reasons": judged.reasons,
        "drift": judged.drift,
        "area_change_error": judged.area_change_error,
        "cavity_change_error": judged.cavity_change_error,
    }
    if not rows:
        return entry
    for name, best in (("ecc_percent", np.argmin), ("err_percent", np.argmax)):
        curve = np.array([row[name] for row in rows])
        peak = int(best(curve))
        entry |= {
            name: float(curve[motion.es_frame]),
            f"peak_{name}": float(curve[peak]),
            f"peak_{name}_frame": peak,
            f"time_to_peak_{name}_ms": _since_ed(cine, peak),
        }
        if cine.frame_times_ms is not None:
            rate = np.gradient(curve / 100, cine.frame_times_ms / 1000)
            contraction = rate[_systole(cine, motion)]
            short = name.split("_")[0]
            entry[f"peak_systolic_{short}_rate_per_s"] = float(contraction[best(contraction)])
    ratios = [row["area_ratio"] for row in rows]
    known = all(ratio is not None for ratio in ratios)
    entry["ejection_area_fraction"] = 1 - min(ratios) if known else None
    return entry


def _systole(cine: Cine, motion: Motion) -> np.ndarray:
    frames = cine.image.shape[3]
    length = (motion.es_frame - cine.ed_frame) % frames
    return (cine.ed_frame + np.arange(length + 1)) % frames


def _since_ed(cine: Cine, frame: int) -> float | None:
    """Time from end-diastole to a frame, milliseconds."""
    times = cine.frame_times_ms
    if times is None:
        return None
    cycle = float(times[-1] + np.diff(times).mean())
    return float((times[frame] - times[cine.ed_frame]) % cycle)


def _warnings(
    cine: Cine, regions: Sequence[SliceRegions], quality: StudyQuality, labelled: bool
) -> list[str]:
    warnings = [] if labelled else [f"Strain was {NO_STRAIN}"]
    for judged in quality.slices:
        if judged.light == RED:
            left_out = " It is left out of the study's means and segments." if labelled else ""
            warnings.append(
                f"Slice {judged.slice} ({judged.level}) failed quality control: "
                f"{'; '.join(judged.reasons)}.{left_out}"
            )
    shown = [region for region in regions if region.level is not None]
    if labelled and not any(region.septum_from_label for region in shown):
        warnings.append(
            "No right-ventricular label: segments are six (apex: four) equal parts, the septum "
            "assumed to lie within 60 degrees of the left of the picture. Their names are nominal."
        )
    if labelled and not standard_view(cine.affine).from_header:
        warnings.append(
            "The file's header does not say how the slices lie in the body: pictures are as "
            "stored, and their top is taken for anterior."
        )
    missing = [z for z, region in enumerate(regions) if region.level is None]
    if labelled and missing:
        warnings.append(f"Slices without a myocardium label, not measured: {missing}.")
    return warnings


def _mean(values: Sequence[float]) -> float | None:
    return float(np.mean(values)) if len(values) else None
