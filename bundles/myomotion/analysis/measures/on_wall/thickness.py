"""Thickness of the wall and of its segments, from the moved mesh.

A part of the wall is as thick as its area over the length of its middle. With the area A and the
length l of the middle row of elements of a part, A' and l' at end-diastole, it thickens by

    ``(A / A') / (l / l') - 1``

an engineering strain. Shear, which tilts a line across the wall and so counts in Err, does not
count: a picture shows the wall's edges, hardly how far they slide along each other.
"""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Meaning, SegmentMeasure
from myomotion.analysis.measures.on_wall.mesh import Wall, over_wall
from myomotion.core.wall.mesh import tangents


def thickness_mm(wall: Wall, part: np.ndarray) -> np.ndarray:
    """Thickness of a part of a wall in every frame, area over the length of its middle.

    Args:
        wall: of a slice.
        part: elements, boolean ``(angles, rows)``, whole from endo- to epicardium.

    Returns:
        ``(T,)``.
    """
    area: np.ndarray = wall.strain.jacobian[:, part] @ wall.mesh.area[part]
    return area / _length(wall.nodes, part)


def thickening_percent(wall: Wall, part: np.ndarray) -> np.ndarray:
    """Thickening of a part of a wall since end-diastole in every frame, ``(T,)``.

    Args:
        wall: of a slice.
        part: as for :func:`thickness_mm`.
    """
    start = wall.mesh.area[part].sum() / _length(wall.mesh.nodes[None], part)
    return 100 * (thickness_mm(wall, part) / start - 1)


def _length(nodes: np.ndarray, part: np.ndarray) -> np.ndarray:
    """Length of the middle row of a part, ``(T,)`` in mm."""
    middle = part.shape[1] // 2
    around = tangents(nodes)[..., middle, :, 0]
    lengths: np.ndarray = np.linalg.norm(around, axis=-1) @ part[:, middle].astype(float)
    return lengths


THICKNESS = (
    SegmentMeasure(
        key="wall_thickness_mm",
        compute=over_wall(thickness_mm),
        heading="thickness, mm",
        format="{:.1f}",
        averaged=True,
    ),
    SegmentMeasure(
        key="thickening_percent",
        compute=over_wall(thickening_percent),
        heading="thickening, %",
        format="{:.0f}",
        averaged=True,
        meaning=Meaning(
            "thickening",
            "Change of the wall's thickness since end-diastole: its area over the length of its "
            "middle. Radial strain (Err) grows with shear too, of which tracking sees a part.",
        ),
    ),
)
