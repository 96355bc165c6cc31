"""Whether the end-diastolic label fits the picture: blood bright, wall dark, an edge between them.

A label of another patient, moved, mirrored, transposed or of other slices still looks like a heart;
only the picture can tell. Cines are taken for bright-blood ones, as short-axis cines are. Edge and
brightness are looked up under the label as it lies in every frame: they are highest at
end-diastole, and the values at end-diastole are judged.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from scipy import ndimage

from myomotion.analysis.measures.measure import (
    FrameMeasure,
    Limits,
    Meaning,
    SliceMeasure,
    StudyMeasure,
    Values,
)
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy

FEWEST_VOXELS = 8  # of cavity and of wall, that say anything
NEAR_MM = 15.0  # around the ventricle: the range of intensities is taken there
RANGE_PERCENTILES = (5, 95)
INSIDE_MM, OUTSIDE_MM = 3.5, 2.5  # from the endocardium: far enough for blur, within a thin wall
EDGE_DROP = 0.1  # of the range, by which a profile falls that goes from blood to wall
LEAST_CHANGE = 0.1  # of the range, by which the contrast changes where there is a beat to see
DOES_NOT_FIT = "the label does not fit the picture"


class Fit(NamedTuple):
    """How the picture lies under the label, one value a frame.

    Attributes:
        brighter: share of pairs of a cavity's and a wall's voxel in which the cavity is brighter.
        edge: share of the endocardium across which the picture goes from bright to dark.
        contrast: mean of the cavity less that of the wall, in shares of the end-diastolic range.
    """

    brighter: list[float]
    edge: list[float]
    contrast: np.ndarray


def has_ring(tracked: TrackedSlice) -> bool:
    """The slice is measured, and shows enough of cavity and wall to look for them in the picture.

    Args:
        tracked: the slice.

    Returns:
        True if both have :data:`FEWEST_VOXELS`.
    """
    region = tracked.region
    return tracked.has_wall and min(region.wall.sum(), region.cavity.sum()) >= FEWEST_VOXELS


def fit(tracked: TrackedSlice) -> Fit | None:
    """Compare every frame with the end-diastolic label.

    Args:
        tracked: the slice.

    Returns:
        The comparison; None where :func:`has_ring` does not hold or the frame has no contrast.
    """
    if not has_ring(tracked):
        return None
    cavity, wall = tracked.region.cavity, tracked.region.wall
    images, spacing = tracked.images, tracked.grid.spacing
    near = ndimage.distance_transform_edt(~(cavity | wall)) * spacing <= NEAR_MM
    reference = images[tracked.cine.ed_frame][near]
    extent = float(np.subtract(*np.percentile(reference, RANGE_PERCENTILES[::-1])))
    if extent <= 0:
        return None
    inside, outside = _beside_endocardium(cavity, wall, spacing)
    blood, muscle = images[:, cavity], np.sort(images[:, wall], axis=1)
    brighter = [
        # Of equal values every second pair counts, so that a blank picture is no evidence.
        0.5 * float(sum(np.searchsorted(m, b, side).mean() for side in ("left", "right"))) / len(m)
        for b, m in zip(blood, muscle, strict=True)
    ]
    smooth = ndimage.gaussian_filter(images, (0, *[0.8 / spacing] * 2))
    drops = [(_at(frame, inside) - _at(frame, outside)) / extent for frame in smooth]
    return Fit(
        brighter=brighter,
        edge=[float((drop > EDGE_DROP).mean()) for drop in drops],
        contrast=(blood.mean(1) - muscle.mean(1)) / extent,
    )


def frame_fit(study: TrackedStudy) -> float | None:
    """Where the contrast under the label lies at end-diastole between its lowest and its highest.

    When the heart contracts, dark wall moves into the cavity of end-diastole. The slices are taken
    together, each by the size of its cavity: a weak apex may bulge meanwhile.

    Args:
        study: tracked.

    Returns:
        0 to 1; None where the contrast hardly changes.
    """
    found = [(s.once(fit), int(s.region.cavity.sum())) for s in study.measured]
    known = [(one.contrast, size) for one, size in found if one is not None]
    if not known:
        return None
    contrast = np.average([c for c, _ in known], axis=0, weights=[size for _, size in known])
    if np.ptp(contrast) < LEAST_CHANGE:
        return None
    ed_frame = study.slices[0].cine.ed_frame
    return float((contrast[ed_frame] - contrast.min()) / np.ptp(contrast))


def offset_mm(tracked: TrackedSlice) -> float | None:
    """Distance of the labelled ventricle from what moves most.

    Args:
        tracked: the slice.

    Returns:
        Millimetres from the ventricle's centroid to the centre of what moves
        (:func:`~myomotion.io.pictures.moving.moving_center`); None in a movie that stands still.
    """
    moving = tracked.motion.slices.moving_center
    if moving is None:
        return None
    apart = np.array(moving) - tracked.grid.center
    return float(np.linalg.norm(apart * tracked.cine.spacing))


def _beside_endocardium(
    cavity: np.ndarray, wall: np.ndarray, spacing: float
) -> tuple[np.ndarray, np.ndarray]:
    """Points on both sides of the endocardium, voxel indices ``(2, N)`` each."""
    to_cavity, to_rest = (ndimage.distance_transform_edt(part) for part in (~cavity, cavity))
    outward = np.stack(np.gradient(ndimage.gaussian_filter(to_cavity - to_rest, 1.0)))
    outward /= np.maximum(np.linalg.norm(outward, axis=0), 1e-6)
    rim = ndimage.binary_dilation(cavity) & ~cavity & wall
    if not rim.any():  # a label whose parts do not touch: judged by where the cavity ends
        rim = ndimage.binary_dilation(cavity) & ~cavity
    start, direction = np.argwhere(rim).T, outward[:, rim]
    return start - direction * INSIDE_MM / spacing, start + direction * OUTSIDE_MM / spacing


def _at(frame: np.ndarray, points: np.ndarray) -> np.ndarray:
    values: np.ndarray = ndimage.map_coordinates(frame, points, order=1, mode="nearest")
    return values


def _brighter(tracked: TrackedSlice) -> Values:
    found = tracked.once(fit)
    return [None] * len(tracked.images) if found is None else found.brighter


def _edge(tracked: TrackedSlice) -> Values:
    found = tracked.once(fit)
    return [None] * len(tracked.images) if found is None else found.edge


# In 55 slices of nine cines of two vendors shares of 0.91 and 0.80 are the lowest; 84 slices of
# others reach down to 0.79 and 0.64. Labels of another patient (115 of 115), moved, transposed or
# in reversed slices (23 of 23 each) and mirrored (22 and 23 of 23) fall below 0.78 or 0.60.
BRIGHTER_LIMITS = Limits(
    amber=0.77,
    red=0.65,
    reason=lambda value, _: (
        f"{DOES_NOT_FIT}: its cavity is brighter than its wall for {value:.0%} of voxel pairs only"
    ),
)
EDGE_LIMITS = Limits(
    amber=0.60,
    red=0.45,
    reason=lambda value, _: (
        f"{DOES_NOT_FIT}: from bright to dark across {value:.0%} of its endocardium only"
    ),
)
# End-diastole lies at 0.84 or above in twelve right cines, end-systole at 0.01.
FRAME_LIMITS = Limits(
    amber=0.40,
    red=0.15,
    reason=lambda value, study: (
        f"{DOES_NOT_FIT}: its cavity darkens little after frame "
        f"{study.slices[0].cine.ed_frame}, "
        f"{value:.0%} of what it does over the cycle; ed_frame may be wrong"
    ),
)
# Great vessels, the right ventricle and flow move as well: slices of 24 right cines reach 56 mm.
OFFSET_LIMITS = Limits(
    amber=65.0,
    red=85.0,
    reason=lambda value, _: f"{DOES_NOT_FIT}: it lies {value:.0f} mm from what moves most",
)

BRIGHTER_BLOOD = FrameMeasure(key="label_contrast", compute=_brighter)
EDGE = FrameMeasure(key="label_edge", compute=_edge)
BRIGHTER_BLOOD_ED = SliceMeasure(
    key="label_contrast_ed",
    compute=lambda tracked: _brighter(tracked)[tracked.cine.ed_frame],
    applies=has_ring,
    heading="label: contrast",
    format="{:.0%}",
    limits=BRIGHTER_LIMITS,
    meaning=Meaning(
        "label",
        "Whether the end-diastolic label fits the picture. Contrast: share of pairs of a voxel of "
        "the cavity and one of the wall in which the cavity is brighter; amber and red below "
        f"{BRIGHTER_LIMITS.amber:.0%} and {BRIGHTER_LIMITS.red:.0%}. Edge: share of the "
        f"endocardium across which the picture goes from bright to dark; {EDGE_LIMITS.amber:.0%} "
        f"and {EDGE_LIMITS.red:.0%}. Frame: contrast at end-diastole between its lowest (0) and "
        f"highest (1) of the cycle; {FRAME_LIMITS.amber:g} and {FRAME_LIMITS.red:g}. Distance of "
        f"the ventricle from what moves most; {OFFSET_LIMITS.amber:g} and {OFFSET_LIMITS.red:g} "
        "mm. For cines with bright blood.",
    ),
)
EDGE_ED = SliceMeasure(
    key="label_edge_ed",
    compute=lambda tracked: _edge(tracked)[tracked.cine.ed_frame],
    applies=has_ring,
    heading="edge",
    format="{:.0%}",
    limits=EDGE_LIMITS,
)
FRAME_FIT = StudyMeasure(key="label_frame_fit", compute=frame_fit, limits=FRAME_LIMITS)
OFFSET = SliceMeasure(
    key="label_offset_mm", compute=offset_mm, applies=has_ring, limits=OFFSET_LIMITS
)
