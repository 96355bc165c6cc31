"""The mesh fitted to the wall of a slice, its motion, strain and segments."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from myomotion.analysis.measures.measure import Values
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.segments import segments_at
from myomotion.core.view import View
from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import LAYERS, WallMesh, wall_mesh
from myomotion.core.wall.rotation import ElementTurns, element_turns
from myomotion.core.wall.strain import WallStrain, wall_strain
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.labels import CAVITY, MYOCARDIUM

MARGIN = 4  # voxels around a label, so that its contours close


@dataclass(frozen=True, kw_only=True, eq=False)
class Wall:
    """The wall of one slice as a mesh that moves; points in mm, index times spacing of its grid.

    Attributes:
        mesh: at end-diastole.
        nodes: ``(T, angles, rows + 1, 2)``, frames in the order of the file.
        strain: of every frame and element.
        segments: uint8 ``(angles, rows)``, 1 to 16, of the elements.
        turn: 1 where the angle of the mesh grows counter-clockwise in the standard view (as seen
            from the apex), else -1. Shear and rotation count that way, however the file is stored.
    """

    mesh: WallMesh
    nodes: np.ndarray
    strain: WallStrain
    segments: np.ndarray
    turn: float

    @cached_property
    def turns(self) -> ElementTurns:
        """What every element adds to the rotation of a part of the wall."""
        return element_turns(self.mesh, self.nodes)

    def segment(self, number: int) -> np.ndarray:
        """Elements of a segment, boolean ``(angles, rows)``; all for 0."""
        return np.ones(self.segments.shape, bool) if number == 0 else self.segments == number

    def layer(self, name: str) -> np.ndarray:
        """Elements of a layer of :data:`~myomotion.core.wall.mesh.LAYERS`, as :meth:`segment`."""
        return np.broadcast_to(self.mesh.layers == LAYERS.index(name), self.segments.shape)


def wall_of(tracked: TrackedSlice) -> Wall | None:
    """The mesh of a slice, made once.

    Args:
        tracked: the slice.

    Returns:
        None where :func:`why_no_wall` says why.
    """
    found = tracked.once(_wall_or_reason)
    return found if isinstance(found, Wall) else None


def has_mesh(tracked: TrackedSlice) -> bool:
    """A mesh fits the wall of the slice: it has strain."""
    return wall_of(tracked) is not None


def why_no_wall(tracked: TrackedSlice) -> str | None:
    """Why no mesh fits the wall of a slice.

    Args:
        tracked: the slice.

    Returns:
        The reason, for the reader; None where one does, or where there is no wall at all.
    """
    found = tracked.once(_wall_or_reason)
    return found if isinstance(found, str) else None


def over_wall(
    number: Callable[[Wall, np.ndarray], np.ndarray],
) -> Callable[[TrackedSlice, int], Values]:
    """A number of the mesh, for every frame of a segment.

    Args:
        number: from the wall and some of its elements, boolean ``(angles, rows)``, to ``(T,)``.

    Returns:
        What a segment's measure computes with; None in every frame where the slice has no mesh.
    """

    def compute(tracked: TrackedSlice, segment: int) -> Values:
        wall = wall_of(tracked)
        if wall is None or not wall.segment(segment).any():
            return [None] * len(tracked.displacement)
        return [float(value) for value in number(wall, wall.segment(segment))]

    return compute


def counter_clockwise(view: View) -> float:
    """1 where the angle from axis 0 towards axis 1 grows counter-clockwise in a view, else -1."""
    right, up = view.direction(1, 0), view.direction(0, -1)
    return float(np.sign(right[0] * up[1] - right[1] * up[0]))


def wall_on(tracked: TrackedSlice, mesh: WallMesh, displacement: np.ndarray) -> Wall:
    """A mesh of the wall of a slice, moved.

    Args:
        tracked: the slice, which has a level.
        mesh: at end-diastole.
        displacement: ``(T, 2, size, size)`` in mm.

    Returns:
        The wall.
    """
    grid, level = tracked.grid, tracked.region.level
    assert level is not None
    nodes = WallField(mesh, grid.spacing, (grid.size,) * 2).nodes(displacement)
    turn = counter_clockwise(tracked.motion.slices.view)
    center = np.array(tracked.region.center) * grid.spacing
    return Wall(
        mesh=mesh,
        nodes=nodes,
        strain=wall_strain(mesh, nodes, turn),
        segments=segments_at(mesh.middles - center, level, tracked.region.septum),
        turn=turn,
    )


def _wall_or_reason(tracked: TrackedSlice) -> Wall | str | None:
    label = tracked.cine.label_ed
    if label is None or tracked.region.level is None:
        return None
    try:
        mesh = mesh_on(tracked.grid, label[..., tracked.index])
    except RejectedSliceError as error:
        return str(error).split(": ", 1)[1]
    return wall_on(tracked, mesh, tracked.displacement)


def mesh_on(grid: WorkingGrid, label: np.ndarray) -> WallMesh:
    """The mesh of a labelled wall in the millimetres of its working grid.

    Args:
        grid: of the slice.
        label: ``(X, Y)`` at end-diastole, internal codes.

    Returns:
        The mesh.

    Raises:
        RejectedSliceError: where the wall is no closed ring.
    """
    # A wall in the outermost voxels is whole as long as it is a ring.
    padded = np.pad(label, MARGIN)
    found = contours_from_labels(padded, grid.source_spacing, myocardium=MYOCARDIUM, cavity=CAVITY)
    start = (np.array(grid.center) + MARGIN) * grid.source_spacing
    start -= grid.middle * grid.spacing
    return wall_mesh(Contours(endo=found.endo - start, epi=found.epi - start))
