"""One short-axis slice of a virtual left ventricle at any height and phase, without mechanics."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fem_sim.population.kinds import KINDS, draw_kind, within
from fem_sim.population.shape import draw_roughness
from fem_sim.population.subjects import draw_middle
from myomotion.core.segments import LEVELS
from myomotion.core.wall.contours import Contours

#: Heights of a slice: 0 is the base, 1 the apex of the cavity; beyond lie atria and apical fat.
HEIGHTS = (-0.12, 1.1)
WIDEST = 0.2  # height down to which the ventricle does not taper
CAP = 0.14  # muscle below the cavity's apex, of the ventricle's length
SHARE_STILL, SHARE_FULL = 0.4, 0.25  # of slices at end-diastole, at end-systole
LARGEST_RATIO = 14.0  # of cavity areas; beyond it the cavity has vanished
SMALLEST_CAVITY_MM, SMALLEST_DISC_MM = 1.5, 9.0
THICKNESS_MM, LENGTH_MM = (5.0, 11.0), (65.0, 105.0)  # of slices, of left ventricles
STEEPEST = 0.3  # largest slope of a slice


@dataclass(frozen=True, kw_only=True)
class Ring:
    """A slice through the ventricle.

    Attributes:
        kind: of the heart, a key of :data:`~fem_sim.population.kinds.KINDS`.
        height: see :data:`HEIGHTS`.
        level: basal, mid or apical: what the slice looks like.
        contours: of the wall, mm; None where there is no left ventricle.
        cavity: whether there is any.
        left: share of the cavity's area at end-diastole that is left.
        contraction: 0 at end-diastole, 1 at end-systole.
        septal_angle: direction of the septum, degrees.
        right_ventricle: size of the right ventricle, relative; 0 for none.
        radius: about that of the heart, mm.
        slope: how much wider the ventricle is on the slice's basal face than in its middle, a
            share: the slice has a thickness, and the picture is the mean over it.
    """

    kind: str
    height: float
    level: str
    contours: Contours | None
    cavity: bool
    left: float
    contraction: float
    septal_angle: float
    right_ventricle: float
    radius: float
    slope: float


def draw_ring(rng: np.random.Generator) -> Ring:
    """Draw a slice of a heart of any kind, at any height, in any phase.

    The ventricle tapers as an ellipsoid does. The muscle keeps its volume while the cavity loses
    area, as in :meth:`~fem_sim.population.shape.RingShape.contours`.
    """
    kind = draw_kind(rng)
    heart = KINDS[kind]
    middle = draw_middle(heart, rng)
    height = float(rng.uniform(*HEIGHTS))
    level = LEVELS[int(np.digitize(height, (0.33, 0.66)))]
    ratio = 1 + (within(rng, heart.area_ratio) - 1) * float(
        np.interp(height, [0.0, 0.5, 1.0], [rng.uniform(0.7, 1.0), 1.0, within(rng, (1.0, 2.2))])
    )
    contraction = _draw_contraction(rng)
    reached = 1 + (min(ratio, LARGEST_RATIO) - 1) * contraction
    growth = 1 + within(rng, heart.shortening) * (1 - 1 / reached)
    inner, outer = _taper(height, 0.0), _taper(height, CAP)
    cavity = middle.cavity_radius * inner
    wall = (middle.cavity_radius + middle.wall) * outer - cavity
    right = within(rng, heart.right_ventricle) * rng.uniform(0.8, 2.4)
    right *= 1 - contraction * rng.uniform(0.1, 0.45)
    right *= float(np.clip((1.05 - height) / 0.25, 0.0, 1.0))
    contours, hollow = None, False
    if height > 0 and wall > 2.0:
        scarred = rng.random() < heart.scarred
        shape = replace(
            middle,
            cavity_radius=max(cavity, 0.5),
            wall=wall,
            septal_flattening=middle.septal_flattening * (1 + contraction * rng.uniform(0, 0.6)),
            endo_roughness=draw_roughness(rng, rng.uniform(0.01, 0.04)),
            epi_roughness=draw_roughness(rng, rng.uniform(0.005, 0.02)),
            thin_angle=float(rng.uniform(-180, 180)),
            thin_width=float(rng.uniform(40, 140)) if scarred else 0.0,
            thin_share=within(rng, heart.thinned) if scarred else 0.0,
        ).within_reach()
        contours = shape.contours(reached, growth)
        hollow = bool(cavity / np.sqrt(reached) > SMALLEST_CAVITY_MM)
        if cavity <= SMALLEST_CAVITY_MM and wall < SMALLEST_DISC_MM:
            contours = None  # the tip of the apex
    half = 0.5 * within(rng, THICKNESS_MM) / within(rng, LENGTH_MM)
    slope = _taper(height - half, CAP) / max(outer, 1e-3) - 1
    return Ring(
        kind=kind,
        height=height,
        level=level,
        contours=contours,
        cavity=hollow,
        left=1 / reached,
        contraction=contraction,
        septal_angle=middle.septal_angle,
        right_ventricle=float(right),
        radius=float(middle.cavity_radius + middle.wall),
        slope=min(slope, STEEPEST),
    )


def _draw_contraction(rng: np.random.Generator) -> float:
    kind = rng.random()
    if kind < SHARE_STILL:
        return 0.0
    return 1.0 if kind < SHARE_STILL + SHARE_FULL else float(rng.uniform(0.0, 1.0))


def _taper(height: float, beyond: float) -> float:
    """Radius of an ellipsoid at a height over that at its widest."""
    depth = max(height - WIDEST, 0.0) / (1 - WIDEST + beyond)
    return float(np.sqrt(max(1 - depth**2, 0.0)))
