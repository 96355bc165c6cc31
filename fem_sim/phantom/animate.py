"""Animate a real end-diastolic frame by a simulated cycle, with the true motion beside it."""

from __future__ import annotations

import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from fem_sim.files import REJECTED, claim_folder, write_rejection
from fem_sim.parallel import run_jobs
from fem_sim.phantom.dataset import write_cine_list
from fem_sim.phantom.files import is_finished, write_cine
from fem_sim.phantom.motion import PhantomError
from fem_sim.phantom.render import (
    CineSettings,
    VirtualCine,
    draw_heart_motion,
    slice_motion_settings,
)
from fem_sim.phantom.slice import background_noise, render_slice, simulate_slice, slice_motion
from fem_sim.phantom.study import Study, StudySlice, read_study, septal_angle
from fem_sim.population.dynamics import draw_dynamics
from myomotion.analysis.provenance import input_hashes
from myomotion.core.wall.contours import RejectedSliceError
from myomotion.errors import InputError
from myomotion.files.tables import json_sha256
from myomotion.io.cine import STUDY_FILES, find_studies

LOG = logging.getLogger(__name__)

RATIO_RANGE = (1.4, 2.4)
MEASURED_RATIO_RANGE = (1.1, 3.0)
#: Epicardial springs, kPa / mm. Unloading a free ring bends it into a slit: whatever keeps a heart
#: round at end-systole (fibres, neighbours) is not in the model. These springs stand for it.
SUPPORT_RANGE = (2.0, 4.0)


def animate(
    sources: Path,
    output: Path,
    *,
    seed: int,
    ratio: float | None = None,
    frames: int = 20,
    noise: bool = True,
    workers: int = 1,
    progress: bool = True,
) -> Path:
    """Animate a study folder, or every study folder in a folder.

    Cines that an earlier run finished are kept. All are listed under ``test``.

    Args:
        sources: study folder or folder of them, see :func:`~myomotion.io.cine.find_studies`.
        output: folder of the cines.
        seed: of everything drawn; a study's draws depend on it and on the study's name.
        ratio: cavity area ED / ES; None measures it where the end-systole is labelled, else draws.
        frames: frames of a cine, 5 to 30.
        noise: add Rician noise.
        workers: processes.
        progress: show a progress bar.

    Returns:
        Path of the data list.

    Raises:
        InputError: no study.
        ValueError: settings that make no sense, or a folder of other settings or studies.
        OutputError: a folder that cannot be written.
        RuntimeError: if no study at all could be animated.

    Examples:
        >>> animate(Path("my_cines/anna"), Path("cines"), seed=0, ratio=1.8)
        PosixPath('cines/datalist.json')
    """
    CineSettings(frames=frames)
    _check_ratio(ratio)
    studies = find_studies(sources)
    output = Path(output)
    jobs = [
        AnimationJob(study=study, output=output, seed=seed, ratio=ratio, frames=frames, noise=noise)
        for study in studies
    ]
    claim_folder(
        output,
        {"animate": Path(sources).name, "seed": seed}
        | {"ratio": ratio, "frames": frames, "noise": noise},
        folders=[job.folder for job in jobs],
        rejections=[job.rejection for job in jobs],
        inputs=[study[key] for study in studies for key in STUDY_FILES if key in study],
        made_of={job.name: json_sha256(input_hashes(job.study)) for job in jobs},
        kept=[job.name for job in jobs if is_finished(job.folder)],
    )
    waiting = [job for job in jobs if not is_finished(job.folder)]
    run_jobs(
        animate_job,
        waiting,
        workers=workers,
        description="animating",
        unit="study",
        finished=len(jobs) - len(waiting),
        progress=progress,
    )
    return write_cine_list(output, [("test", job.name) for job in jobs])


@dataclass(frozen=True, kw_only=True)
class AnimationJob:
    """One study to animate into a folder of its name in `output`; see :func:`animate`."""

    study: Mapping[str, object]
    output: Path
    seed: int
    ratio: float | None
    frames: int
    noise: bool

    @property
    def name(self) -> str:
        """The study's name."""
        return str(self.study["name"])

    @property
    def folder(self) -> Path:
        """The cine's folder."""
        return self.output / self.name

    @property
    def rejection(self) -> Path:
        """Where the reason is noted if the study cannot be animated."""
        return self.output / REJECTED / f"{self.name}.json"


def animate_job(job: AnimationJob) -> None:
    """Animate one study, or note why that cannot be done."""
    named = zlib.crc32(job.name.encode())
    own_seed = np.random.SeedSequence([job.seed, named]).generate_state(1)[0]
    try:
        animate_study(
            job.study,
            job.folder,
            seed=int(own_seed),
            ratio=job.ratio,
            frames=job.frames,
            noise=job.noise,
        )
    except (InputError, RejectedSliceError, PhantomError) as error:
        write_rejection(job.rejection, job.name, str(error))
        return
    job.rejection.unlink(missing_ok=True)


