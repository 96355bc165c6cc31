"""Outlines of a heart slice at ED: LV contours from the cycle, an RV crescent drawn around them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


def polar(points: np.ndarray, centre: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Radius in mm and angle in radians (array axis 0 to axis 1) of points (2, ...)."""
    x, y = points[0] - centre[0], points[1] - centre[1]
    return np.hypot(x, y), np.arctan2(y, x)


@dataclass(frozen=True)
class HeartGeometry:
    """Star-shaped LV outlines and an RV: an ellipse, or an egg, minus the LV.

    Attributes:
        centre: (2,) LV centroid, mm.
        angles: (N,) increasing angles of the outline samples, radians in [-pi, pi).
        endo, epi: (N,) outline radii, mm.
        septal_angle: direction of the septum, radians.
        rv_centre: (2,) centre of the RV ellipse, mm.
        rv_axes: (2,) half axes along and across the septal direction, mm.
        rv_wall: thickness of the RV free wall, mm.
        rv_taper: how much narrower the RV is at its far end than at its middle, a share; negative
            at the septum.
    """

    centre: np.ndarray
    angles: np.ndarray
    endo: np.ndarray
    epi: np.ndarray
    septal_angle: float
    rv_centre: np.ndarray
    rv_axes: np.ndarray
    rv_wall: float
    rv_taper: float = 0.0

    def endo_radius(self, angle: np.ndarray) -> np.ndarray:
        """Endocardial radius along each angle, mm."""
        return np.interp(angle, self.angles, self.endo, period=2 * np.pi)

    def epi_radius(self, angle: np.ndarray) -> np.ndarray:
        """Epicardial radius along each angle, mm."""
        return np.interp(angle, self.angles, self.epi, period=2 * np.pi)

    def epi_points(self, angle: np.ndarray) -> np.ndarray:
        """(2, N) epicardial points along each angle, mm."""
        direction = np.stack([np.cos(angle), np.sin(angle)])
        return self.centre[:, None] + self.epi_radius(angle) * direction

    def rv_distance(self, points: np.ndarray) -> np.ndarray:
        """Approximate signed distance to the RV ellipse, mm, negative inside."""
        x, y = points[0] - self.rv_centre[0], points[1] - self.rv_centre[1]
        cos, sin = np.cos(self.septal_angle), np.sin(self.septal_angle)
        along, across = (cos * x + sin * y) / self.rv_axes[0], (cos * y - sin * x) / self.rv_axes[1]
        across = across / (1 - self.rv_taper * np.clip(along, -1, 1))
        level = np.hypot(along, across)
        slope = np.hypot(along / self.rv_axes[0], across / self.rv_axes[1])
        return (level - 1) * level / np.maximum(slope, 1e-6)

    def outside_lv(self, points: np.ndarray) -> np.ndarray:
        """Radial distance beyond the epicardium, mm, negative inside."""
        radius, angle = polar(points, self.centre)
        return radius - self.epi_radius(angle)

    def rv_free_wall(self, points: np.ndarray) -> np.ndarray:
        """Mask of the RV free wall, at least 5 mm away from the LV (off the insertions)."""
        distance = self.rv_distance(points)
        return (
            (distance > 0) & (distance <= max(self.rv_wall, 3.0)) & (self.outside_lv(points) > 5.0)
        )

    def inside_heart(self, points: np.ndarray) -> np.ndarray:
        """Mask of both ventricles with their walls."""
        return (self.outside_lv(points) <= 0) | (self.rv_distance(points) <= self.rv_wall)

    def outer_radius(self, angle: float) -> float:
        """Distance from the LV centroid to the outer heart border along one angle, mm."""
        steps = np.arange(1.0, 110.0, 0.5)
        line = self.centre[:, None] + steps * np.array([[np.cos(angle)], [np.sin(angle)]])
        return float(steps[self.inside_heart(line)].max())


def heart_geometry(
    endo: np.ndarray,
    epi: np.ndarray,
    level: str,
    septal_angle: float,
    rng: np.random.Generator,
    right_ventricle: float = 1.0,
) -> HeartGeometry:
    """Outlines from ED contours (N, 2) in mm, with an RV whose size depends on the level.

    Args:
        endo: endocardium.
        epi: epicardium.
        level: basal, mid or apical.
        septal_angle: direction of the septum, radians.
        rng: draws the right ventricle.
        right_ventricle: its size, relative to the usual one.
    """
    centre = endo.mean(axis=0)
    angles = np.linspace(-np.pi, np.pi, 360, endpoint=False)
    radii = [_star_radius(contour, centre, angles) for contour in (endo, epi)]
    mean_epi = float(radii[1].mean())
    scale = {"basal": 1.0, "mid": 0.85, "apical": 0.6}[level]
    reach = mean_epi * (1.0 + scale * right_ventricle * rng.uniform(0.65, 0.85))
    half_across = mean_epi * (0.66 + 0.34 * scale) * rng.uniform(0.93, 1.05)
    half_across *= np.sqrt(right_ventricle)
    half_across = max(half_across, 1.0)  # none at all lies within the left ventricle
    half_along = 0.5 * (reach + 0.05 * mean_epi)
    shift = reach - half_along
    direction = np.array([np.cos(septal_angle), np.sin(septal_angle)])
    return HeartGeometry(
        centre=centre,
        angles=angles,
        endo=radii[0],
        epi=radii[1],
        septal_angle=septal_angle,
        rv_centre=centre + shift * direction,
        rv_axes=np.array([half_along, half_across]),
        rv_wall=float(rng.uniform(2.5, 3.5)),
    )


def _star_radius(contour: np.ndarray, centre: np.ndarray, angles: np.ndarray) -> np.ndarray:
    """Radius of a star-shaped polygon along each angle, mm."""
    radius, angle = polar(contour.T, centre)
    order = np.argsort(angle)
    return np.interp(angles, angle[order], radius[order], period=2 * np.pi)
