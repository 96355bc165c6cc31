"""Simulations into a folder: jobs, which of them are finished, and the list of what came out."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from fem_sim.files import LISTING, REJECTED, read_rejection, split_items, write_json
from fem_sim.parallel import run_jobs

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SimulationJob:
    """One simulation, small enough to be sent to another process.

    Attributes:
        output: folder of the data set.
        name: file name without suffix.
    """

    output: str
    name: str

    @property
    def path(self) -> Path:
        """The result's file."""
        return Path(self.output) / f"{self.name}.npz"

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if it cannot be simulated."""
        return Path(self.output) / REJECTED / f"{self.name}.json"

    @property
    def is_done(self) -> bool:
        """An earlier run has left a result or a reason."""
        return self.path.is_file() or self.rejection.is_file()


Job = TypeVar("Job", bound=SimulationJob)


def simulate_waiting(
    simulate: Callable[[Job], None],
    jobs: Sequence[Job],
    load: Callable[[Path], object],
    *,
    unit: str,
    workers: int,
    progress: bool,
    scheduler: str | None,
) -> None:
    """Do the jobs that an earlier run has not finished.

    Args:
        simulate: does one.
        jobs: all of them.
        load: reads a result; raises ValueError or OSError where it is damaged.
        unit: what one is called.
        workers: processes.
        progress: show a progress bar.
        scheduler: address of a Dask cluster to work on; None works here.
    """
    waiting = [job for job in jobs if not _is_finished(job, load)]
    run_jobs(
        simulate,
        waiting,
        workers=workers,
        description="simulating",
        unit=unit,
        finished=len(jobs) - len(waiting),
        progress=progress,
        scheduler=scheduler,
    )


def write_list(
    output: Path,
    jobs: Sequence[Job],
    entry: Callable[[Job], tuple[int, dict[str, Any]]],
    rejected: Sequence[dict[str, str]] = (),
    *,
    unit: str,
) -> Path:
    """List what was simulated by section, and why the rest was not.

    Args:
        output: folder of the data set.
        jobs: all of them.
        entry: of a finished one: number of its subject, which decides on the section, and content.
        rejected: further reasons.
        unit: what one is called.

    Returns:
        Path of the list.

    Raises:
        RuntimeError: if nothing at all was simulated.
    """
    items = [entry(job) for job in jobs if job.path.is_file()]
    reasons = [*rejected]
    reasons += [read_rejection(job.rejection) for job in jobs if not job.path.is_file()]
    for reason in reasons:
        LOG.warning("rejected %s: %s", reason["name"], reason["reason"])
    listing = output / LISTING
    write_json(listing, {**split_items(items), "rejected": reasons})
    if not items:
        raise RuntimeError(
            f"{output}: no {unit} could be simulated; the {len(reasons)} reasons are in {listing}."
        )
    return listing


def _is_finished(job: SimulationJob, load: Callable[[Path], object]) -> bool:
    if job.rejection.is_file():
        return True
    if not job.path.is_file():
        return False
    try:
        load(job.path)
    except (ValueError, OSError) as error:
        LOG.warning("%s: damaged (%s), simulating it again", job.path, error)
        return False
    return True
