"""American Heart Association segments of the left-ventricular wall, the 16-segment model.

Cerqueira et al., Standardized myocardial segmentation and nomenclature for tomographic imaging of
the heart, Circulation 2002; without the apical cap (segment 17), which a short axis does not show.
Angles are those of the grid, ``atan2(offset along axis 1, offset along axis 0)``, in radians.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import ndimage

LEVELS = ("basal", "mid", "apical")
SHARES = (0.25, 0.5, 0.75)  # of a stack, at which one slice stands for each
# In the order in which they follow each other from the anterior insertion through the septum.
FROM_ANTERIOR_THROUGH_SEPTUM = {
    "basal": (2, 3, 4, 5, 6, 1),
    "mid": (8, 9, 10, 11, 12, 7),
    "apical": (14, 15, 16, 13),
}
NAMES = {
    1: "basal anterior",
    2: "basal anteroseptal",
    3: "basal inferoseptal",
    4: "basal inferior",
    5: "basal inferolateral",
    6: "basal anterolateral",
    7: "mid anterior",
    8: "mid anteroseptal",
    9: "mid inferoseptal",
    10: "mid inferior",
    11: "mid inferolateral",
    12: "mid anterolateral",
    13: "apical anterior",
    14: "apical septal",
    15: "apical inferior",
    16: "apical lateral",
}
CONTACT_MM = 3.0  # the septum between a labelled right ventricle and the wall is never wider
BY_POINTS = "points of info.json"
BY_LABEL = "right-ventricular label"
BY_PICTURE = "right ventricle that the segmentation sees"
ASSUMED = "assumed"
ASSUMED_SEPTUM = np.deg2rad(120)  # two of six equal segments
# An arc of contact outside these is not a septum (a sliver of right ventricle, or a label leak).
SEPTUM_RANGE = (np.deg2rad(60), np.deg2rad(200))


@dataclass(frozen=True, kw_only=True)
class Septum:
    """Where the septum is, seen from the cavity's centre.

    Attributes:
        anterior: angle of the anterior right-ventricular insertion.
        sweep: signed angle from there through the septum to the inferior insertion.
        found: what it was found by, one of :data:`BY_POINTS`, :data:`BY_LABEL`, :data:`BY_PICTURE`
            and :data:`ASSUMED`.
    """

    anterior: float
    sweep: float
    found: str


def assumed_septum(left: Sequence[float], up: Sequence[float]) -> Septum:
    """Septum of 120 degrees about the left of the standard view, for want of a label.

    Args:
        left: direction along the grid's axes that points to the left of the picture.
        up: direction that points to its top.

    Returns:
        The septum, six equal segments.
    """
    middle = np.arctan2(left[1], left[0])
    turn = np.sign(left[1] * up[0] - left[0] * up[1]) or 1.0  # from up to left
    return Septum(
        anterior=float(middle - turn * ASSUMED_SEPTUM / 2),
        sweep=float(turn * ASSUMED_SEPTUM),
        found=ASSUMED,
    )


def septum_from_labels(
    wall: np.ndarray,
    right_ventricle: np.ndarray,
    center: Sequence[float],
    up: Sequence[float],
    spacing: float,
    found: str = BY_LABEL,
) -> Septum | None:
    """Septum between the ends of the arc along which the wall touches the right ventricle.

    Args:
        wall: boolean ``(H, W)``, myocardium at end-diastole.
        right_ventricle: boolean ``(H, W)``.
        center: voxel index of the cavity's centre.
        up: direction along the grid's axes to the top of the standard view; the insertion that lies
            further there is the anterior one.
        spacing: voxel size in millimetres.
        found: what says where the right ventricle is.

    Returns:
        The septum; None where the two do not touch along a plausible arc.
    """
    if not right_ventricle.any():
        return None
    distance = ndimage.distance_transform_edt(~right_ventricle) * spacing
    contact = np.argwhere(wall & (distance <= CONTACT_MM))
    if len(contact) < 3:
        return None
    offset = contact - np.asarray(center)
    angles = np.sort(np.arctan2(offset[:, 1], offset[:, 0]))
    gaps = np.diff(np.append(angles, angles[0] + 2 * np.pi))
    widest = int(gaps.argmax())
    start = float(angles[(widest + 1) % len(angles)])
    arc = float(2 * np.pi - gaps[widest])
    if not SEPTUM_RANGE[0] <= arc <= SEPTUM_RANGE[1]:
        return None
    ends = (start, start + arc)
    height = [np.cos(a) * up[0] + np.sin(a) * up[1] for a in ends]
    if height[0] >= height[1]:
        return Septum(anterior=ends[0], sweep=arc, found=found)
    return Septum(anterior=ends[1], sweep=-arc, found=found)


def septum_from_points(anterior: Sequence[float], inferior: Sequence[float]) -> Septum | None:
    """Septum between two points that somebody has marked.

    Args:
        anterior: insertion of the right ventricle, from the cavity's centre along two axes, in any
            unit of length.
        inferior: the other one.

    Returns:
        The septum, on the side on which the points are nearer to each other; None where they do not
        enclose a plausible arc.
    """
    start, end = (np.arctan2(point[1], point[0]) for point in (anterior, inferior))
    sweep = (end - start + np.pi) % (2 * np.pi) - np.pi
    if not SEPTUM_RANGE[0] <= abs(sweep) <= SEPTUM_RANGE[1]:
        return None
    return Septum(anterior=float(start), sweep=float(sweep), found=BY_POINTS)


def segment_map(
    wall: np.ndarray, center: Sequence[float], level: str, septum: Septum
) -> np.ndarray:
    """Segments of one slice.

    Args:
        wall: boolean ``(H, W)``, myocardium at end-diastole.
        center: voxel index of the cavity's centre.
        level: ``basal``, ``mid`` or ``apical``.
        septum: see :class:`Septum`.

    Returns:
        uint8 ``(H, W)``: 1 to 16 in the wall, 0 elsewhere.
    """
    rows, columns = np.indices(wall.shape)
    offset = np.stack([rows - center[0], columns - center[1]], axis=-1)
    return np.where(wall, segments_at(offset, level, septum), 0).astype(np.uint8)


def segments_at(offset: np.ndarray, level: str, septum: Septum) -> np.ndarray:
    """Segments that points of the wall belong to.

    At the basal and mid level the septum is halved and the rest of the wall quartered, so the
    insertions are boundaries; at the apex four quadrants, the septal one about the septum's middle.

    Args:
        offset: ``(..., 2)`` from the cavity's centre, along the grid's axes, in any unit of length.
        level: ``basal``, ``mid`` or ``apical``.
        septum: see :class:`Septum`.

    Returns:
        uint8 ``(...)``, 1 to 16.
    """
    angle = np.arctan2(offset[..., 1], offset[..., 0])
    turn, arc = np.sign(septum.sweep), abs(septum.sweep)
    if level == "apical":
        start, widths = arc / 2 - np.pi / 4, np.full(4, np.pi / 2)
    else:
        start, widths = 0.0, np.array([arc / 2] * 2 + [(2 * np.pi - arc) / 4] * 4)
    along = np.mod((angle - septum.anterior) * turn - start, 2 * np.pi)
    index = np.searchsorted(np.cumsum(widths)[:-1], along, side="right")
    numbers: np.ndarray = np.array(FROM_ANTERIOR_THROUGH_SEPTUM[level], np.uint8)[index]
    return numbers


def slice_levels(
    names: Sequence[str], wall_area: Sequence[float], base_first: bool
) -> list[str | None]:
    """Level of each slice.

    Names of levels are taken as they are; otherwise the slices that show myocardium are divided by
    :func:`levels_by_thirds`.

    Args:
        names: of the slices.
        wall_area: area of the myocardium in each slice.
        base_first: see :func:`~myomotion.core.stack_order.stack_order`.

    Returns:
        ``basal``, ``mid``, ``apical``, or None for a slice without myocardium.
    """
    shown = [z for z, area in enumerate(wall_area) if area > 0]
    levels: list[str | None] = [None] * len(names)
    if shown and all(names[z] in LEVELS for z in shown):
        for z in shown:
            levels[z] = names[z]
        return levels
    for z, level in zip(shown, levels_by_thirds(len(shown), base_first), strict=True):
        levels[z] = level
    return levels


def at_shares(count: int) -> list[int]:
    """The slices that stand for the levels of a stack, at 25, 50 and 75 % of it.

    Args:
        count: of slices, in their order.

    Returns:
        Their places; all of three or fewer.
    """
    if count <= len(LEVELS):
        return list(range(count))
    return [int(share * count) for share in SHARES]


def levels_by_thirds(count: int, base_first: bool) -> list[str]:
    """Level of each of the slices between base and apex, by thirds of their number.

    Where the thirds are not even, the base has one more, then the middle.

    Args:
        count: of slices that show myocardium.
        base_first: they are in order from base to apex, else from apex to base.

    Returns:
        ``basal``, ``mid`` or ``apical`` for each; a single slice is ``mid``.
    """
    if count == 1:
        return ["mid"]
    names = [LEVELS[3 * k // count] for k in range(count)]
    return names if base_first else names[::-1]
