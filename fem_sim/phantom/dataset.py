"""Make folders of virtual cines from simulated cycles, one cine a subject."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.archives import archive_sha256
from fem_sim.files import (
    LISTING,
    REJECTED,
    SPLITS,
    claim_folder,
    read_rejection,
    write_json,
    write_rejection,
)
from fem_sim.mechanics.cycle import Cycle
from fem_sim.parallel import run_jobs
from fem_sim.phantom.files import is_finished, write_cine
from fem_sim.phantom.motion import PhantomError
from fem_sim.phantom.render import CineSettings, render_cine
from myomotion.core.segments import LEVELS
from myomotion.files.tables import json_sha256

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class CineJob:
    """One cine to render.

    Attributes:
        output: folder of the cines.
        subject: name of the subject and of its cine.
        section: split the subject belongs to.
        slices: (level, path of the cycle), base to apex.
        settings: what the user chose.
        seed: of the data set.
    """

    output: str
    subject: str
    section: str
    slices: tuple[tuple[str, str], ...]
    settings: CineSettings
    seed: int

    @property
    def folder(self) -> Path:
        """The cine's folder."""
        return Path(self.output) / self.subject

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if the cine cannot be made."""
        return Path(self.output) / REJECTED / f"{self.subject}.json"

    @property
    def is_done(self) -> bool:
        """An earlier run has left a cine or a reason."""
        return is_finished(self.folder) or self.rejection.is_file()

    @property
    def made_of(self) -> str | None:
        """SHA-256 of its cycles; None where one cannot be read."""
        sums = [(level, archive_sha256(path)) for level, path in self.slices]
        return None if None in dict(sums).values() else json_sha256(sums)


def make_cines(
    output: Path | str,
    *,
    cycles: Path | str,
    seed: int = 0,
    workers: int = 1,
    progress: bool = True,
    **settings: Any,
) -> Path:
    """Render a virtual cine of every subject in a folder of cycles.

    Cines that an earlier run finished are kept. The list ``datalist.json`` has the sections of the
    cycles' list with ``cine`` (folder name) and ``subject``, and ``rejected``.

    Args:
        output: folder of the cines, made if needed.
        cycles: folder that :func:`fem_sim.dataset.simulate_dataset` made.
        seed: of everything drawn.
        workers: processes.
        progress: show a progress bar.
        settings: see :class:`~fem_sim.phantom.render.CineSettings`.

    Returns:
        Path of the data list.

    Raises:
        ValueError: for cycles without a data list or on the ES grid, or a folder of other settings
            or of other cycles.
        OutputError: for a folder that cannot be written.
        RuntimeError: if no cine at all could be made.

    Examples:
        >>> simulate_dataset("cycles", preset="physiological", count=60)
        PosixPath('cycles/datalist.json')
        >>> make_cines("cines", cycles="cycles", frames=25, snr_range=(20.0, 40.0))
        PosixPath('cines/datalist.json')
    """
    output, source = Path(output), Path(cycles)
    chosen = CineSettings(**settings)
    jobs = _jobs(output, source, chosen, seed)
    claim_folder(
        output,
        {"cycles": source.name, "seed": seed, **asdict(chosen)},
        folders=[job.folder for job in jobs],
        rejections=[job.rejection for job in jobs],
        inputs=[path for job in jobs for _, path in job.slices],
        made_of={job.subject: job.made_of for job in jobs},
        kept=[job.subject for job in jobs if job.is_done],
    )
    waiting = [j for j in jobs if not j.is_done]
    run_jobs(
        make_cine,
        waiting,
        workers=workers,
        description="rendering",
        unit="cine",
        finished=len(jobs) - len(waiting),
        progress=progress,
    )
    return write_cine_list(output, [(j.section, j.subject) for j in jobs])


def make_cine(job: CineJob) -> None:
    """Render one cine and write it, or note why that cannot be done.

    Args:
        job: what to do.
    """
    index = int("".join(c for c in job.subject if c.isdigit()) or 0)
    rng = np.random.default_rng([job.seed, index])
    slices: list[tuple[str, Any]] = [(level, Cycle.load(path)) for level, path in job.slices]
    try:
        cine = render_cine(slices, job.settings, rng)
    except PhantomError as error:
        write_rejection(job.rejection, job.subject, str(error))
        return
    kinds = sorted({str(c.provenance["kind"]) for _, c in slices if "kind" in c.provenance})
    record = {
        **({"group": kinds[0]} if len(kinds) == 1 else {}),
        "seed": job.seed,
        "settings": asdict(job.settings),
        "cycles": [
            {"file": Path(path).name, **_origin(c)}
            for (_, path), (_, c) in zip(job.slices, slices, strict=True)
        ],
    }
    write_cine(job.folder, cine, record)


def write_cine_list(output: Path, cines: list[tuple[str, str]]) -> Path:
    """Write the data list of the cines that are there and of the reasons for those that are not.

    Args:
        output: folder of the cines.
        cines: (section, folder name) of every cine that was wanted.

    Returns:
        Path of the list.

    Raises:
        RuntimeError: if there is no cine at all.
    """
    content: dict[str, list[dict[str, Any]]] = {s: [] for s in (*SPLITS, "rejected")}
    for section, name in cines:
        if is_finished(output / name):
            content[section].append({"cine": name, "subject": name})
        else:
            reason = read_rejection(output / REJECTED / f"{name}.json")
            LOG.warning("rejected %s: %s", reason["name"], reason["reason"])
            content["rejected"].append(reason)
    listing = output / LISTING
    write_json(listing, content)
    if len(content["rejected"]) == len(cines):
        raise RuntimeError(f"{output}: no cine could be made; the reasons are in {listing}.")
    return listing


def _origin(cycle: Cycle) -> dict[str, Any]:
    kept = ("preset", "kind", "parameters", "shape", "ratio_reached", "p_ed_kpa")
    return {key: cycle.provenance[key] for key in kept if key in cycle.provenance}


def _jobs(output: Path, source: Path, settings: CineSettings, seed: int) -> list[CineJob]:
    listing = source / "datalist.json"
    if not listing.is_file():
        raise ValueError(f"{listing}: not found. Make cycles with python -m fem_sim simulate.")
    try:
        content = json.loads(listing.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{listing}: no valid JSON ({error}). Simulate again.") from error
    record = source / "settings.json"
    if record.is_file() and json.loads(record.read_text()).get("grid", "ED") != "ED":
        raise ValueError(f"{record}: the cycles refer to ES. Simulate them with --grid ED.")
    sections = {s: content.get(s, []) if isinstance(content, dict) else [] for s in SPLITS}
    if any(
        not {"cycle", "subject", "level"} <= {*e} for entries in sections.values() for e in entries
    ):
        raise ValueError(
            f"{listing}: not every entry has a cycle, subject and level. Give a folder that "
            "python -m fem_sim simulate made."
        )
    jobs = []
    for section, entries in sections.items():
        subjects: dict[str, list[tuple[str, str]]] = {}
        for entry in entries:
            path = str(source / entry["cycle"])
            subjects.setdefault(entry["subject"], []).append((entry["level"], path))
        for subject, slices in subjects.items():
            slices.sort(key=lambda part: (LEVELS.index(part[0]), part[1]))
            jobs.append(
                CineJob(
                    output=str(output),
                    subject=subject,
                    section=section,
                    slices=tuple(slices),
                    settings=settings,
                    seed=seed,
                )
            )
    if not jobs:
        raise ValueError(f"{listing}: lists no cycle. Simulate at least one slice.")
    return jobs
