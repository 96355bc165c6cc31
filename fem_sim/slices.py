"""One slice to simulate: a ring of a virtual subject, or of a label map."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fem_sim.files import write_rejection
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.materials.registry import material_named
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.unload import unload
from fem_sim.population.dynamics import draw_area_ratio, draw_dynamics
from fem_sim.population.subjects import draw_subject
from fem_sim.settings import DatasetSettings
from fem_sim.simulations import SimulationJob
from myomotion.core.segments import LEVELS
from myomotion.core.wall.contours import Contours, RejectedSliceError, contours_from_labels

SPACING_MM = 1.5
UNLOADING_SUPPORT = 3.0  # kPa / mm, springs on the epicardium when starting from end-diastole


@dataclass(frozen=True, kw_only=True)
class SliceJob(SimulationJob):
    """One slice to simulate.

    Attributes:
        settings: of the data set.
        subject: name of the subject.
        subject_index: number of the subject, which decides on the split.
        level: basal, mid or apical.
        labels: the slice's label map, or None for a virtual subject.
        ratio: cavity area ratio ED / ES asked for or measured; None draws one.
        made_of: SHA-256 of the label map's file and the ratio; None for a virtual subject.
    """

    settings: DatasetSettings
    subject: str
    subject_index: int
    level: str
    labels: np.ndarray | None = None
    ratio: float | None = None
    made_of: str | None = None


def simulate_slice(job: SliceJob) -> None:
    """Simulate one slice and save it, or note why that cannot be done.

    Args:
        job: what to do.
    """
    try:
        cycle = _simulate(job)
    except RejectedSliceError as error:
        write_rejection(job.rejection, job.name, str(error))
        return
    cycle.save(job.path)


def _simulate(job: SliceJob) -> Cycle:
    settings = job.settings
    if job.labels is None:
        contours, parameters, origin = _virtual_ring(job)
    else:
        contours, parameters, origin = _ring_of_labels(job, job.labels)
    cycle = simulate_cycle(contours, parameters, spacing=SPACING_MM, grid=settings.grid)
    return cycle.with_provenance(
        preset=settings.preset,
        seed=settings.seed,
        subject=job.subject,
        level=job.level,
        **origin,
    )


def _virtual_ring(job: SliceJob) -> tuple[Contours, SimulationParameters, dict[str, Any]]:
    settings = job.settings
    subject = draw_subject(settings.preset, settings.seed, job.subject_index)
    drawn = subject[LEVELS.index(job.level)]
    origin = {"kind": drawn.kind, "shape": drawn.shape, "source": "virtual population"}
    return drawn.contours, _chosen(drawn.parameters, settings), origin


def _ring_of_labels(
    job: SliceJob, labels: np.ndarray
) -> tuple[Contours, SimulationParameters, dict[str, Any]]:
    settings = job.settings
    rng = np.random.default_rng([settings.seed, job.subject_index])
    dynamics = draw_dynamics(settings.preset, rng)
    ratio = draw_area_ratio(rng) if job.ratio is None else job.ratio
    own = np.random.default_rng([settings.seed, job.subject_index, LEVELS.index(job.level)])
    parameters = _chosen(dynamics.parameters(ratio, job.level, own), settings)
    contours = contours_from_labels(labels, SPACING_MM)
    if settings.phase == "ED":
        # Without support an oval ring unloads to a slit, which no ventricle is.
        parameters = replace(parameters, support=max(parameters.support, UNLOADING_SUPPORT))
        contours = unload(contours, parameters)
    known = "drawn" if job.ratio is None else "given or measured"
    return contours, parameters, {"source": f"{settings.phase} label map", "ratio_source": known}


def _chosen(parameters: SimulationParameters, settings: DatasetSettings) -> SimulationParameters:
    """Drawn parameters with what the user chose."""
    material = material_named(settings.material)
    return replace(parameters, levels=settings.levels, material=material)
