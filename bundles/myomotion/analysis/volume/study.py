"""The lift of a tracked study: its slices in the axes of the heart, or why there is none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import groupby

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
from myomotion.io.pictures.repeats import repeats_among, repeats_named

NEIGHBOURING = 1.5  # usual distances of slices, below which no slice is missing between two
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
    if repeated := repeats_among(cine.repeated, walls):
        return repeats_named(repeated)
    places = slice_places(cine)
    order = sorted(walls, reverse=tracked[0].motion.slices.order.base_first)
    upwards = bool(places[order[-1]] > places[order[0]])
    grids = {part.index: part.grid for part in tracked}
    outer = np.array([np.ptp(walls[z].mesh.nodes[:, -1], axis=0).mean() / 2 for z in order])
    levels = np.array([abs(places[z] - places[order[0]]) for z in order])
    usual = float(np.median(cine.slabs.distances_mm))
    reason = why_no_stack(order, levels, usual)
    if reason is not None:
        return reason
    axes = _axes(cine, walls[order[0]].turn, 1.0 if upwards else -1.0, places[order[0]])
    sideways = sideways_of(cine)
    contours = []
    for z in order:
        grid = grids[z]
        start = np.array(grid.center) * grid.source_spacing - grid.middle * grid.spacing
        nodes = walls[z].mesh.nodes + start + sideways[z]
        contours.append(_turned(nodes[:, 0], nodes[:, -1], axes.mirrored))
    steps = np.diff(levels)
    step = float(np.median(steps[steps < NEIGHBOURING * usual]))
    shape = heart_shape(levels.tolist(), contours, step)
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


def why_no_stack(slices: Sequence[int], levels: np.ndarray, usual_mm: float) -> str | None:
    """Why slices with a wall make no stack that can be lifted; None where they do.

    :data:`~myomotion.analysis.volume.shape.FEWEST_SLICES` of them must be neighbours. Between any
    two, one slice may be missing, as one in which no closed ring was labelled.

    Args:
        slices: their numbers in the file, in order.
        levels: their places along the axis, mm, increasing.
        usual_mm: from a slice of the file to its neighbour.

    Returns:
        Half a sentence.
    """
    steps = np.diff(levels) / usual_mm
    runs = groupby((steps < NEIGHBOURING).tolist())
    longest = 1 + max((len(list(run)) for near, run in runs if near), default=0)
    if longest < FEWEST_SLICES:
        listed = ", ".join(map(str, sorted(slices)))
        return f"of the slices with a closed wall, {listed}, fewer than {FEWEST_SLICES} in a row"
    if steps.max() > 1 + NEIGHBOURING:
        far = int(steps.argmax())
        return (
            f"slices {slices[far]} and {slices[far + 1]} lie {steps[far] * usual_mm:.0f} mm apart, "
            f"with no closed wall between them; neighbours lie {usual_mm:.0f} mm apart"
        )
    return None


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
