"""Strain, area and plausibility of every frame, slice and segment, as rows of a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from myomotion.analysis.motion import Motion
from myomotion.core.segments import (
    ROUND,
    Septum,
    assumed_septum,
    segment_map,
    septum_from_labels,
    slice_levels,
)
from myomotion.core.view import View, standard_view
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

COLUMNS = (
    "frame",
    "time_ms",
    "slice",
    "level",
    "segment",
    "err_percent",
    "ecc_percent",
    "area_ratio",
    "mean_j",
    "abs_j_minus_1",
    "fold_fraction",
    "r_vae",
    "r_vae_percentile",
)


@dataclass(kw_only=True)
class SliceRegions:
    """Parts of one slice at end-diastole, on the working grid.

    Attributes:
        wall: boolean ``(size, size)``, myocardium.
        cavity: boolean ``(size, size)``.
        segments: uint8 ``(size, size)``, 1 to 16 in the wall.
        level: ``basal``, ``mid``, ``apical``, or None for a slice without myocardium.
        center: voxel index of the cavity's centre.
        septum_from_label: the insertions come from a right-ventricular label of this slice or its
            neighbour; otherwise they are assumed.
    """

    wall: np.ndarray
    cavity: np.ndarray
    segments: np.ndarray
    level: str | None
    center: tuple[float, float]
    septum_from_label: bool


def slice_regions(cine: Cine, motion: Motion) -> list[SliceRegions]:
    """Wall, cavity and segments of every slice.

    A slice without a plausible contact of wall and right ventricle takes the septum of the nearest
    slice that has one; if none has, it lies to the left of the standard view.

    Args:
        cine: the study.
        motion: its motion.

    Returns:
        One entry a slice; empty regions without a label.
    """
    slices, view = motion.slices, standard_view(cine.affine)
    walls, cavities = slices.covered(MYOCARDIUM), slices.covered(CAVITY)
    centers = slices.centers
    area = [int(w.sum()) for w in walls]
    outer = [int((w | c).sum()) for w, c in zip(walls, cavities, strict=True)]
    levels = slice_levels(cine.levels, area, outer)
    septa = _septa(motion, walls, centers, view)
    empty = np.zeros(walls[0].shape, np.uint8)
    regions = []
    for z, level in enumerate(levels):
        segments = empty
        if level is not None:
            segments = segment_map(walls[z], centers[z], level, septa[z])
        regions.append(
            SliceRegions(
                wall=walls[z],
                cavity=cavities[z],
                segments=segments,
                level=level,
                center=centers[z],
                septum_from_label=septa[z].from_label,
            )
        )
    return regions


def _septa(
    motion: Motion,
    walls: np.ndarray,
    centers: Sequence[tuple[float, float]],
    view: View,
) -> list[Septum]:
    up, left = view.direction(0, -1), view.direction(-1, 0)
    found = {}
    ventricles = motion.slices.covered(RIGHT_VENTRICLE)
    for z, ventricle in enumerate(ventricles):
        septum = septum_from_labels(
            walls[z], ventricle, centers[z], up.tolist(), motion.slices.spacing
        )
        if septum is not None:
            found[z] = septum
    if not found:
        return [assumed_septum(left.tolist(), up.tolist())] * len(walls)
    return [found[min(found, key=lambda other: abs(other - z))] for z in range(len(walls))]


def strain_rows(
    cine: Cine,
    motion: Motion,
    regions: Sequence[SliceRegions],
    plausibility: Mapping[tuple[int, int], tuple[float | None, float | None]] | None = None,
) -> list[dict[str, Any]]:
    """Numbers of every frame, slice and segment that shows myocardium.

    Green-Lagrange strain in percent with respect to end-diastole, averaged over the end-diastolic
    myocardium of the slice (segment 0) or of a segment; ``area_ratio`` is the tracked cavity's area
    relative to end-diastole; ``time_ms`` counts from the file's first frame.

    Args:
        cine: the study, with an end-diastolic label.
        motion: its motion.
        regions: from :func:`slice_regions`.
        plausibility: R_VAE and its percentile by slice and frame, where known.

    Returns:
        Dictionaries with :data:`COLUMNS`, None where unknown; empty without a label.
    """
    known = plausibility or {}
    rows: list[dict[str, Any]] = []
    for z, region in enumerate(regions):
        if region.level is None:
            continue
        for t in range(len(motion.strain)):
            j = motion.working_jacobian[t, z]
            ratio = float(j[region.cavity].mean()) if region.cavity.any() else None
            score, percentile = known.get((z, t), (None, None))
            for segment in (0, *sorted(ROUND[region.level])):
                part = region.wall if segment == 0 else region.segments == segment
                if not part.any():
                    continue
                whole = segment == 0
                rows.append(
                    {
                        "frame": t,
                        "time_ms": None
                        if cine.frame_times_ms is None
                        else float(cine.frame_times_ms[t]),
                        "slice": z,
                        "level": cine.levels[z],
                        "segment": segment,
                        "err_percent": 100 * float(motion.strain[t, z, 0][part].mean()),
                        "ecc_percent": 100 * float(motion.strain[t, z, 1][part].mean()),
                        "area_ratio": ratio,
                        "mean_j": float(j[part].mean()),
                        "abs_j_minus_1": float(np.abs(np.abs(j[part]) - 1).mean()),
                        "fold_fraction": float((j[part] <= 0).mean()),
                        "r_vae": score if whole else None,
                        "r_vae_percentile": percentile if whole else None,
                    }
                )
    return rows
