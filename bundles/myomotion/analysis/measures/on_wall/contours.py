"""Strain of contours: a check that shares nothing with the mesh's fit.

Endocardium, mid-wall and epicardium at end-diastole are polygons whose corners move as the field
says at their places. A contour that is l long and was L has the stretch ``l / L`` and the
Green-Lagrange strain ``((l / L)^2 - 1) / 2``, which is that of the mesh's layer where the wall
shortens evenly. At the edges the field is read as it is, where blood beside the wall may move
otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.measures.measure import (
    Limits,
    Meaning,
    SegmentMeasure,
    SliceMeasure,
    Values,
)
from myomotion.analysis.measures.on_wall.mesh import Wall, has_mesh, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.contours import closed_length
from myomotion.core.flow import sample_at
from myomotion.core.wall.mesh import LAYERS

POINTS = 180  # of a contour
DEPTHS = (0.0, 0.5, 1.0)  # of the contours, from endo- to epicardium, as the layers are named


@dataclass(frozen=True, kw_only=True, eq=False)
class MovedContours:
    """Contours of one slice in every frame.

    Attributes:
        stretch: length over that at end-diastole, ``(T, 3)``: endocardium, mid-wall, epicardium.
    """

    stretch: np.ndarray

    @property
    def ecc(self) -> np.ndarray:
        """Green-Lagrange strain of the contours, ``(T, 3)``."""
        return (self.stretch**2 - 1) / 2


def moved_contours(tracked: TrackedSlice) -> MovedContours | None:
    """The contours of a slice, moved; made once.

    Args:
        tracked: the slice.

    Returns:
        None where it has no mesh.
    """
    return tracked.once(_moved)


def ecc_gap(tracked: TrackedSlice) -> float | None:
    """Ecc of the mesh's mid layer at end-systole against that of the mid-wall's length, points.

    Args:
        tracked: the slice.

    Returns:
        The difference, not negative; None without a mesh.
    """
    wall, contours = wall_of(tracked), moved_contours(tracked)
    if wall is None or contours is None:
        return None
    frame = tracked.motion.es_frame
    by_mesh = wall.strain.mean("ecc", wall.layer("mid"))[frame]
    return 100 * abs(float(by_mesh - contours.ecc[frame, LAYERS.index("mid")]))


def _moved(tracked: TrackedSlice) -> MovedContours | None:
    wall = wall_of(tracked)
    if wall is None:
        return None
    starts = [_outline(wall, depth) for depth in DEPTHS]
    points = np.concatenate(starts)
    moves = sample_at(tracked.displacement, points / tracked.grid.spacing)
    moved = np.split(points + moves, len(DEPTHS), axis=1)
    lengths = np.stack([closed_length(line) for line in moved], axis=1)
    first = np.array([float(closed_length(line)) for line in starts])
    return MovedContours(stretch=lengths / first)


def _outline(wall: Wall, depth: float) -> np.ndarray:
    """Polygon at a share of the wall's thickness, ``(POINTS, 2)`` in mm."""
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    _, _, inner, outer = wall.mesh.polar(wall.mesh.center + ray)
    return wall.mesh.center + (inner + depth * (outer - inner))[:, None] * ray


def _of_whole_wall(
    number: Callable[[MovedContours], np.ndarray],
) -> Callable[[TrackedSlice, int], Values]:
    """Values of segment 0, from the contours; None elsewhere."""

    def compute(tracked: TrackedSlice, segment: int) -> Values:
        contours = moved_contours(tracked)
        if contours is None or segment != 0:
            return [None] * len(tracked.displacement)
        return [float(value) for value in number(contours)]

    return compute


# Of Ecc, percentage points, chosen on the real subjects that settings are chosen on: 0.0 to 1.4.
GAP_LIMITS = Limits(
    amber=2.0,
    red=float("inf"),
    reason=lambda value, _: (
        f"circumferential strain on the mesh and by the length of the mid-wall differ by "
        f"{value:.1f} points"
    ),
)


def _contour_ecc(index: int) -> Callable[[MovedContours], np.ndarray]:
    return lambda contours: 100 * contours.ecc[:, index]


CONTOUR_STRAINS = tuple(
    SegmentMeasure(
        key=f"contour_ecc_{layer}_percent",
        compute=_of_whole_wall(_contour_ecc(index)),
        heading="Ecc of the mid-wall's length, %" if layer == "mid" else None,
        format="{:.1f}",
        averaged=True,
    )
    for index, layer in enumerate(LAYERS)
)
GAP = SliceMeasure(
    key="mesh_contour_gap_points",
    compute=ecc_gap,
    applies=has_mesh,
    limits=GAP_LIMITS,
    meaning=Meaning(
        "mesh and contour",
        "Circumferential strain at end-systole is measured twice: on the mesh of the wall, and by "
        "the length of the contour in its middle. Amber where they differ by more than "
        f"{GAP_LIMITS.amber:g} percentage points.",
    ),
)
