"""Make folders of simulated ventricles."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from pathlib import Path

from fem_sim.files import (
    LISTING,
    REJECTED,
    claim_folder,
    read_rejection,
    split_items,
    write_json,
    write_rejection,
)
from fem_sim.heart3d.beat import simulate_beat
from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.population import draw_heart
from fem_sim.parallel import run_jobs

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class HeartSettings:
    """What decides on a ventricle's motion besides its number.

    Attributes:
        seed: of everything drawn.
        frames: of a beat.
        square: of the mesh, see :func:`~fem_sim.heart3d.mesh.ventricle_mesh`.
        rings: see there.
        layers: see there.
    """

    seed: int = 0
    frames: int = 20
    square: int = 2
    rings: int = 8
    layers: int = 2

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.frames < 6:
            raise ValueError(f"frames is {self.frames}; a beat has at least 6.")
        if self.square < 2 or self.square % 2 or self.rings < 3 or self.layers < 1:
            raise ValueError(
                f"mesh {self.square} x {self.rings} x {self.layers}: the apex's square is even, "
                "there are at least 3 rings and 1 layer."
            )


@dataclass(frozen=True, kw_only=True)
class HeartJob:
    """One ventricle to simulate, small enough to be sent to another process."""

    output: str
    settings: HeartSettings
    index: int

    @property
    def name(self) -> str:
        """File name without suffix."""
        return f"h{self.index:05d}"

    @property
    def path(self) -> Path:
        """The motion's file."""
        return Path(self.output) / f"{self.name}.npz"

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if the ventricle cannot be simulated."""
        return Path(self.output) / REJECTED / f"{self.name}.json"


def simulate_heart(job: HeartJob) -> None:
    """Simulate one ventricle and save its motion, or note why that cannot be done."""
    settings = job.settings
    heart = draw_heart(settings.seed, job.index)
    try:
        beat = simulate_beat(
            heart,
            square=settings.square,
            rings=settings.rings,
            layers=settings.layers,
            frames=settings.frames,
        )
    except (ArithmeticError, ValueError) as error:
        write_rejection(job.rejection, job.name, str(error))
        return
    HeartMotion.of(beat, seed=settings.seed, subject=job.name).save(job.path)


def simulate_hearts(
    output: Path | str,
    *,
    count: int = 200,
    settings: HeartSettings | None = None,
    workers: int = 1,
    progress: bool = True,
    scheduler: str | None = None,
) -> Path:
    """Simulate ventricles of the virtual population into a folder, listed in ``datalist.json``.

    Ventricles that an earlier run finished are kept; a folder made with other settings is refused.
    The list has the sections ``training``, ``validation`` and ``test`` with ``motion`` (file name),
    ``subject`` and ``kind``, and ``rejected`` with ``name``, ``reason``.

    Args:
        output: folder, made if needed.
        count: ventricles.
        settings: the rest; defaults if None.
        workers: processes.
        progress: show a progress bar.
        scheduler: address of a Dask cluster to simulate on; its workers see `output` under the
            same path.

    Returns:
        Path of the data list.

    Raises:
        ValueError: for an argument that makes no sense, or a folder of other settings.
        OutputError: for a folder that cannot be written.
        RuntimeError: if no ventricle at all could be simulated.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1.")
    output, chosen = Path(output), HeartSettings() if settings is None else settings
    folder = str(output.absolute())
    jobs = [HeartJob(output=folder, settings=chosen, index=index) for index in range(count)]
    claim_folder(
        output,
        {"hearts3d": vars(chosen)},
        files=[output / job.path.name for job in jobs],
        rejections=[output / REJECTED / job.rejection.name for job in jobs],
    )
    waiting = [job for job in jobs if not _is_finished(job)]
    run_jobs(
        simulate_heart,
        waiting,
        workers=workers,
        description="simulating",
        unit="heart",
        finished=len(jobs) - len(waiting),
        progress=progress,
        scheduler=scheduler,
    )
    return _write_list(output, jobs)


def _is_finished(job: HeartJob) -> bool:
    if job.rejection.is_file():
        return True
    if not job.path.is_file():
        return False
    try:
        HeartMotion.load(job.path)
    except (ValueError, OSError) as error:
        LOG.warning("%s: damaged (%s), simulating it again", job.path, error)
        return False
    return True


def _write_list(output: Path, jobs: list[HeartJob]) -> Path:
    items, rejected = [], []
    for job in jobs:
        if job.path.is_file():
            kind = draw_heart(job.settings.seed, job.index).kind
            entry = {"motion": job.path.name, "subject": job.name, "kind": kind}
            items.append((job.index, entry))
        else:
            rejected.append(read_rejection(job.rejection))
    for entry in rejected:
        LOG.warning("rejected %s: %s", entry["name"], entry["reason"])
    listing = output / LISTING
    write_json(listing, {**split_items(items), "rejected": rejected})
    if not items:
        raise RuntimeError(
            f"{output}: no ventricle could be simulated; the reasons are in {listing}."
        )
    return listing
