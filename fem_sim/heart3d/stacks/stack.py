"""Slices of a simulated ventricle: planes that stay in space while tissue moves through them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.wall import MovingWall, moving_wall
from myomotion.analysis.volume.lattice import ANGLES, DEPTHS
from myomotion.analysis.volume.planes import at_place, beyond_ends, meet
from myomotion.core.wall.contours import Contours

FINE_HEIGHTS = np.linspace(0.03, 1, 50)
SMALLEST_MM = 3.0  # radius of a cavity that a slice still shows
OVERLAP_MM = 2.0  # of the highest slice with the wall at end-diastole, at the least
OPEN_MM = 0.5  # above the base, a plane shows no wall any more


@dataclass(frozen=True, kw_only=True)
class StackSettings:
    """How a stack is acquired. Lengths in mm.

    Attributes:
        distance: of neighbouring slices, thickness and gap together.
        thickness: of a slice; what it shows is the mean over it.
        shift: spread of each slice's displacement in its plane, from one breath-hold to the next.
    """

    distance: float = 10.0
    thickness: float = 8.0
    shift: float = 1.0

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if not 0 < self.thickness <= self.distance <= 20 or self.shift < 0:
            raise ValueError(
                f"distance {self.distance}, thickness {self.thickness}, shift {self.shift} mm: "
                "need 0 < thickness <= distance <= 20 and no negative shift."
            )


@dataclass(frozen=True, kw_only=True, eq=False)
class VirtualStack:
    """What the slices of a ventricle show, and what its tissue does; frame 0 is end-diastole.

    In-plane places hold the shift of their slice, places in space do not.

    Attributes:
        levels: ``(K,)`` of the planes along the axis in mm, from apex to base.
        contours: of each slice at end-diastole.
        seen: ``(T, K, angles, depths, 2)`` in mm: where the line of tissue at each end-diastolic
            angle and depth meets the plane, mean over the slice's thickness.
        shown: ``(T, K, angles, depths)`` whether the plane lies within the wall there.
        tissue: ``(T, K, angles, depths, 3)`` in mm: where the tissue is that lies in the plane's
            middle at end-diastole.
        shifts: ``(K, 2)`` of the slices in mm.
        es_frame: number of the end-systolic frame.
    """

    levels: np.ndarray
    contours: tuple[Contours, ...]
    seen: np.ndarray
    shown: np.ndarray
    tissue: np.ndarray
    shifts: np.ndarray
    es_frame: int

    @property
    def moves(self) -> np.ndarray:
        """In-plane motion as a perfect tracker of pictures finds it; not a number where hidden."""
        moved = self.seen - self.seen[0]
        return np.where(self.shown[..., None], moved, np.nan)


def slice_heart(
    motion: HeartMotion, settings: StackSettings, rng: np.random.Generator
) -> VirtualStack:
    """Acquire a stack.

    Args:
        motion: of a ventricle.
        settings: of the stack.
        rng: draws where the first slice lies, and the shifts.

    Returns:
        The stack.

    Raises:
        ValueError: if fewer than three slices show a cavity.
    """
    wall = moving_wall(motion, FINE_HEIGHTS, ANGLES, DEPTHS)
    base = float(wall.positions[0, -1, ..., 2].min())
    top = base - OVERLAP_MM - float(rng.uniform(0, settings.distance))
    levels = np.sort(top - settings.distance * np.arange(30))
    inner = wall.positions[0, :, :, 0]
    levels = levels[[_shows_cavity(inner, level) for level in levels]]
    if len(levels) < 3:
        raise ValueError(f"{len(levels)} slices show a cavity; a stack has at least 3.")
    shifts = rng.normal(0, settings.shift, (len(levels), 2))
    seen, shown = seen_in(wall, levels, settings.thickness)
    seen = seen + shifts[:, None, None]
    contours = tuple(Contours(endo=p[:, 0], epi=p[:, -1]) for p in seen[0])
    return VirtualStack(
        levels=levels,
        contours=contours,
        seen=seen,
        shown=shown,
        tissue=tissue_of(wall, levels),
        shifts=shifts,
        es_frame=wall.es_frame,
    )


def seen_in(
    wall: MovingWall, levels: np.ndarray, thickness: float
) -> tuple[np.ndarray, np.ndarray]:
    """Where lines of tissue meet planes in every frame, and whether they do.

    Args:
        wall: of a ventricle.
        levels: ``(K,)`` of the planes, mm.
        thickness: of the slices; three planes stand for it.

    Returns:
        ``(T, K, angles, depths, 2)`` in mm and boolean ``(T, K, angles, depths)``.
    """
    within = np.array([-1 / 3, 0, 1 / 3]) * thickness
    places, shown = [], []
    for positions in wall.positions:
        for level in levels:
            parts = [at_place(meet(positions, z), positions)[..., :2] for z in level + within]
            places.append(np.mean(parts, axis=0))
            shown.append(beyond_ends(positions, level) < OPEN_MM)
    shape = (len(wall.positions), len(levels))
    found, there = np.stack(places), np.stack(shown)
    return found.reshape(*shape, *found.shape[1:]), there.reshape(*shape, *there.shape[1:])


def tissue_of(wall: MovingWall, levels: np.ndarray) -> np.ndarray:
    """Where the tissue is in every frame that lies in planes at end-diastole.

    Returns:
        ``(T, K, angles, depths, 3)`` in mm.
    """
    over_time = np.moveaxis(wall.positions, 0, -1)
    parts = [at_place(meet(wall.positions[0], level), over_time) for level in levels]
    return np.moveaxis(np.stack(parts), -1, 0)


def _shows_cavity(inner: np.ndarray, level: float) -> bool:
    """Whether a plane cuts the endocardium ``(heights, angles, 3)`` in a ring wide enough."""
    if beyond_ends(inner, level).any():
        return False
    ring = at_place(meet(inner, level), inner)[..., :2]
    return float(np.linalg.norm(ring - ring.mean(0), axis=1).mean()) > SMALLEST_MM
