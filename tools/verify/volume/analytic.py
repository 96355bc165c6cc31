"""Errors of the lift on ventricles that are given by formulas, outside the family of the modes.

The wall lies between two prolate ellipsoids about one axis, cut off a quarter of their half length
above their widest level. A point at end-diastole has its height ``h`` above the cavity's apex, its
distance ``R`` from the axis, and its angle about it. With the radius ``Ri(h)`` of the cavity, the
stretch ``l`` along the axis, the ejection fraction ``f`` and the torsion ``w`` it comes to

``z = l h``, ``r^2 = R^2 / l - (f / l) Ri(h)^2``, ``angle - w (H - h)``

with the height ``H`` of the base. ``(r / R) (dr / dR) (dz / dh) = 1``: the muscle keeps its volume
everywhere, whatever the three are. The cavity's volume is ``pi int r^2 dz`` of ``R = Ri``, that is
``1 - f`` of what it was. The apex stays, the base stays flat.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.volume.lattice import (
    ANGLES,
    DEPTHS,
    HEIGHTS,
    cavity_volume,
    height_share,
    meridian_length,
    torsion,
)
from myomotion.analysis.volume.lift import LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.shape import heart_shape
from myomotion.core.wall.contours import POINTS, Contours
from tools.verify.volume.hearts import Errors, lift_errors

HEIGHT_MM, RADIUS_MM = 74.0, 26.0  # of the cavity: from its apex to the base, and at its widest
WALL_MM, APEX_WALL_MM = 9.0, 7.0
SLICES, DISTANCE_MM, TOP_MM = 8, 9.0, 4.5  # slices of the stack; the highest one below the base
LEVELS = HEIGHT_MM - TOP_MM - DISTANCE_MM * np.arange(SLICES)[::-1]
AROUND = 2 * np.pi * np.arange(POINTS) / POINTS  # of a contour


@dataclass(frozen=True, kw_only=True)
class AnalyticVentricle:
    """A ventricle's motion from end-diastole to end-systole.

    Attributes:
        stretch: along the axis.
        ejection: fraction of the cavity's volume that leaves.
        torsion: degrees/cm, positive where the apex turns counter-clockwise seen from the apex.
    """

    stretch: float
    ejection: float
    torsion: float

    @property
    def name(self) -> str:
        """What tells it from others."""
        return (
            f"stretch {self.stretch:g}, EF {100 * self.ejection:g} %, "
            f"torsion {self.torsion:g} degrees/cm"
        )

    def moved(self, height: np.ndarray, depth: np.ndarray, angle: np.ndarray) -> np.ndarray:
        """Where points of the wall are at end-systole, ``(..., 3)`` in mm.

        Args:
            height: above the cavity's apex at end-diastole, mm.
            depth: 0 at the endocardium, 1 at the epicardium.
            angle: about the axis, radians.
        """
        inner, outer = radii(height)
        start = inner + depth * (outer - inner)
        squared = (start**2 - self.ejection * inner**2) / self.stretch
        turned = angle - np.deg2rad(self.torsion) * (HEIGHT_MM - height) / 10
        return _points(np.sqrt(squared), turned, self.stretch * height)


STILL = AnalyticVentricle(stretch=1.0, ejection=0.0, torsion=0.0)
#: Of weak, middling and vigorous ones each from all of the ejection around the axis to much of it
#: along: what a ventricle ejects does not say how far its base descends.
VENTRICLES = tuple(
    AnalyticVentricle(stretch=stretch, ejection=ejection, torsion=degrees)
    for ejection, degrees, stretches in (
        (0.3, 1.0, (1.0, 0.95, 0.9)),
        (0.5, 2.0, (1.0, 0.9, 0.8)),
        (0.6, 3.0, (1.0, 0.9, 0.8)),
    )
    for stretch in stretches
)


def radii(height: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radii of endo- and epicardium at heights above the cavity's apex, mm."""
    half = HEIGHT_MM / 1.25
    way = height - half
    inner = RADIUS_MM * np.sqrt(np.maximum(1 - (way / half) ** 2, 0))
    outer = (RADIUS_MM + WALL_MM) * np.sqrt(1 - (way / (half + APEX_WALL_MM)) ** 2)
    return inner, outer


