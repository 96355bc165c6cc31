"""Virtual subjects: a heart of some kind in three slices, base to apex.

Shapes are drawn at end-diastole, where the literature gives them (:mod:`fem_sim.population.kinds`),
and shrunk to the undeformed end-systolic ring by conservation of muscle volume.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

import numpy as np

from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.population.dynamics import (
    MAX_AREA_RATIO,
    MIN_AREA_RATIO,
    Dynamics,
    check_preset,
    draw_dynamics,
)
from fem_sim.population.kinds import KINDS, Kind, draw_kind, within
from fem_sim.population.shape import RingShape, draw_roughness
from myomotion.core.segments import LEVELS
from myomotion.core.wall.contours import Contours


@dataclass(frozen=True, kw_only=True)
class VirtualSlice:
    """One slice of a virtual subject: what is needed to simulate it.

    Attributes:
        kind: of the heart, a key of :data:`~fem_sim.population.kinds.KINDS`.
        level: basal, mid or apical.
        contours: undeformed (end-systolic) ring.
        parameters: of the simulation.
        shape: JSON-ready record of the shape.
    """

    kind: str
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
    kind = draw_kind(rng)
    heart = KINDS[kind]
    middle = draw_middle(heart, rng)
    ratio = within(rng, heart.area_ratio)
    dynamics = draw_dynamics(preset, rng, kind)
    thinned = within(rng, heart.thinned)
    right_ventricle = within(rng, heart.right_ventricle)
    slices = []
    for level in LEVELS:
        shape = _shape_at(level, middle, dynamics, thinned, rng)
        own = _ratio_at(level, ratio, heart, rng)
        parameters = dynamics.parameters(own, level, rng)
        slices.append(
            VirtualSlice(
                kind=kind,
                level=level,
                contours=shape.contours(own, parameters.lambda_z),
                parameters=parameters,
                shape={**asdict(shape), "right_ventricle": right_ventricle},
            )
        )
    return slices


def draw_middle(heart: Kind, rng: np.random.Generator) -> RingShape:
    """The ring at mid level."""
    return RingShape(
        cavity_radius=within(rng, heart.cavity_radius),
        wall=within(rng, heart.wall),
        eccentricity=float(np.clip(abs(rng.normal(0.0, 0.05)), 0.0, 0.15)),
        axis_angle=float(rng.uniform(0, 180)),
        septal_angle=float(np.clip(rng.normal(155.0, 15.0), 110.0, 200.0)),
        septal_flattening=within(rng, heart.flattening),
        wall_asymmetry=within(rng, heart.asymmetry),
        endo_roughness=(),
        epi_roughness=(),
        septal_width=float(rng.uniform(30, 50)),
    )


def _shape_at(
    level: str,
    middle: RingShape,
    dynamics: Dynamics,
    thinned: float,
    rng: np.random.Generator,
) -> RingShape:
    """The ring at one level: slices of a heart are alike."""
    size, thickness = {
        "basal": (rng.normal(1.04, 0.04), rng.normal(1.03, 0.06)),
        "mid": (1.0, 1.0),
        "apical": (rng.normal(0.64, 0.11), rng.normal(0.95, 0.09)),
    }[level]
    scar = dynamics.scar if level in dynamics.scarred else None
    return RingShape(
        cavity_radius=middle.cavity_radius * float(np.clip(size, 0.35, 1.2)),
        wall=middle.wall * float(np.clip(thickness, 0.7, 1.2)),
        eccentricity=_near(rng, middle.eccentricity, 0.015, 0.0, 0.18),
        axis_angle=middle.axis_angle + float(rng.normal(0, 10)),
        septal_angle=middle.septal_angle + float(rng.normal(0, 4)),
        septal_flattening=_near(rng, middle.septal_flattening, 0.015, 0.0, 0.36),
        wall_asymmetry=_near(rng, middle.wall_asymmetry, 0.04, -0.5, 0.3),
        endo_roughness=draw_roughness(rng, 0.018),
        epi_roughness=draw_roughness(rng, 0.009),
        septal_width=middle.septal_width,
        thin_angle=scar.angle if scar else 0.0,
        thin_width=scar.width if scar else 0.0,
        thin_share=thinned if scar else 0.0,
    ).within_reach()


def _ratio_at(level: str, ratio: float, heart: Kind, rng: np.random.Generator) -> float:
    """Area ratio at one level: the apex contracts more than the base."""
    vigour = {
        "basal": rng.uniform(0.75, 1.0),
        "mid": 1.0,
        "apical": within(rng, heart.apical_vigour),
    }
    own = (1 + (ratio - 1) * vigour[level]) * rng.normal(1.0, 0.03)
    return float(np.clip(own, MIN_AREA_RATIO, MAX_AREA_RATIO))


def _near(rng: np.random.Generator, value: float, spread: float, low: float, high: float) -> float:
    return float(np.clip(value + rng.normal(0, spread), low, high))
