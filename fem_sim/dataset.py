"""Make folders of simulated cycles: virtual subjects, or rings from label maps."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from fem_sim.files import LISTING, REJECTED, claim_folder, read_rejection, split_items, write_json
from fem_sim.mechanics.cycle import Cycle
from fem_sim.parallel import run_jobs
from fem_sim.settings import DatasetSettings
from fem_sim.slices import SliceJob, simulate_slice
from fem_sim.sources import population_jobs, source_jobs

LOG = logging.getLogger(__name__)


def simulate_dataset(
    output: Path | str,
    *,
    workers: int = 1,
    progress: bool = True,
    scheduler: str | None = None,
    **settings: Any,
) -> Path:
    """Simulate slices into a folder and list them in ``datalist.json``.

    Slices that an earlier run finished are kept; a folder made with other settings is refused. The
    list has the sections ``training``, ``validation`` and ``test`` (split by subject) with
    ``cycle`` (file name), ``subject`` and ``level``, and ``rejected`` with ``name``, ``reason``.

    Args:
        output: folder of the cycles, made if needed.
        workers: processes.
        progress: show a progress bar.
        scheduler: address of a Dask cluster to simulate on; its workers see `output` under the
            same path.
        settings: see :class:`~fem_sim.settings.DatasetSettings`.

    Returns:
        Path of the data list.

    Raises:
        ValueError: for an argument that makes no sense, or a folder of other settings.
        InputError: for sources that do not exist.
        OutputError: for a folder that cannot be written.
        RuntimeError: if no slice at all could be simulated.

    Examples:
        Twenty virtual subjects, and the label maps of a folder in ACDC's coding:

        >>> simulate_dataset("cycles", preset="physiological", count=60, workers=4)
        PosixPath('cycles/datalist.json')
        >>> simulate_dataset("own", sources=["/my/labels"], coding="acdc", material="demiray")
        PosixPath('own/datalist.json')
    """
    chosen = DatasetSettings(**settings)
    if workers < 1:
        raise ValueError(f"workers is {workers}; it must be at least 1.")
    output = Path(output)
    folder = str(output.absolute())
    rejected: list[dict[str, str]] = []
    if chosen.sources:
        jobs, rejected = source_jobs(chosen, folder)
    else:
        jobs = population_jobs(chosen, folder)
    claim_folder(
        output,
        chosen.record(),
        files=[output / job.path.name for job in jobs],
        rejections=[output / REJECTED / job.rejection.name for job in jobs],
        inputs=chosen.sources,
    )
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
            rejected.append(read_rejection(job.rejection))
    for entry in rejected:
        LOG.warning("rejected %s: %s", entry["name"], entry["reason"])
    listing = output / LISTING
    write_json(listing, {**split_items(items), "rejected": rejected})
    if not items:
        raise RuntimeError(
            f"{output}: no slice could be simulated; the {len(rejected)} reasons are in {listing}."
        )
    return listing
