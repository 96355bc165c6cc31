"""Make folders of virtual stacks from simulated ventricles, one cine a heart."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.archives import archive_sha256
from fem_sim.files import MADE_OF, RECORD, REJECTED, SPLITS, claim_folder, write_rejection
from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.stacks.pictures import draw_stack
from fem_sim.heart3d.stacks.stack import StackSettings, VirtualStack, slice_heart
from fem_sim.parallel import run_jobs
from fem_sim.phantom.dataset import write_cine_list
from fem_sim.phantom.files import is_finished, write_cine
from fem_sim.phantom.motion import PhantomError
from myomotion.errors import InputError
from myomotion.files.tables import json_text
from myomotion.io.datalist import read_datalist


@dataclass(frozen=True, kw_only=True)
class StackJob:
    """One stack to make.

    Attributes:
        output: folder of the stacks.
        subject: name of the heart and of its stack.
        section: split of the heart.
        motion: file of its motion.
        settings: of the stack.
        seed: of everything drawn.
    """

    output: str
    subject: str
    section: str
    motion: str
    settings: StackSettings
    seed: int

    @property
    def folder(self) -> Path:
        """The stack's folder."""
        return Path(self.output) / self.subject

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if it cannot be made."""
        return Path(self.output) / REJECTED / f"{self.subject}.json"

    @property
    def is_done(self) -> bool:
        """An earlier run has left a stack or a reason."""
        return is_finished(self.folder) or self.rejection.is_file()

    @property
    def made_of(self) -> str | None:
        """SHA-256 of the heart's motion; None where it cannot be read."""
        return archive_sha256(self.motion)


def stack_of(job: StackJob) -> tuple[VirtualStack, np.random.Generator]:
    """The slices of a job's heart, and what goes on to draw its pictures.

    Raises:
        ValueError: see :func:`~fem_sim.heart3d.stacks.stack.slice_heart`.
    """
    index = int("".join(c for c in job.subject if c.isdigit()) or 0)
    rng = np.random.default_rng([job.seed, index, 7])
    return slice_heart(HeartMotion.load(job.motion), job.settings, rng), rng


def make_stack(job: StackJob) -> None:
    """Draw one stack and write it, or note why that cannot be done.

    Its folder is that of a virtual cine; slices run from apex to base, and ``info.json`` says under
    ``stack`` at which levels, and how far each was shifted.
    """
    try:
        stack, rng = stack_of(job)
        cine, kept = draw_stack(stack, rng)
    except (PhantomError, ValueError) as error:
        write_rejection(job.rejection, job.subject, str(error))
        return
    record: dict[str, Any] = {
        "seed": job.seed,
        "heart": Path(job.motion).name,
        "slices": [{"level": level} for level in cine.levels],
        "stack": {
            **asdict(job.settings),
            "kept": kept,
            "levels_mm": stack.levels[kept].tolist(),
            "shifts_mm": stack.shifts[kept].tolist(),
        },
    }
    write_cine(job.folder, cine, record, distance=job.settings.distance)


def jobs_of(
    output: Path, hearts: Path, settings: StackSettings, seed: int, sections: tuple[str, ...]
) -> list[StackJob]:
    """Jobs of the hearts of a folder.

    Args:
        output: folder of the stacks.
        hearts: folder that ``hearts3d`` made.
        settings: of the stacks.
        seed: of everything drawn.
        sections: which hearts.

    Raises:
        InputError: if the folder has no such hearts.
    """
    jobs = []
    for section in sections:
        for entry in read_datalist(hearts, section, "motion"):
            jobs.append(
                StackJob(
                    output=str(output),
                    subject=entry["subject"],
                    section=section,
                    motion=entry["motion"],
                    settings=settings,
                    seed=seed,
                )
            )
    return jobs


def made_with(stacks: Path, hearts: Path) -> tuple[StackSettings, int]:
    """Settings and seed of a folder of stacks, without which its truth cannot be told.

    Args:
        stacks: folder that :func:`make_stacks` made.
        hearts: folder of its ventricles.

    Raises:
        InputError: if the folder does not say, or is of other ventricles.
    """
    record = stacks / RECORD
    try:
        found = json.loads(record.read_text(encoding="utf-8"))
        found.pop(MADE_OF, None)
        of, seed = str(found.pop("hearts")), int(found.pop("seed"))
        settings = StackSettings(**found)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InputError(
            f"{record}: says nothing of stacks ({error}). Make the folder by "
            "'python -m fem_sim stacks3d'."
        ) from error
    if of != hearts.name:
        raise InputError(
            f"{stacks}: its ventricles are of {of}, not of {hearts.name}. Give the folder that it "
            "was made of."
        )
    return settings, seed


def make_stacks(
    output: Path,
    hearts: Path,
    *,
    settings: StackSettings | None = None,
    seed: int = 0,
    sections: tuple[str, ...] = SPLITS,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Draw a stack of every heart of a folder; what an earlier run finished is kept.

    Args:
        output: folder of the stacks, made if needed.
        hearts: folder that ``hearts3d`` made.
        settings: of the stacks; defaults if None.
        seed: of everything drawn.
        sections: of the hearts' list.
        workers: processes.
        progress: show a progress bar.

    Returns:
        Path of the data list.

    Raises:
        InputError: if the folder has no such hearts.
        ValueError: for a folder of other settings or hearts.
        RuntimeError: if no stack at all could be made.
    """
    chosen = settings or StackSettings()
    jobs = jobs_of(output, hearts, chosen, seed, sections)
    claim_folder(
        output,
        json.loads(json_text({"hearts": hearts.name, "seed": seed, **asdict(chosen)})),
        folders=[job.folder for job in jobs],
        rejections=[job.rejection for job in jobs],
        inputs=[job.motion for job in jobs],
        made_of={job.subject: job.made_of for job in jobs},
        kept=[job.subject for job in jobs if job.is_done],
    )
    waiting = [j for j in jobs if not j.is_done]
    run_jobs(
        make_stack,
        waiting,
        workers=workers,
        description="drawing",
        unit="stack",
        finished=len(jobs) - len(waiting),
        progress=progress,
    )
    return write_cine_list(output, [(job.section, job.subject) for job in jobs])
