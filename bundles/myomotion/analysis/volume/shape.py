"""The wall of a left ventricle at end-diastole in space, from the contours of its slices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.interpolate import PchipInterpolator, make_interp_spline
from scipy.optimize import least_squares

from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS, cell_edges, height_share
from myomotion.core.wall.contours import Contours, polygon_centroid

FEWEST_SLICES = 3
APEX_WALL = 0.7  # thickness of the wall at the apex over the mean one
LEAST_BELOW = 0.1  # of the distance of slices, how far the apex lies below the lowest one
# Length of the half ellipsoid below the widest level over its radius: mean and spread.
USUAL_SLENDERNESS = (2.7, 0.5)
RADIUS_MM = 1.5  # by which radii of slices depart from an ellipsoid's
BASE_BEYOND = 0.5  # distances of slices from the highest slice to the base
WIDEST_STEP = (0.6, 1.2)  # of the squared radius from the highest slice to the base
# Of the wall at an angle, that is left where surfaces that slices do not show would come nearer. Of
# 24 whole stacks one has less, at an angle above its highest slice, where they would cross.
LEAST_WALL = 0.25
SHARP_MM = 0.2  # what is left of a radius at the tip, so that no direction is lost


@dataclass(frozen=True, kw_only=True, eq=False)
class HeartShape:
    """A wall at end-diastole.

    Attributes:
        positions: ``(heights, angles, depths, 3)`` in mm, see
            :mod:`~myomotion.analysis.volume.lattice`.
        levels: ``(K,)`` of the slices along the axis, mm, increasing.
        shifts: ``(K, 2)`` how far each slice lies beside the smooth axis of all, mm.
        middles: ``(K, 2)`` of the slices' cavities, mm.
        step_mm: from a slice to its neighbour.
        apex_below_mm: how far the cavity's apex is taken to lie below the lowest slice.
        widest_above_mm: how far the cavity's widest level is taken to lie above the highest slice;
            negative where slices show it.
    """

    positions: np.ndarray
    levels: np.ndarray
    shifts: np.ndarray
    middles: np.ndarray
    step_mm: float
    apex_below_mm: float
    widest_above_mm: float


def heart_shape(
    levels: Sequence[float], contours: Sequence[Contours], step_mm: float | None = None
) -> HeartShape:
    """Wall through the contours of slices.

    The slices' middles are brought onto a smooth axis. Between them the squared radius along every
    angle is a monotone cubic in the level, as is that of an ellipsoid, whose squared radius is a
    parabola; the apex is that of the half ellipsoid that fits the mean radii best. Where slices do
    not show them, the surfaces come no nearer to each other than :data:`LEAST_WALL`.

    Args:
        levels: of the slices along the axis in mm, increasing from apex to base.
        contours: of each slice, mm, in the plane's axes, counter-clockwise seen from the base.
        step_mm: from a slice of the stack to its neighbour; the median of the levels' if None.

    Raises:
        ValueError: for fewer than :data:`FEWEST_SLICES` slices or levels that do not increase.
    """
    z = np.asarray(levels, float)
    if len(z) < FEWEST_SLICES or len(z) != len(contours) or not (np.diff(z) > 0).all():
        raise ValueError(f"levels {z.tolist()}: need {FEWEST_SLICES} or more that increase.")
    middles = np.stack([polygon_centroid(c.endo) for c in contours])
    axis = np.polynomial.polynomial.polyfit(z, middles, 1 if len(z) < 5 else 2)
    on_axis = np.polynomial.polynomial.polyval(z, axis).T
    inner, outer = (
        np.stack(
            [_radii(getattr(c, side), middle) for c, middle in zip(contours, middles, strict=True)]
        )
        for side in ("endo", "epi")
    )
    step = float(np.median(np.diff(z))) if step_mm is None else step_mm
    tip, widest = _apex_and_widest(z, np.sqrt((inner**2).mean(1)), step)
    wall = float((outer - inner).mean())
    base = z[-1] + BASE_BEYOND * step
    share = height_share(HEIGHTS)
    tips = (tip, tip - APEX_WALL * wall)
    rings = [lowest + share * (base - lowest) for lowest in tips]
    cavity, whole = (
        _squared(z, radii**2, lowest, base)
        for radii, lowest in zip((inner, outer), tips, strict=True)
    )
    least = _least_outer(rings, tips, cavity, z, outer - inner)
    radii_of_rings = (
        np.sqrt(cavity(rings[0])),
        np.maximum(np.sqrt(whole(rings[1])), least),
    )
    surfaces = []
    for heights, radius in zip(rings, radii_of_rings, strict=True):
        middle = np.polynomial.polynomial.polyval(np.clip(heights, z[0], None), axis).T
        ray = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
        plane = middle[:, None] + radius[..., None] * ray
        level = np.broadcast_to(heights[:, None, None], (*plane.shape[:2], 1))
        surfaces.append(np.concatenate([plane, level], axis=-1))
    endo, epi = surfaces
    positions = endo[:, :, None] + DEPTHS[:, None] * (epi - endo)[:, :, None]
    return HeartShape(
        positions=positions,
        levels=z,
        shifts=middles - on_axis,
        middles=middles,
        step_mm=step,
        apex_below_mm=float(z[0] - tip),
        widest_above_mm=float(widest - z[-1]),
    )


def is_upright(positions: np.ndarray) -> bool:
    """Whether no cell of a wall ``(heights, angles, depths, 3)`` is flat or turned inside out."""
    return bool((np.linalg.det(cell_edges(positions)) < 0).all())


def _radii(contour: np.ndarray, middle: np.ndarray) -> np.ndarray:
    """Radii about a middle along :data:`ANGLES`."""
    x, y = (contour - middle).T
    angle = np.arctan2(y, x)
    order = np.argsort(angle)
    return np.interp(ANGLES, angle[order], np.hypot(x, y)[order], period=2 * np.pi)


def _apex_and_widest(z: np.ndarray, radius: np.ndarray, step: float) -> tuple[float, float]:
    """Levels of the endocardium's apex and widest part, of the ellipsoid that fits the mean radii.

    Where few slices show how it ends, its slenderness is that of most ventricles.
    """
    widest = float(radius.max())

    def left(unknown: np.ndarray) -> np.ndarray:
        below, slenderness, wide = unknown
        way = (z - z[0] + below) / (slenderness * wide) - 1
        found = wide * np.sqrt(np.maximum(1 - way**2, 0))
        usual = (slenderness - USUAL_SLENDERNESS[0]) / USUAL_SLENDERNESS[1]
        return np.append((found - radius) / RADIUS_MM, usual)

    share = min(float(radius[0]) / widest, 0.95)
    first = USUAL_SLENDERNESS[0] * widest * (1 - np.sqrt(1 - share**2))
    found = least_squares(
        left,
        [np.clip(first, 2 * LEAST_BELOW * step, None), USUAL_SLENDERNESS[0], widest],
        bounds=([LEAST_BELOW * step, 1.0, 0.5 * widest], [np.inf, 6.0, 1.5 * widest]),
    )
    below, slenderness, wide = found.x
    return float(z[0] - below), float(z[0] - below + slenderness * wide)


def _least_outer(
    rings: Sequence[np.ndarray],
    tips: tuple[float, float],
    cavity: PchipInterpolator,
    z: np.ndarray,
    walls: np.ndarray,
) -> np.ndarray:
    """Outer radii ``(heights, angles)`` that a part of the wall is left with.

    A ring of the outer surface lies lower than that of the inner one with the same height. So that
    no cell is turned inside out, it stays outside the inner surface at its own level, and outside
    the tangent to it from the inner ring.

    Args:
        rings: levels of the inner and the outer surface's rings, mm.
        tips: levels of their apices.
        cavity: squared inner radii by level.
        z: levels of the slices.
        walls: their thickness, ``(K, angles)``.
    """
    inside, outside = rings
    least = LEAST_WALL * make_interp_spline(z, walls, k=1)(np.clip(outside, z[0], z[-1]))
    thinning = np.sqrt(np.clip((outside - tips[1]) / (tips[0] - tips[1]), 0, 1))[:, None]
    at_level = np.sqrt(cavity(np.maximum(outside, tips[0])))
    inner = np.sqrt(cavity(inside))
    slope = cavity(inside, 1) / (2 * inner)
    tangent = inner - slope * (inside - outside)[:, None]
    found: np.ndarray = np.maximum(at_level * thinning, tangent) + least * thinning
    return found


def _squared(z: np.ndarray, squared: np.ndarray, lowest: float, base: float) -> PchipInterpolator:
    """Squared radii ``(angles,)`` as a function of the level."""
    slope = (squared[-1] - squared[-2]) / (z[-1] - z[-2])
    low, high = (factor * squared[-1] for factor in WIDEST_STEP)
    top = np.clip(squared[-1] + slope * (base - z[-1]), low, high)
    start = np.full_like(top, SHARP_MM**2)
    return PchipInterpolator([lowest, *z, base], np.stack([start, *squared, top]))