def animate_study(
    study: Mapping[str, object],
    output: Path,
    *,
    seed: int,
    ratio: float | None = None,
    frames: int = 20,
    noise: bool = True,
    coding: str = "auto",
) -> None:
    """Move the real end-diastolic frame of a study and write it as a cine with its truth.

    Every slice with a closed myocardium gets a simulated cycle whose end-diastolic ring is the
    labelled one; frame t shows at x the end-diastolic intensity at ``X = phi_t^-1(x)``. Slices that
    cannot be simulated are left out and noted in ``info.json`` under ``left_out``.

    Args:
        study: see :func:`~fem_sim.phantom.study.read_study`.
        output: folder of the cine (see :func:`~fem_sim.phantom.files.write_cine`); frame 0 is ED.
        seed: of everything drawn.
        ratio: cavity area ED / ES; None measures it where the end-systole is labelled, else draws.
        frames: frames of the cine, 5 to 30.
        noise: add Rician noise as strong as that of the image's background to every frame.
        coding: of the labels.

    Raises:
        InputError: the image or its labels are missing or cannot be used.
        RejectedSliceError: no slice can be simulated; the reason is that of the first.
        PhantomError: the same, where the motion cannot be built.
    """
    settings = CineSettings(frames=frames, noise=noise)
    _check_ratio(ratio)
    source = read_study(study, coding=coding)
    rng = np.random.default_rng(seed)
    es_frame = int(np.clip(round(rng.uniform(0.35, 0.40) * frames), 2, frames - 2))
    heart = draw_heart_motion(rng, settings)
    dynamics = replace(
        draw_dynamics("physiological", rng), support=float(rng.uniform(*SUPPORT_RANGE))
    )
    drawn = float(rng.uniform(*RATIO_RANGE))
    septum = septal_angle(source)
    scale = _intensity_scale(source)
    made, left_out = [], []
    kept: list[dict[str, Any]] = []
    failure: RejectedSliceError | PhantomError | None = None
    for part, own in zip(source.slices, rng.spawn(len(source.slices)), strict=True):
        wanted, origin = _area_ratio(part, ratio, drawn)
        try:
            cycle, shift = simulate_slice(part, source.spacing, wanted, dynamics, own)
            added = slice_motion_settings(heart, part.level, frames, es_frame, own)
            motion = slice_motion(cycle, part.level, septum, added, own)
            made.append(render_slice(part, motion, shift, source.spacing, frames))
        except (RejectedSliceError, PhantomError) as error:
            LOG.warning("%s, slice %d left out: %s", source.name, part.index, error)
            left_out.append({"source_slice_index": part.index, "reason": str(error)})
            failure = failure or error
            continue
        kept.append(
            {"level": part.level, "source_slice_index": part.index}
            | {"ratio": round(float(cycle.area_ratio[0]), 4), "ratio_source": origin}
            | {"min_jacobian": round(float(motion.min_jacobian.min()), 4)}
            | {"right_ventricle_moves": motion.right_ventricle}
            | {"parameters": cycle.provenance["parameters"]}
        )
    if failure is not None and not made:
        raise failure
    images = scale * np.stack([pictures for pictures, _, _ in made], axis=2)
    if noise:
        sigma = scale * float(np.median([background_noise(s.image) for s in source.slices]))
        images = np.hypot(
            images + rng.normal(0, sigma, images.shape), rng.normal(0, sigma, images.shape)
        )
    cine = VirtualCine(
        images=np.clip(np.rint(images), -32768, 32767).astype(np.int16),
        displacement=np.stack([field for _, field, _ in made], axis=1),
        labels=np.stack([labels for _, _, labels in made], axis=1),
        seen=np.stack([labels for _, _, labels in made], axis=1),
        spacing=source.spacing,
        es_frame=es_frame,
        levels=tuple(str(entry["level"]) for entry in kept),
    )
    record: dict[str, Any] = {
        "animated": source.name,
        "seed": seed,
        "slices": kept,
        "left_out": left_out,
        "min_jacobian": min(entry["min_jacobian"] for entry in kept),
        "septal_angle_deg": round(float(np.rad2deg(septum)), 1),
        "intensity_scale": scale,
        "noise_sigma": round(sigma, 3) if noise else 0.0,
    }
    write_cine(Path(output), cine, record)


def _area_ratio(part: StudySlice, given: float | None, drawn: float) -> tuple[float, str]:
    if given is not None:
        return given, "given"
    if part.ratio is not None:
        return float(np.clip(part.ratio, *MEASURED_RATIO_RANGE)), "measured"
    return drawn, "drawn"


def _check_ratio(ratio: float | None) -> None:
    if ratio is not None and not 1.05 <= ratio <= 4.0:
        raise ValueError(f"ratio is {ratio}; cavity area ED / ES lies between 1.05 and 4.")


def _intensity_scale(study: Study) -> float:
    """Factor to int16: 1 where the image fits and is no finer than a few hundred grey levels."""
    largest = max(float(np.abs(part.image).max()) for part in study.slices)
    return 1.0 if 200 <= largest <= 32767 else 4000.0 / largest
