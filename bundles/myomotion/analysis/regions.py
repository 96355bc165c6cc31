"""Wall, cavity and segments of every slice."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.motion import Motion
from myomotion.core.segments import (
    BY_LABEL,
    BY_PICTURE,
    LEVELS,
    Septum,
    assumed_septum,
    segment_map,
    septum_from_labels,
    slice_levels,
)
from myomotion.io.cine import Cine
from myomotion.io.info import slice_name
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE


@dataclass(kw_only=True)
class SliceRegions:
    """Parts of one slice at end-diastole, on the working grid.

    Attributes:
        wall: boolean ``(size, size)``, myocardium.
        cavity: boolean ``(size, size)``.
        segments: uint8 ``(size, size)``, 1 to 16 in the wall.
        level: ``basal``, ``mid``, ``apical``; None where nothing is measured in the wall: a slice
            without myocardium, or without a cavity, from which radial directions point.
        center: voxel index of the cavity's centre.
        septum: of this slice or, for want of a right-ventricular label, of its neighbour; assumed
            where no slice has one.
    """

    wall: np.ndarray
    cavity: np.ndarray
    segments: np.ndarray
    level: str | None
    center: tuple[float, float]
    septum: Septum


def slice_regions(motion: Motion) -> list[SliceRegions]:
    """Wall, cavity and segments of every slice.

    A septum that the user has marked is that of all slices. A slice without a plausible contact of
    wall and right ventricle takes the septum of the nearest slice that has one; if none has, it
    lies to the left of the standard view. Near the apex only a label is believed, a drawn one too:
    what the segmentation sees there beside the label of somebody else is off by twice as much.

    Args:
        motion: of the study.

    Returns:
        One entry a slice; empty regions without a label.
    """
    slices = motion.slices
    cine = slices.cine
    walls, cavities = slices.covered(MYOCARDIUM), slices.covered(CAVITY)
    centers = slices.centers
    area = [int(w.sum()) if c.any() else 0 for w, c in zip(walls, cavities, strict=True)]
    levels = slice_levels(cine.levels, area, slices.order.base_first)
    septa = _septa(motion, walls, centers, levels)
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
                septum=septa[z],
            )
        )
    return regions


def name_warnings(cine: Cine, regions: Sequence[SliceRegions]) -> list[str]:
    """What a reader is told where slices have names that do not decide on their segments.

    Args:
        cine: the study.
        regions: from :func:`slice_regions`.

    Returns:
        A sentence, or none.
    """
    names = {z: cine.levels[z] for z, region in enumerate(regions) if region.level is not None}
    unnamed = [z for z, name in names.items() if name == slice_name(z)]
    other = [z for z, name in names.items() if name not in LEVELS]
    if not other or len(unnamed) == len(names):
        return []
    listed = ", ".join(
        f"slice {z} has {'no name' if z in unnamed else repr(names[z][:30])}" for z in other
    )
    return [
        f"Segments go by thirds of the ventricle, as not all names of slices are "
        f"{', '.join(LEVELS)} ({listed}): the column level has the names as given, and segments "
        "may be of another level. Name all slices in info.json, or none."
    ]


def _septa(
    motion: Motion,
    walls: np.ndarray,
    centers: Sequence[tuple[float, float]],
    levels: Sequence[str | None],
) -> list[Septum]:
    slices = motion.slices
    up, left = slices.view.direction(0, -1), slices.view.direction(-1, 0)
    if slices.marked_septum is not None:
        return [slices.marked_septum] * len(walls)
    found = {}
    labelled = slices.covered(RIGHT_VENTRICLE).any()
    by = BY_LABEL if labelled and not slices.cine.label_drawn else BY_PICTURE
    for z, ventricle in enumerate(slices.right_ventricles):
        septum = septum_from_labels(
            walls[z], ventricle, centers[z], up.tolist(), slices.spacing, by
        )
        if septum is not None and (labelled or levels[z] in ("basal", "mid")):
            found[z] = septum
    if not found:
        return [assumed_septum(left.tolist(), up.tolist())] * len(walls)
    return [found[min(found, key=lambda other: abs(other - z))] for z in range(len(walls))]
