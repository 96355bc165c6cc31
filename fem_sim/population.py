"""A virtual population of short-axis left-ventricular rings and of what makes them move apart.

Shapes are drawn at end-diastole, where the literature gives them, and shrunk to the undeformed
end-systolic ring by conservation of muscle volume. Sources of the ranges:

- end-diastolic diameter and wall thickness of healthy and dilated hearts: Petersen et al.,
  Reference ranges for cardiac structure and function using CMR in Caucasians from the UK Biobank
  population cohort, JCMR 2017; Kawel-Boehm et al., Reference ranges ("normal values") for
  cardiovascular magnetic resonance in adults and children: 2020 update, JCMR 2020.
- taper from base to apex, and the shape's main variations (size, sphericity, wall thickness):
  Bai et al., A bi-ventricular cardiac atlas built from 1000+ high resolution MR images, Medical
  Image Analysis 2015.
- longitudinal shortening 10 to 22 %, which sets the in-plane area change of the muscle:
  Kawel-Boehm et al. 2020 (global longitudinal strain).
- endocardium turning against the epicardium by a few degrees: Stöhr et al., Left ventricular twist
  mechanics in the context of normal physiology and cardiovascular disease, AJP Heart 2016.
- infarcts stiffer than healthy muscle by a factor of about 2 to 8: Holmes, Borg and Covell,
  Structure and mechanics of healing myocardial infarcts, Annual Review of Biomedical Engineering
  2005.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from fem_sim.geometry.contours import POINTS, Contours
from fem_sim.mechanics.parameters import Scar, SimulationParameters
from myomotion.core.segments import LEVELS

PRESETS = ("paper", "physiological")
MIN_AREA_RATIO, MAX_AREA_RATIO = 1.2, 3.0
MAX_LAMBDA_Z = 1.4
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
        epi = inner * profile + thickness + outer * _harmonics(angle, self.epi_roughness)
        direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        return Contours(endo=endo[:, None] * direction, epi=epi[:, None] * direction)

    def _profile(self, angle: np.ndarray) -> np.ndarray:
        """Relative radius: an ellipse with a flattened septum, mean square 1."""
        oval = 1 + self.eccentricity * np.cos(2 * (angle - np.deg2rad(self.axis_angle)))
        apart = (angle - np.deg2rad(self.septal_angle) + np.pi) % (2 * np.pi) - np.pi
        flat = 1 - self.septal_flattening * np.exp(-((apart / 0.7) ** 2) / 2)
        profile = oval * flat
        return profile / np.sqrt(np.mean(profile**2))


@dataclass(frozen=True, kw_only=True)
class VirtualSlice:
    """One slice of a virtual subject: what is needed to simulate it.

    Attributes:
        level: basal, mid or apical.
        contours: undeformed (end-systolic) ring.
        parameters: of the simulation.
        shape: JSON-ready record of the shape.
    """

    level: str
    contours: Contours
    parameters: SimulationParameters
    shape: dict[str, object]


def draw_subject(preset: str, seed: int, subject: int) -> list[VirtualSlice]:
    """Three slices of a subject, basal to apical; a function of its arguments alone.

    Args:
        preset: ``paper`` (plane strain, one material) or ``physiological`` (out-of-plane
            shortening, scars, epicardial support, torsion).
        seed: of the population.
        subject: number of the subject.

    Returns:
        The slices.

    Raises:
        ValueError: for an unknown preset.
    """
    check_preset(preset)
    rng = np.random.default_rng([seed, subject])
    base = {
        "cavity_radius": float(np.clip(rng.normal(27.0, 4.5), 18.0, 38.0)),
        "wall": float(np.clip(rng.normal(8.6, 1.9), 5.0, 15.0)),
        "eccentricity": float(np.clip(abs(rng.normal(0.0, 0.05)), 0.0, 0.15)),
        "axis_angle": float(rng.uniform(0, 180)),
        "septal_angle": float(np.clip(rng.normal(155.0, 15.0), 110.0, 200.0)),
        "septal_flattening": float(np.clip(abs(rng.normal(0.0, 0.06)), 0.0, 0.18)),
        "wall_asymmetry": float(np.clip(rng.normal(0.0, 0.1), -0.25, 0.25)),
    }
    strength = rng.beta(1.5, 1.7)
    if base["cavity_radius"] > 31.0:  # dilated hearts contract less
        strength *= 0.7
    dynamics = draw_dynamics(preset, rng)
    slices = []
    for level, size, thickness, more in (
        ("basal", rng.normal(1.04, 0.03), rng.normal(1.03, 0.05), 0.92),
        ("mid", 1.0, 1.0, 1.0),
        ("apical", rng.normal(0.7, 0.07), rng.normal(0.93, 0.07), 1.15),
    ):
        ratio = MIN_AREA_RATIO + strength * (MAX_AREA_RATIO - MIN_AREA_RATIO) * more
        ratio = float(np.clip(ratio * rng.normal(1.0, 0.03), MIN_AREA_RATIO, MAX_AREA_RATIO))
        shape = RingShape(
            cavity_radius=base["cavity_radius"] * float(size),
            wall=base["wall"] * float(thickness),
            eccentricity=_near(rng, base["eccentricity"], 0.015, 0.0, 0.18),
            axis_angle=base["axis_angle"] + float(rng.normal(0, 10)),
            septal_angle=base["septal_angle"] + float(rng.normal(0, 4)),
            septal_flattening=_near(rng, base["septal_flattening"], 0.015, 0.0, 0.2),
            wall_asymmetry=_near(rng, base["wall_asymmetry"], 0.03, -0.3, 0.3),
            endo_roughness=_draw_roughness(rng, 0.018),
            epi_roughness=_draw_roughness(rng, 0.009),
        )
        reach = (shape.cavity_radius + shape.wall) * 1.15
        if reach > LARGEST_REACH_MM:
            factor = LARGEST_REACH_MM / reach
            shape = RingShape(
                **{
                    **shape.__dict__,
                    "cavity_radius": shape.cavity_radius * factor,
                    "wall": shape.wall * factor,
                }
            )
        parameters = dynamics.parameters(ratio, level, rng)
        slices.append(
            VirtualSlice(
                level=level,
                contours=shape.contours(ratio, parameters.lambda_z),
                parameters=parameters,
                shape=asdict(shape),
            )
        )
    return slices


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """What the slices of a subject share besides their shape.

    Attributes:
        shortening: growth of the muscle's in-plane area per unit of cavity area change.
        scar: stiff sector, or None.
        scarred: levels that the scar reaches.
        support: stiffness of epicardial springs in kPa / mm.
        torsion: rotation of the endocardium against the epicardium at end-systole, degrees.
    """

    shortening: float = 0.0
    scar: Scar | None = None
    scarred: tuple[str, ...] = ()
    support: float = 0.0
    torsion: float = 0.0

    def parameters(
        self, area_ratio: float, level: str, rng: np.random.Generator
    ) -> SimulationParameters:
        """Parameters of one slice.

        Args:
            area_ratio: cavity area at end-diastole over that at end-systole.
            level: basal, mid or apical.
            rng: draws what differs between slices.

        Returns:
            The parameters.
        """
        own = float(rng.uniform(0.75, 1.25))
        growth = self.shortening * (area_ratio - 1) * own
        return SimulationParameters(
            area_ratio=area_ratio,
            lambda_z=float(min(1 + growth, MAX_LAMBDA_Z)),
            scar=self.scar if level in self.scarred else None,
            support=self.support,
            torsion=self.torsion * float(rng.uniform(0.7, 1.3)),
        )


def draw_dynamics(preset: str, rng: np.random.Generator) -> Dynamics:
    """Draw what a preset varies besides shape.

    Args:
        preset: ``paper`` varies nothing; ``physiological`` see :class:`Dynamics`.
        rng: source of randomness.

    Returns:
        The dynamics.

    Raises:
        ValueError: for an unknown preset.
    """
    check_preset(preset)
    if preset == "paper":
        return Dynamics()
    shortening = float(rng.uniform(0.02, 0.26))
    scar: Scar | None = None
    scarred: tuple[str, ...] = ()
    if rng.random() < 0.3:
        scar = Scar(
            angle=float(rng.uniform(-180, 180)),
            width=float(rng.uniform(40, 120)),
            stiffness=float(np.exp(rng.uniform(np.log(2.0), np.log(8.0)))),
        )
        first = int(rng.integers(0, 3))
        scarred = LEVELS[max(0, first - 1) : first + 1]
    support = float(rng.uniform(0.02, 0.3)) if rng.random() < 0.5 else 0.0
    return Dynamics(
        shortening=shortening,
        scar=scar,
        scarred=scarred,
        support=support,
        torsion=float(rng.uniform(-3.0, 12.0)),
    )


def draw_area_ratio(rng: np.random.Generator) -> float:
    """Cavity area ratio ED / ES of a ring whose own change is not known."""
    return float(MIN_AREA_RATIO + rng.beta(1.5, 1.7) * (MAX_AREA_RATIO - MIN_AREA_RATIO))


def check_preset(preset: str) -> None:
    """Raise a ValueError unless the preset is known."""
    if preset not in PRESETS:
        raise ValueError(f"preset {preset!r} is unknown; use one of: {', '.join(PRESETS)}.")


def _near(rng: np.random.Generator, value: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(value + rng.normal(0, spread), low, high))


def _draw_roughness(rng: np.random.Generator, size: float) -> tuple[tuple[float, float], ...]:
    return tuple(
        (float(rng.normal(0, size * 3 / k)), float(rng.normal(0, size * 3 / k)))
        for k in range(3, 9)
    )


def _harmonics(angle: np.ndarray, terms: tuple[tuple[float, float], ...]) -> np.ndarray:
    total = np.zeros_like(angle)
    for k, (cosine, sine) in enumerate(terms, start=3):
        total += cosine * np.cos(k * angle) + sine * np.sin(k * angle)
    return total
