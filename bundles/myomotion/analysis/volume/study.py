"""The lift of a tracked study: its slices in the axes of the heart, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np

from myomotion.analysis.measures.on_wall.mesh import Wall, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.volume.function import VolumeFunction, function_of
from myomotion.analysis.volume.lattice import ANGLES
from myomotion.analysis.volume.lift import Lifted, LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import HeartModes, shipped_modes
from myomotion.analysis.volume.oddities import oddities
from myomotion.analysis.volume.shape import FEWEST_SLICES, heart_shape, is_upright
from myomotion.core.wall.contours import Contours
from myomotion.io.cine import Cine

RED_TRUST = 0.1  # weight of a slice whose light is red


@dataclass(frozen=True, kw_only=True, eq=False)
class HeartAxes:
    """How the heart lies in a cine.

    Attributes:
        vectors: ``(3, 3)`` the heart's axes as columns, unit vectors in RAS.
        mirrored: the second axis runs against axis 1 of the slices.
        origin: ``(3,)`` RAS of the heart's zero in mm.
    """

    vectors: np.ndarray
    mirrored: bool
    origin: np.ndarray

    def to_ras(self, positions: np.ndarray) -> np.ndarray:
        """Positions ``(..., 3)`` of the heart in RAS millimetres."""
        return positions @ self.vectors.T + self.origin


@dataclass(frozen=True, kw_only=True, eq=False)
class VolumeMotion:
    """Motion of a study's wall in space.

    Attributes:
        lifted: the motion; frames in the order of the file.
        tracks: in-plane motion of the slices that it rests on.
        axes: where it lies.
        slices: of the cine, from apex to base, that it rests on.
        function: what is read off it.
        warnings: what the user should know.
    """

    lifted: Lifted
    tracks: Tracks
    axes: HeartAxes
    slices: list[int]
    function: VolumeFunction
    warnings: list[str] = field(default_factory=list)


def lift_study(
    tracked: Sequence[TrackedSlice],
    red: Sequence[int] = (),
    modes: HeartModes | None = None,
    settings: LiftSettings | None = None,
) -> VolumeMotion | str:
    """Lift a tracked study into space.

    Args:
        tracked: its slices.
        red: slices that failed quality control; they count little.
        modes: how hearts move; the shipped ones if None.
        settings: of the lift.

    Returns:
        The motion, or one sentence that says why there is none.
    """
    walls = {part.index: wall for part in tracked if (wall := wall_of(part)) is not None}
    cine = tracked[0].cine if tracked else None
    if cine is None or len(walls) < FEWEST_SLICES:
        return f"{len(walls)} slices with a closed wall, fewer than {FEWEST_SLICES}"
    if cine.slabs.doubt is not None:
        return f"the distance of the slices is not known: {cine.slabs.doubt}"
    if not cine.slabs.neighbours:
        return "the slices are no neighbours in a stack"
    places = slice_places(cine)
    order = sorted(walls, reverse=tracked[0].motion.slices.order.base_first)
    upwards = bool(places[order[-1]] > places[order[0]])
    grids = {part.index: part.grid for part in tracked}
    outer = np.array([np.ptp(walls[z].mesh.nodes[:, -1], axis=0).mean() / 2 for z in order])
    axes = _axes(cine, walls[order[0]].turn, 1.0 if upwards else -1.0, places[order[0]])
    levels = np.array([abs(places[z] - places[order[0]]) for z in order])
    sideways = sideways_of(cine)
    contours = []
    for z in order:
        grid = grids[z]
        start = np.array(grid.center) * grid.source_spacing - (grid.size - 1) / 2 * grid.spacing
        nodes = walls[z].mesh.nodes + start + sideways[z]
        contours.append(_turned(nodes[:, 0], nodes[:, -1], axes.mirrored))
    shape = heart_shape(levels.tolist(), contours)
    if not is_upright(shape.positions):
        return "the wall through the contours of the slices would be inside out in places"
    tracks = Tracks(
        levels=levels,
        moves=np.stack([_moves(walls[z], axes.mirrored) for z in order], axis=1),
        trust=np.array([RED_TRUST if z in red else 1.0 for z in order]),
    )
    lifted = lift(shape, tracks, shipped_modes() if modes is None else modes, settings)
    return VolumeMotion(
        lifted=lifted,
        tracks=tracks,
        axes=axes,
        slices=order,
        function=function_of(lifted),
        warnings=oddities(shape, order, outer),
    )


def slice_places(cine: Cine) -> np.ndarray:
    """Place of each slice along the normal of axes 0 and 1, mm, ``(Z,)``."""
    normal = np.cross(cine.itk_affine[:3, 0], cine.itk_affine[:3, 1])
    sign = 1.0 if normal @ cine.itk_affine[:3, 2] >= 0 else -1.0
    return sign * np.concatenate([[0.0], np.cumsum(cine.slabs.distances_mm)])


def sideways_of(cine: Cine) -> np.ndarray:
    """How far each slice lies sideways of the first along axes 0 and 1, mm, ``(Z, 2)``."""
    known = cine.slabs.sideways_mm
    return np.zeros((cine.image.shape[2], 2)) if known is None else known


def _axes(cine: Cine, turn: float, towards_base: float, place: float) -> HeartAxes:
    """The heart's axes: the third to the base, the angle clockwise seen from the apex."""
    unit = cine.itk_affine[:3, :2] / np.linalg.norm(cine.itk_affine[:3, :2], axis=0)
    normal = np.cross(unit[:, 0], unit[:, 1])
    mirrored = turn > 0
    second = -unit[:, 1] if mirrored else unit[:, 1]
    vectors = np.stack([unit[:, 0], second, towards_base * normal], axis=-1)
    return HeartAxes(
        vectors=vectors,
        mirrored=mirrored,
        origin=cine.itk_affine[:3, 3] + place * normal,
    )


def _turned(endo: np.ndarray, epi: np.ndarray, mirrored: bool) -> Contours:
    if not mirrored:
        return Contours(endo=endo, epi=epi)
    flip = np.array([1.0, -1.0])
    return Contours(endo=(endo * flip)[::-1], epi=(epi * flip)[::-1])


def _moves(wall: Wall, mirrored: bool) -> np.ndarray:
    """In-plane motion ``(T, angles, depths, 2)`` in mm at the lattice's angles and depths."""
    moved = wall.nodes - wall.mesh.nodes
    rows = moved.shape[2] - 1
    middle = (moved[:, :, rows // 2] + moved[:, :, (rows + 1) // 2]) / 2
    chosen = np.stack([moved[:, :, 0], middle, moved[:, :, -1]], axis=2)
    chosen = chosen[:, :: moved.shape[1] // len(ANGLES)]
    if not mirrored:
        return chosen
    back = -np.arange(len(ANGLES)) % len(ANGLES)
    return chosen[:, back] * np.array([1.0, -1.0])
