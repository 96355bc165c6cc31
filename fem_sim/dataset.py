"""Make folders of simulated cycles: virtual subjects, or rings from label maps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fem_sim.files import REJECTED, claim_folder
from fem_sim.mechanics.cycle import Cycle
from fem_sim.settings import DatasetSettings
from fem_sim.simulations import simulate_waiting, write_list
from fem_sim.slices import SliceJob, simulate_slice
from fem_sim.sources import population_jobs, source_jobs


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
        ValueError: for an argument that makes no sense, or a folder of other settings or sources.
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
        made_of={job.name: job.made_of for job in jobs},
        kept=[job.name for job in jobs if job.is_done],
    )
    simulate_waiting(
        simulate_slice,
        jobs,
        Cycle.load,
        unit="slice",
        workers=workers,
        progress=progress,
        scheduler=scheduler,
    )
    return write_list(output, jobs, _entry, rejected, unit="slice")


def _entry(job: SliceJob) -> tuple[int, dict[str, Any]]:
    return job.subject_index, {"cycle": job.path.name, "subject": job.subject, "level": job.level}
