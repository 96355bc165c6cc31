"""Ventricles of the virtual population: drawn as its slices are, with what only a volume has.

Shapes of the widest level are those of :mod:`fem_sim.population`. Sources of the other ranges:

- ejection fraction, length and volume: Petersen et al., JCMR 2017; Kawel-Boehm et al., JCMR 2020;
  of failing and of infarcted hearts wider than the guidelines' limits.
- filling, end-diastolic over unloaded volume: Klotz et al., AJP Heart 2006.
- fibre angles: Lombaert et al., IEEE TMI 2012 (about -41 to 66 degrees); Streeter et al., 1969.
- tension across the fibres: Lin and Yin, Journal of Biomechanical Engineering 1998 (40 % and more
  of that along them); Wenk et al., the same 2012, who need it to find measured strains.
- a scar does not contract and is stiff: Holmes, Borg and Covell, Annual Review of Biomedical
  Engineering 2005.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fem_sim.heart3d.heart import Heart, Scar3D
from fem_sim.heart3d.material import Guccione
from fem_sim.population.kinds import KINDS, Range, draw_kind, within
from fem_sim.population.subjects import draw_middle


@dataclass(frozen=True, kw_only=True)
class Volume:
    """Ranges of what a kind's volume has beside its widest level.

    Attributes:
        ejection_fraction: share of the end-diastolic volume.
        slenderness: length of the cavity over the radius of its widest level.
        filling: end-diastolic over unloaded cavity volume.
        end_diastolic_pressure: kPa.
        systolic_pressure: kPa.
    """

    ejection_fraction: Range = (0.57, 0.68)
    slenderness: Range = (3.3, 4.0)
    filling: Range = (1.3, 1.6)
    end_diastolic_pressure: Range = (0.8, 1.6)
    systolic_pressure: Range = (13.0, 17.0)


VOLUMES: dict[str, Volume] = {
    "normal": Volume(),
    "small": Volume(slenderness=(3.4, 4.2)),
    "athlete": Volume(ejection_fraction=(0.52, 0.64), filling=(1.35, 1.6)),
    "hypertrophic": Volume(
        ejection_fraction=(0.60, 0.74),
        slenderness=(3.6, 4.8),
        filling=(1.2, 1.4),
        end_diastolic_pressure=(1.6, 3.0),
        systolic_pressure=(14.0, 20.0),
    ),
    "dilated": Volume(
        ejection_fraction=(0.15, 0.40),
        slenderness=(2.6, 3.3),
        filling=(1.15, 1.35),
        end_diastolic_pressure=(1.6, 3.3),
        systolic_pressure=(12.0, 16.0),
    ),
    "infarcted": Volume(
        ejection_fraction=(0.28, 0.48),
        slenderness=(2.9, 3.6),
        filling=(1.15, 1.4),
        end_diastolic_pressure=(1.3, 2.8),
    ),
    "overloaded": Volume(ejection_fraction=(0.48, 0.64)),
}


def draw_heart(seed: int, subject: int, kind: str | None = None) -> Heart:
    """A ventricle; a function of its arguments alone.

    Args:
        seed: of the population.
        subject: number of the ventricle.
        kind: key of :data:`VOLUMES`; None draws one as often as it is in the population.
    """
    rng = np.random.default_rng([seed, subject, 3])
    name = draw_kind(rng) if kind is None else kind
    ring, volume = draw_middle(KINDS[name], rng), VOLUMES[name]
    along = float(rng.uniform(6.0, 10.0))
    return Heart(
        kind=name,
        ring=ring,
        length=ring.cavity_radius * within(rng, volume.slenderness),
        base=float(rng.uniform(0.2, 0.4)),
        apex_wall=float(rng.uniform(0.55, 0.85)),
        ejection_fraction=within(rng, volume.ejection_fraction),
        filling=within(rng, volume.filling),
        end_diastolic_pressure=within(rng, volume.end_diastolic_pressure),
        systolic_pressure=within(rng, volume.systolic_pressure),
        fibre_endo=float(rng.uniform(52.0, 68.0)),
        fibre_epi=-float(rng.uniform(48.0, 66.0)),
        cross_tension=float(rng.uniform(0.1, 0.25)),
        material=Guccione(
            c_kpa=1.0, bf=along, bt=along * float(rng.uniform(0.2, 0.35)), bfs=along / 2
        ),
        base_springs=float(np.exp(rng.uniform(np.log(0.1), np.log(1.0)))),
        scar=_draw_scar(name, rng),
    )


def _draw_scar(kind: str, rng: np.random.Generator) -> Scar3D | None:
    if rng.random() >= KINDS[kind].scarred:
        return None
    middle, half = float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.12, 0.3))
    return Scar3D(
        angle=float(rng.uniform(-180, 180)),
        width=float(rng.uniform(50, 130)),
        low=middle - half,
        high=middle + half,
        stiffness=float(np.exp(rng.uniform(np.log(3.0), np.log(15.0)))),
        contractility=float(rng.uniform(0.0, 0.3)),
    )
