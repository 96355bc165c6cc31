"""Which slices a data set has: those of virtual subjects, or of label maps."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np

from fem_sim.geometry.labels import LabelSlice, find_label_files, read_label_slices
from fem_sim.settings import DatasetSettings
from fem_sim.slices import SliceJob
from myomotion.core.segments import LEVELS
from myomotion.errors import InputError
from myomotion.files.paths import file_sha256
from myomotion.files.tables import json_sha256
from myomotion.io.labels import CAVITY

LOG = logging.getLogger(__name__)
BELIEVABLE_RATIOS = (1.05, 4.0)  # cavity areas ED / ES that pass as measured


def population_jobs(settings: DatasetSettings, output: str) -> list[SliceJob]:
    """Slices of the virtual population, subject by subject, base to apex.

    Args:
        settings: of the data set.
        output: its folder.
    """
    jobs = []
    for index in range(settings.count):
        subject, level = divmod(index, len(LEVELS))
        name = f"s{subject:05d}"
        jobs.append(
            SliceJob(
                output=output,
                settings=settings,
                name=f"{name}_{LEVELS[level]}",
                subject=name,
                subject_index=subject,
                level=LEVELS[level],
            )
        )
    return jobs


def source_jobs(
    settings: DatasetSettings, output: str
) -> tuple[list[SliceJob], list[dict[str, str]]]:
    """Slices of the label maps that the settings name.

    Args:
        settings: of the data set.
        output: its folder.

    Returns:
        Jobs, and maps that cannot be used, each with ``name`` and ``reason``.

    Raises:
        InputError: if a source does not exist or holds no map.
    """
    coding, phase = str(settings.coding), settings.phase
    jobs: list[SliceJob] = []
    rejected: list[dict[str, str]] = []
    files = [f for s in settings.sources for f in find_label_files(Path(s), phase, coding)]
    for index, (subject, path) in enumerate(files):
        try:
            slices = read_label_slices(path, coding, phase=phase, subject=subject)
        except InputError as error:
            rejected.append({"name": subject, "reason": str(error)})
            LOG.warning("%s", error)
            continue
        measured = {} if settings.ratio else measured_ratios(path, subject, slices, coding, phase)
        ratios = {part.name: settings.ratio or measured.get(part.name) for part in slices}
        own = file_sha256(path)
        jobs += [
            SliceJob(
                output=output,
                settings=settings,
                name=part.name,
                subject=subject,
                subject_index=index,
                level=part.level,
                labels=part.labels,
                ratio=ratios[part.name],
                made_of=json_sha256([own, ratios[part.name]]),
            )
            for part in slices
        ]
    return jobs, rejected


def measured_ratios(
    path: Path, subject: str, slices: list[LabelSlice], coding: str, phase: str
) -> dict[str, float]:
    """Cavity area ratio ED / ES of each slice that both phases show, where it is believable.

    Args:
        path: label map of one phase.
        subject: whose map it is.
        slices: of that map.
        coding: of the maps.
        phase: of ``path``; the other one is looked for beside it.

    Returns:
        Ratio by name of the slice.
    """
    other = "ED" if phase == "ES" else "ES"
    try:
        found = find_label_files(path.parent, other, coding)
        partner = next((p for s, p in found if s == subject), None)
        if partner is None or partner == path:
            return {}
        partners = read_label_slices(partner, coding, phase=other, subject=subject)
    except InputError:
        return {}
    area = {part.name: int(np.sum(part.labels == CAVITY)) for part in partners}
    low, high = BELIEVABLE_RATIOS
    ratios = {}
    for part in slices:
        own, others = int(np.sum(part.labels == CAVITY)), area.get(part.name, 0)
        diastole, systole = (others, own) if phase == "ES" else (own, others)
        if systole and low < diastole / systole < high:
            ratios[part.name] = diastole / systole
    return ratios
