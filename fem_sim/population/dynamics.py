"""What makes rings move apart besides their shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fem_sim.mechanics.parameters import Scar, SimulationParameters
from fem_sim.population.kinds import KINDS, Kind, draw_kind, within
from myomotion.core.segments import LEVELS

PRESETS = ("paper", "physiological")
MIN_AREA_RATIO, MAX_AREA_RATIO = 1.05, 7.0
MAX_LAMBDA_Z = 1.3


@dataclass(frozen=True, kw_only=True)
class Dynamics:
    """What the slices of a subject share besides their shape.

    Attributes:
        shortening: growth of the muscle's in-plane area per ejected share of the cavity's area.
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
        growth = self.shortening * (1 - 1 / area_ratio) * own
        return SimulationParameters(
            area_ratio=area_ratio,
            lambda_z=float(min(1 + growth, MAX_LAMBDA_Z)),
            scar=self.scar if level in self.scarred else None,
            support=self.support,
            torsion=self.torsion * float(rng.uniform(0.7, 1.3)),
        )


def draw_dynamics(preset: str, rng: np.random.Generator, kind: str | None = None) -> Dynamics:
    """Draw what a preset varies besides shape.

    Args:
        preset: ``paper`` varies nothing; ``physiological`` see :class:`Dynamics`.
        rng: source of randomness.
        kind: of the heart, a key of :data:`~fem_sim.population.kinds.KINDS`; None draws one.

    Returns:
        The dynamics.

    Raises:
        ValueError: for an unknown preset.
    """
    check_preset(preset)
    if preset == "paper":
        return Dynamics()
    heart = KINDS[draw_kind(rng) if kind is None else kind]
    scar, scarred = _draw_scar(heart, rng)
    return Dynamics(
        shortening=within(rng, heart.shortening),
        scar=scar,
        scarred=scarred,
        support=float(rng.uniform(0.02, 0.3)) if rng.random() < 0.5 else 0.0,
        torsion=float(rng.uniform(-3.0, 12.0)),
    )


def _draw_scar(heart: Kind, rng: np.random.Generator) -> tuple[Scar | None, tuple[str, ...]]:
    """A stiff sector and the levels that it reaches: one, or two that are neighbours."""
    if rng.random() >= heart.scarred:
        return None, ()
    scar = Scar(
        angle=float(rng.uniform(-180, 180)),
        width=float(rng.uniform(40, 140)),
        stiffness=float(np.exp(rng.uniform(*np.log(heart.stiffness)))),
    )
    first = int(rng.integers(0, len(LEVELS)))
    return scar, LEVELS[max(0, first - 1) : first + 1]


def draw_area_ratio(rng: np.random.Generator) -> float:
    """Cavity area ratio ED / ES of a ring whose own change is not known."""
    return within(rng, KINDS[draw_kind(rng)].area_ratio)


def check_preset(preset: str) -> None:
    """Raise a ValueError unless the preset is known."""
    if preset not in PRESETS:
        raise ValueError(f"preset {preset!r} is unknown; use one of: {', '.join(PRESETS)}.")
