"""The shape of one short-axis ring of a left ventricle."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from myomotion.core.wall.contours import POINTS, Contours

LARGEST_REACH_MM = 56.0  # from the cavity's centre at end-diastole; fits the autoencoder's square


@dataclass(frozen=True, kw_only=True)
class RingShape:
    """Shape of one ring at end-diastole. Lengths in mm, angles in degrees.

    Attributes:
        cavity_radius: radius of the circle with the cavity's area.
        wall: mean wall thickness.
        eccentricity: half the relative difference of long and short axis.
        axis_angle: direction of the long axis.
        septal_angle: direction of the septum, from array axis 0 towards axis 1.
        septal_flattening: relative depth of the flattened septum.
        wall_asymmetry: relative thickening of the wall opposite the septum.
        endo_roughness: harmonics 3 to 8 of the endocardial radius, relative: cosine, sine.
        epi_roughness: the same of the epicardium.
        septal_width: standard deviation of the sector that is flattened, degrees.
        thin_angle: middle of a thinned sector (an old infarct).
        thin_width: its full width; 0 for none.
        thin_share: share of the wall that is missing there.
    """

    cavity_radius: float
    wall: float
    eccentricity: float
    axis_angle: float
    septal_angle: float
    septal_flattening: float
    wall_asymmetry: float
    endo_roughness: tuple[tuple[float, float], ...]
    epi_roughness: tuple[tuple[float, float], ...]
    septal_width: float = 40.0
    thin_angle: float = 0.0
    thin_width: float = 0.0
    thin_share: float = 0.0

    def contours(self, area_ratio: float, lambda_z: float) -> Contours:
        """The ring at end-systole, before inflation.

        The cavity's area is divided by ``area_ratio``; the muscle's area grows by ``lambda_z``, as
        it does when the ventricle shortens along its axis.

        Args:
            area_ratio: cavity area at end-diastole over that at end-systole.
            lambda_z: out-of-plane stretch from end-systole to end-diastole.

        Returns:
            Contours about the origin, in mm.
        """
        angle = 2 * np.pi * np.arange(POINTS) / POINTS
        muscle = (self.cavity_radius + self.wall) ** 2 - self.cavity_radius**2
        inner = self.cavity_radius / np.sqrt(area_ratio)
        outer = np.sqrt(inner**2 + lambda_z * muscle)
        profile = self._profile(angle)
        endo = inner * (profile + _harmonics(angle, self.endo_roughness))
        towards_septum = np.cos(angle - np.deg2rad(self.septal_angle))
        thickness = (outer - inner) * (1 - self.wall_asymmetry * towards_septum)
        thickness *= 1 - self.thin_share * _sector(angle, self.thin_angle, self.thin_width)
        epi = inner * profile + thickness + outer * _harmonics(angle, self.epi_roughness)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return Contours(endo=endo[:, None] * direction, epi=epi[:, None] * direction)

    def within_reach(self) -> RingShape:
        """The same shape, made smaller where it would reach beyond :data:`LARGEST_REACH_MM`."""
        thickest = self.wall * (1 + abs(self.wall_asymmetry))
        factor = LARGEST_REACH_MM / ((self.cavity_radius + thickest) * (1.1 + self.eccentricity))
        if factor >= 1:
            return self
        return replace(self, cavity_radius=self.cavity_radius * factor, wall=self.wall * factor)

    def _profile(self, angle: np.ndarray) -> np.ndarray:
        """Relative radius: an ellipse with a flattened septum, mean square 1."""
        oval = 1 + self.eccentricity * np.cos(2 * (angle - np.deg2rad(self.axis_angle)))
        apart = np.rad2deg(angle) - self.septal_angle
        apart = (apart + 180) % 360 - 180
        flat = 1 - self.septal_flattening * np.exp(-((apart / self.septal_width) ** 2) / 2)
        profile = oval * flat
        return profile / np.sqrt(np.mean(profile**2))


def draw_roughness(rng: np.random.Generator, size: float) -> tuple[tuple[float, float], ...]:
    """Harmonics 3 to 8 of a radius, relative: cosine and sine, weaker the finer they are."""
    return tuple(
        (float(rng.normal(0, size * 3 / k)), float(rng.normal(0, size * 3 / k)))
        for k in range(3, 9)
    )


def _sector(angle: np.ndarray, middle: float, width: float) -> np.ndarray:
    """1 within a sector, falling to 0 over 15 degrees about each of its ends."""
    apart = np.abs((np.rad2deg(angle) - middle + 180) % 360 - 180)
    return np.clip((width / 2 - apart) / 15 + 0.5, 0, 1) if width > 0 else np.zeros_like(angle)


def _harmonics(angle: np.ndarray, terms: tuple[tuple[float, float], ...]) -> np.ndarray:
    total = np.zeros_like(angle)
    for k, (cosine, sine) in enumerate(terms, start=3):
        total += cosine * np.cos(k * angle) + sine * np.sin(k * angle)
    return total
