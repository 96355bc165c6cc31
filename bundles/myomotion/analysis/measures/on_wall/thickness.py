"""Thickness of the wall: by the moved mesh, and by how much wall a network sees.

A part of the wall is as thick as its area over the length of its middle. With the area A and the
length l of the middle row of elements of a part, A' and l' at end-diastole, it thickens by

    ``(A / A') / (l / l') - 1``

an engineering strain. Shear, which tilts a line across the wall and so counts in Err, does not
count: a picture shows the wall's edges, hardly how far they slide along each other.

Tracking smooths the motion across thin walls, a network that draws the wall in each frame errs in
other ways. So the change of the wall's area is the mean of that of the mesh and of that which the
network sees, relative to end-diastole in either, so that a habit of the network's does not count;
as the ejection fraction takes the cavity (:func:`~myomotion.analysis.areas.corrected_areas`). This
factor is one for the whole slice.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from myomotion.analysis.areas import SEEN_WEIGHT, seen_area
from myomotion.analysis.measures.measure import Meaning, SegmentMeasure, Values
from myomotion.analysis.measures.on_wall.mesh import Wall, over_wall, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.wall.mesh import tangents
from myomotion.io.labels import MYOCARDIUM

MOST_APART = 1.5  # the area seen at end-diastole over that of the mesh, or less than 1 over it


def mesh_thickness_mm(wall: Wall, part: np.ndarray) -> np.ndarray:
    """Thickness of a part of a wall in every frame, area over the length of its middle.

    Args:
        wall: of a slice.
        part: elements, boolean ``(angles, rows)``, whole from endo- to epicardium.

    Returns:
        ``(T,)``.
    """
    return _area(wall, part) / _length(wall.nodes, part)


def mesh_thickening(wall: Wall, part: np.ndarray) -> np.ndarray:
    """Thickening of a part of a wall by its mesh alone, a fraction ``(T,)``; see the module.

    Args:
        wall: of a slice.
        part: as for :func:`mesh_thickness_mm`.
    """
    start = wall.mesh.area[part].sum() / _length(wall.mesh.nodes[None], part)
    return mesh_thickness_mm(wall, part) / start - 1


def seen_factor(tracked: TrackedSlice) -> np.ndarray:
    """What the mesh's area is multiplied by, ``(T,)``; 1 where the picture has no say.

    That is where no network has looked, or where it sees a wall at end-diastole that is not the
    label's: more than half as large again, or as much less.

    Args:
        tracked: the slice, with a mesh.
    """
    wall = wall_of(tracked)
    assert wall is not None
    whole = _area(wall, wall.segment(0))
    seen = seen_area(tracked.motion.slices, tracked.index, MYOCARDIUM)
    if seen is None:
        return np.ones(len(whole))
    first, start = seen[tracked.cine.ed_frame], float(wall.mesh.area.sum())
    if not start / MOST_APART < first < start * MOST_APART:
        return np.ones(len(whole))
    return 1 + SEEN_WEIGHT * ((seen / first) / (whole / start) - 1)


def thickening_percent(tracked: TrackedSlice, segment: int) -> Values:
    """Thickening of a segment in every frame, by mesh and picture.

    Args:
        tracked: the slice.
        segment: 0 for the whole wall.

    Returns:
        Per cent; None where there is no mesh.
    """
    return _with_seen(tracked, segment, lambda wall, part: 1 + mesh_thickening(wall, part), 1)


def _thickness_mm(tracked: TrackedSlice, segment: int) -> Values:
    return _with_seen(tracked, segment, mesh_thickness_mm, 0)


def _with_seen(
    tracked: TrackedSlice,
    segment: int,
    number: Callable[[Wall, np.ndarray], np.ndarray],
    less: int,
) -> Values:
    wall = wall_of(tracked)
    if wall is None or not wall.segment(segment).any():
        return [None] * len(tracked.displacement)
    values = number(wall, wall.segment(segment)) * tracked.once(seen_factor)
    return [float(value) for value in (100 * (values - 1) if less else values)]


def _area(wall: Wall, part: np.ndarray) -> np.ndarray:
    """Area of a part in every frame, ``(T,)`` in mm^2."""
    areas: np.ndarray = wall.strain.jacobian[:, part] @ wall.mesh.area[part]
    return areas


def _length(nodes: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Length of the middle row of a part, ``(T,)`` in mm."""
    middle = part.shape[1] // 2
    around = tangents(nodes)[..., middle, :, 0]
    lengths: np.ndarray = np.linalg.norm(around, axis=-1) @ part[:, middle].astype(float)
    return lengths


THICKNESS = (
    SegmentMeasure(
        key="wall_thickness_mm",
        compute=_thickness_mm,
        heading="thickness, mm",
        format="{:.1f}",
        averaged=True,
    ),
    SegmentMeasure(
        key="thickening_percent",
        compute=thickening_percent,
        heading="thickening, %",
        format="{:.0f}",
        averaged=True,
        meaning=Meaning(
            "thickening",
            "Change of the wall's thickness since end-diastole, its area over the length of its "
            "middle. The area is the mean of what tracking and what the network that draws the "
            "wall in each frame say. Radial strain (Err) is of tracking alone, and grows with "
            "shear too.",
        ),
    ),
    SegmentMeasure(
        key="tracked_thickening_percent",
        compute=over_wall(lambda wall, part: 100 * mesh_thickening(wall, part)),
        averaged=True,
    ),
)
