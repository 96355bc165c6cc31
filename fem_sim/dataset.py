"""Make folders of simulated cycles: virtual subjects, or rings from label maps."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.files import claim_folder, split_items, write_json
from fem_sim.geometry.contours import Contours, RejectedSliceError, contours_from_labels
from fem_sim.geometry.labels import (
    CAVITY,
    MYOCARDIUM,
    LabelError,
    LabelSlice,
    find_label_files,
    read_label_slices,
)
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.unload import unload
from fem_sim.parallel import run_jobs
from fem_sim.population import LEVELS, check_preset, draw_area_ratio, draw_dynamics, draw_subject

LOG = logging.getLogger(__name__)
PHASES = ("ES", "ED")
SPACING_MM = 1.5
REJECTED = "rejected"
UNLOADING_SUPPORT = 3.0  # kPa / mm, springs on the epicardium when starting from end-diastole


@dataclass(frozen=True, kw_only=True)
class SliceJob:
    """One slice to simulate, small enough to be sent to another process.

    Attributes:
        output: folder of the data set.
        name: file name without suffix.
        subject: name of the subject.
        subject_index: number of the subject, which decides on the split.
        level: basal, mid or apical.
        preset: of the physics.
        seed: of the data set.
        grid: frame of reference, ED or ES.
        levels: pressures of the cycle.
        labels: the slice's label map, or None for a virtual subject.
        phase: of ``labels``.
        ratio: cavity area ratio ED / ES asked for or measured; None draws one.
    """

    output: str
    name: str
    subject: str
    subject_index: int
    level: str
    preset: str
    seed: int
    grid: str = "ED"
    levels: int = 50
    labels: np.ndarray | None = None
    phase: str = "ES"
    ratio: float | None = None

    @property
    def path(self) -> Path:
        """The cycle's file."""
        return Path(self.output) / f"{self.name}.npz"

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if the slice cannot be simulated."""
        return Path(self.output) / REJECTED / f"{self.name}.json"


def simulate_dataset(
    output: Path | str,
    *,
    preset: str = "paper",
    count: int = 60,
    seed: int = 0,
    sources: Sequence[Path | str] = (),
    coding: str | None = None,
    phase: str = "ES",
    ratio: float | None = None,
    grid: str = "ED",
    levels: int = 50,
    workers: int = 1,
    progress: bool = True,
    scheduler: str | None = None,
) -> Path:
    """Simulate slices into a folder and list them in ``datalist.json``.

    Slices that an earlier run finished are kept; a folder made with other settings is refused. The
    list has the sections ``training``, ``validation`` and ``test`` (split by subject) with
    ``cycle`` (file name), ``subject`` and ``level``, and ``rejected`` with ``name``, ``reason``.

    Args:
        output: folder of the cycles, made if needed.
        preset: ``paper`` or ``physiological``.
        count: slices of the virtual population, three a subject.
        seed: of everything drawn.
        sources: label maps or folders of them, instead of the virtual population.
        coding: label coding of the sources (:data:`fem_sim.geometry.labels.CODINGS`).
        phase: cardiac phase of the sources, ``ES`` or ``ED``; rings at ED are unloaded first
            (:func:`fem_sim.mechanics.unload.unload`), with springs on the epicardium.
        ratio: cavity area ratio ED / ES for all sources; by default it is measured where the
            other phase lies beside a source, and drawn from the population's where not.
        grid: frame that the fields refer to, ``ED`` or ``ES``.
        levels: pressures of a cycle.
        workers: processes.
        progress: show a progress bar.
        scheduler: address of a Dask cluster to simulate on; its workers see `output` under the
            same path.

    Returns:
        Path of the data list.

    Raises:
        ValueError: for an argument that makes no sense, or a folder of other settings.
        LabelError: for sources that do not exist.
        OutputError: for a folder that cannot be written.
        RuntimeError: if no slice at all could be simulated.
    """
    _check_arguments(preset, count, sources, coding, phase, ratio, grid, workers)
    output = Path(output)
    settings = {
        "preset": preset,
        "seed": seed,
        "sources": [str(s) for s in sources],
        "coding": coding,
        "phase": phase,
        "ratio": ratio,
        "grid": grid,
        "levels": levels,
    }
    rejected: list[dict[str, str]] = []
    common: dict[str, Any] = {
        "output": str(output.absolute()),
        "preset": preset,
        "seed": seed,
        "grid": grid,
        "levels": levels,
    }
    if sources:
        jobs = _jobs_of_sources(sources, str(coding), phase, ratio, common, rejected)
    else:
        jobs = _jobs_of_population(count, common)
    claim_folder(output, settings)
    (output / REJECTED).mkdir(exist_ok=True)
    for rest in output.glob(".part*"):
        rest.unlink()
    waiting = [job for job in jobs if not _is_finished(job)]
    run_jobs(
        simulate_slice,
        waiting,
        workers=workers,
        description="simulating",
        unit="slice",
        finished=len(jobs) - len(waiting),
        progress=progress,
        scheduler=scheduler,
    )
    return _write_list(output, jobs, rejected)


def simulate_slice(job: SliceJob) -> None:
    """Simulate one slice and save it, or note why that cannot be done.

    Args:
        job: what to do.
    """
    try:
        cycle = _simulate(job)
    except RejectedSliceError as error:
        write_json(job.rejection, {"name": job.name, "reason": str(error)})
        return
    cycle.save(job.path)


def _simulate(job: SliceJob) -> Cycle:
    origin: dict[str, Any]
    if job.labels is None:
        drawn = draw_subject(job.preset, job.seed, job.subject_index)[LEVELS.index(job.level)]
        contours, parameters = drawn.contours, replace(drawn.parameters, levels=job.levels)
        origin = {"shape": drawn.shape, "source": "virtual population"}
    else:
        contours, parameters, origin = _ring_of_labels(job)
    cycle = simulate_cycle(contours, parameters, spacing=SPACING_MM, grid=job.grid)
    return cycle.with_provenance(
        preset=job.preset,
        seed=job.seed,
        subject=job.subject,
        level=job.level,
        **origin,
    )


def _ring_of_labels(job: SliceJob) -> tuple[Contours, SimulationParameters, dict[str, Any]]:
    assert job.labels is not None
    rng = np.random.default_rng([job.seed, job.subject_index])
    dynamics = draw_dynamics(job.preset, rng)
    ratio = draw_area_ratio(rng) if job.ratio is None else job.ratio
    own = np.random.default_rng([job.seed, job.subject_index, LEVELS.index(job.level)])
    parameters = replace(dynamics.parameters(ratio, job.level, own), levels=job.levels)
    contours = contours_from_labels(job.labels, SPACING_MM)
    if job.phase == "ED":
        # Without support an oval ring unloads to a slit, which no ventricle is.
        parameters = replace(parameters, support=max(parameters.support, UNLOADING_SUPPORT))
        contours = unload(contours, parameters)
    known = "drawn" if job.ratio is None else "given or measured"
    return contours, parameters, {"source": f"{job.phase} label map", "ratio_source": known}


def _jobs_of_population(count: int, common: dict[str, Any]) -> list[SliceJob]:
    jobs = []
    for index in range(count):
        subject, level = divmod(index, len(LEVELS))
        name = f"s{subject:05d}"
        jobs.append(
            SliceJob(
                name=f"{name}_{LEVELS[level]}",
                subject=name,
                subject_index=subject,
                level=LEVELS[level],
                **common,
            )
        )
    return jobs


def _jobs_of_sources(
    sources: Sequence[Path | str],
    coding: str,
    phase: str,
    ratio: float | None,
    common: dict[str, Any],
    rejected: list[dict[str, str]],
) -> list[SliceJob]:
    jobs: list[SliceJob] = []
    files = [entry for s in sources for entry in find_label_files(Path(s), phase, coding)]
    for index, (subject, path) in enumerate(files):
        try:
            slices = read_label_slices(path, coding, phase=phase, subject=subject)
        except LabelError as error:
            rejected.append({"name": subject, "reason": str(error)})
            LOG.warning("%s", error)
            continue
        measured = {} if ratio else _measured_ratios(path, subject, slices, coding, phase)
        for part in slices:
            jobs.append(
                SliceJob(
                    name=part.name,
                    subject=subject,
                    subject_index=index,
                    level=part.level,
                    labels=part.labels,
                    phase=phase,
                    ratio=ratio or measured.get(part.name),
                    **common,
                )
            )
    return jobs


def _measured_ratios(
    path: Path, subject: str, slices: list[LabelSlice], coding: str, phase: str
) -> dict[str, float]:
    """Cavity area ratio ED / ES of each slice that both phases show, above 1.05 and below 4."""
    other = "ED" if phase == "ES" else "ES"
    try:
        found = find_label_files(path.parent, other, coding)
        partner = next((p for s, p in found if s == subject), None)
        if partner is None or partner == path:
            return {}
        partners = read_label_slices(partner, coding, phase=other, subject=subject)
    except LabelError:
        return {}
    area = {part.name: _cavity(part.labels) for part in partners}
    ratios = {}
    for part in slices:
        own, others = _cavity(part.labels), area.get(part.name, 0)
        diastole, systole = (others, own) if phase == "ES" else (own, others)
        if systole and 1.05 < diastole / systole < 4.0:
            ratios[part.name] = diastole / systole
    return ratios


def _cavity(labels: np.ndarray) -> int:
    """Voxels of the cavity; a map of myocardium alone has had its hole filled on reading."""
    return int(((labels == CAVITY) & (labels != MYOCARDIUM)).sum())


def _is_finished(job: SliceJob) -> bool:
    if job.rejection.is_file():
        return True
    if not job.path.is_file():
        return False
    try:
        Cycle.load(job.path)
    except (ValueError, OSError) as error:
        LOG.warning("%s: damaged (%s), simulating it again", job.path, error)
        return False
    return True


def _write_list(output: Path, jobs: list[SliceJob], rejected: list[dict[str, str]]) -> Path:
    items = []
    for job in jobs:
        if job.path.is_file():
            entry = {"cycle": job.path.name, "subject": job.subject, "level": job.level}
            items.append((job.subject_index, entry))
        else:
            rejected.append(json.loads(job.rejection.read_text(encoding="utf-8")))
    for entry in rejected:
        LOG.warning("rejected %s: %s", entry["name"], entry["reason"])
    listing = output / "datalist.json"
    write_json(listing, {**split_items(items), "rejected": rejected})
    if not items:
        raise RuntimeError(
            f"{output}: no slice could be simulated; the {len(rejected)} reasons are in {listing}."
        )
    return listing


def _check_arguments(
    preset: str,
    count: int,
    sources: Sequence[Path | str],
    coding: str | None,
    phase: str,
    ratio: float | None,
    grid: str,
    workers: int,
) -> None:
    check_preset(preset)
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1.")
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be at least 1.")
    if phase not in PHASES:
        raise ValueError(f"phase {phase!r} is unknown; use ES or ED.")
    if grid not in PHASES:
        raise ValueError(f"grid {grid!r} is unknown; use ED or ES.")
    if sources and coding is None:
        raise ValueError("label sources need a coding; pass --coding.")
    if ratio is not None and not sources:
        raise ValueError("ratio applies to label sources; the virtual population draws its own.")
    if ratio is not None and not 1.0 < ratio <= 8.0:
        raise ValueError(f"ratio is {ratio}; cavity area ED / ES lies above 1 and up to 8.")