def analytic_errors(settings: LiftSettings) -> Iterator[tuple[str, Errors]]:
    """Errors where the motion of the slices is what a perfect tracker of pictures would find.

    Args:
        settings: of the lift.

    Yields:
        Name and errors of each of :data:`VENTRICLES`.
    """
    for ventricle in VENTRICLES:
        yield ventricle.name, errors_of_lift(ventricle, settings)


def errors_of_lift(ventricle: AnalyticVentricle, settings: LiftSettings | None = None) -> Errors:
    """Errors of the lift of one ventricle, whose slices are circles and whose tracks are true.

    Args:
        ventricle: to be lifted.
        settings: of the lift; defaults if None.
    """
    contours = [
        Contours(endo=_circle(inner), epi=_circle(outer))
        for inner, outer in zip(*radii(LEVELS), strict=True)
    ]
    shape = heart_shape(LEVELS.tolist(), contours)
    grid = LEVELS[:, None, None], DEPTHS, ANGLES[:, None]
    before = STILL.moved(*grid)
    # The plane of a slice meets the tissue that lay higher.
    seen = ventricle.moved(grid[0] / ventricle.stretch, *grid[1:])
    moves = np.stack([np.zeros_like(before), seen - before])[..., :2]
    tracks = Tracks(levels=LEVELS, moves=moves, trust=np.ones(SLICES))
    lifted = lift(shape, tracks, shipped_modes(), settings)
    return lift_errors(lifted, tracks, 1, ventricle.moved(*grid) - before, true_numbers(ventricle))


def true_numbers(ventricle: AnalyticVentricle) -> dict[str, float]:
    """What is true of a ventricle, on the lattice, as the lift's numbers are taken.

    Args:
        ventricle: that moves.

    Returns:
        ``gls`` and ``ejection_fraction`` in %, ``torsion`` in degrees/cm.
    """
    grid = HEIGHT_MM * height_share(HEIGHTS)[:, None, None], DEPTHS, ANGLES[:, None]
    start, end = STILL.moved(*grid), ventricle.moved(*grid)
    return {
        "gls": float(100 * (meridian_length(end) / meridian_length(start) - 1)),
        "torsion": float(torsion(end, start)),
        "ejection_fraction": float(100 * (1 - cavity_volume(end) / cavity_volume(start))),
    }


def share_of_gls(errors: Mapping[str, Errors]) -> float:
    """Share of the differences in GLS between ventricles of one ejection fraction that is found.

    Args:
        errors: of :data:`VENTRICLES`, by name.

    Returns:
        Slope of what is found by what is true, least squares, each ejection fraction's means taken
        off: 1 where slices tell GLS, 0 where it is what ventricles of that ejection usually have.
    """
    true = {one.name: true_numbers(one)["gls"] for one in VENTRICLES}
    crossed = squared = 0.0
    for ejection in {one.ejection for one in VENTRICLES}:
        names = [one.name for one in VENTRICLES if one.ejection == ejection]
        x = np.array([true[name] for name in names])
        y = x + [errors[name].gls for name in names]
        crossed += float(((x - x.mean()) * y).sum())
        squared += float(((x - x.mean()) ** 2).sum())
    return crossed / squared


def gls_table(errors: Mapping[str, Errors]) -> str:
    """True and found GLS with its uncertainty in Markdown, a row an ejection fraction.

    Args:
        errors: of :data:`VENTRICLES`, by name.
    """
    rows: dict[float, list[str]] = {}
    for one in VENTRICLES:
        true, error = true_numbers(one)["gls"], errors[one.name]
        spread = error.gls / error.gls_in_spreads
        rows.setdefault(one.ejection, []).append(
            f"{true:.1f}: {true + error.gls:.1f} ± {spread:.1f}"
        )
    return "\n".join(f"| {100 * f:.0f} | {' | '.join(cells)} |" for f, cells in rows.items())


def _circle(radius: float) -> np.ndarray:
    return radius * np.stack([np.cos(AROUND), np.sin(AROUND)], axis=-1)


def _points(radius: np.ndarray, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
    parts = np.broadcast_arrays(radius * np.cos(angle), radius * np.sin(angle), height)
    return np.stack(parts, axis=-1)
