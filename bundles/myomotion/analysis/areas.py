"""Areas of cavity and wall in every frame: those within the contours of that frame.

No difference of the motion is taken, and blood does not count.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.drawing.over_time import Lines, SliceContours
from myomotion.core.contours import enclosed_area
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM

MOVED_LABEL = "end-diastolic label, moved with the tracked motion"
CORRECTED = MOVED_LABEL + " and put half of the way to what a network sees in each frame"


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """Areas in every frame and slice, frames in the order of the file.

    Attributes:
        cavity_mm2: ``(T, Z)``, 0 where a slice shows none.
        wall_mm2: the same of the myocardium; None where it is not known.
        found: where they come from.
    """

    cavity_mm2: np.ndarray
    wall_mm2: np.ndarray | None
    found: str


def contour_areas(cine: Cine, contours: Sequence[SliceContours]) -> Areas:
    """Areas within contours, at end-diastole exactly those of the label's voxels.

    Args:
        cine: the study, with an end-diastolic label.
        contours: from :func:`~myomotion.analysis.drawing.over_time.contours_over_time`.

    Returns:
        The areas.
    """
    label = cine.label_ed
    assert label is not None
    heart = np.where(label == MYOCARDIUM, CAVITY, label)
    frames = cine.image.shape[3]
    cavity, whole = (
        np.stack(
            [
                _areas(lines, area, frames, cine.ed_frame)
                for lines, area in zip(parts, label_areas(part, CAVITY, cine.spacing), strict=True)
            ],
            axis=1,
        )
        for part, parts in (
            (label, [c.cavity for c in contours]),
            (heart, [c.ventricle for c in contours]),
        )
    )
    known = bool((label == MYOCARDIUM).any())
    return Areas(
        cavity_mm2=cavity,
        wall_mm2=np.maximum(whole - cavity, 0) if known else None,
        found=CORRECTED if any(c.seen for c in contours) else MOVED_LABEL,
    )


def label_areas(label: np.ndarray, code: int, spacing: tuple[float, float]) -> np.ndarray:
    """Area of a label's voxels in every slice.

    Args:
        label: ``(X, Y, Z)``, internal coding.
        code: of the part.
        spacing: in-plane voxel size in millimetres.

    Returns:
        ``(Z,)`` in square millimetres.
    """
    counts: np.ndarray = (label == code).sum((0, 1))
    return counts * float(np.prod(spacing))


def _areas(lines: Lines, area_mm2: float, frames: int, ed_frame: int) -> np.ndarray:
    """Area within lines in every frame ``(T,)``, of which that of end-diastole is known."""
    if not lines:
        return np.zeros(frames)
    area = enclosed_area(lines)
    scaled: np.ndarray = area * (area_mm2 / area[ed_frame])
    return scaled
