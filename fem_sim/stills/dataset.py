"""Make folders of virtual slices."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fem_sim.files import LISTING, claim_folder, split_items, write_json
from fem_sim.parallel import run_jobs
from fem_sim.stills.picture import SIZE, SPACING_MM, draw_still
from myomotion.files.atomic import write_bytes


@dataclass(frozen=True, kw_only=True)
class StillJob:
    """One slice to draw.

    Attributes:
        path: of its file.
        seed: of the data set.
        number: of the slice.
    """

    path: str
    seed: int
    number: int


def make_stills(
    output: Path | str, *, count: int, seed: int = 0, workers: int = 1, progress: bool = True
) -> Path:
    """Draw virtual slices into a folder and list them in ``datalist.json``.

    Slices that an earlier run finished are kept. A file holds ``image`` and ``label``
    (:class:`~fem_sim.stills.picture.Still`), ``kind``, ``height``, ``contraction`` and ``spacing``
    in mm; the list has the sections ``training``, ``validation`` and ``test`` with ``slice`` (file
    name).

    Args:
        output: folder of the slices, made if needed.
        count: of slices; a slice depends on its number and the seed alone.
        seed: of everything drawn.
        workers: processes.
        progress: show a progress bar.

    Returns:
        Path of the data list.

    Raises:
        ValueError: for a count below 3, or a folder of other settings.
        OutputError: for a folder that cannot be written.

    Examples:
        >>> make_stills("slices", count=6000, workers=2)
        PosixPath('slices/datalist.json')
    """
    if count < 3:
        raise ValueError(f"count is {count}; training, validation and test need a slice each.")
    output = Path(output)
    paths = [output / f"{number:06d}.npz" for number in range(count)]
    claim_folder(output, {"seed": seed, "size": SIZE, "spacing": SPACING_MM}, files=paths)
    jobs = [
        StillJob(path=str(path), seed=seed, number=number)
        for number, path in enumerate(paths)
        if not path.is_file()
    ]
    run_jobs(
        make_still,
        jobs,
        workers=workers,
        description="drawing",
        unit="slice",
        finished=count - len(jobs),
        progress=progress,
    )
    items = [(number, {"slice": path.name}) for number, path in enumerate(paths)]
    listing = output / LISTING
    write_json(listing, split_items(items))
    return listing


def make_still(job: StillJob) -> None:
    """Draw one slice and write it."""
    still = draw_still(np.random.default_rng([job.seed, job.number]))
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        image=still.image,
        label=still.label,
        kind=still.ring.kind,
        height=still.ring.height,
        contraction=still.ring.contraction,
        spacing=SPACING_MM,
    )
    write_bytes(Path(job.path), buffer.getvalue())
