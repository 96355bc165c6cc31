"""Make folders of simulated ventricles."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from fem_sim.files import REJECTED, claim_folder, write_rejection
from fem_sim.heart3d.beat import simulate_beat
from fem_sim.heart3d.heart import Heart
from fem_sim.heart3d.material import MATERIALS
from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.population import draw_heart
from fem_sim.simulations import SimulationJob, simulate_waiting, write_list


@dataclass(frozen=True, kw_only=True)
class HeartSettings:
    """What decides on a ventricle's motion besides its number.

    Attributes:
        seed: of everything drawn.
        frames: of a beat.
        square: of the mesh, see :func:`~fem_sim.heart3d.mesh.ventricle_mesh`.
        rings: see there.
        layers: see there.
        fibre_endo: helix angle at the endocardium of all hearts, degrees; drawn if None.
        fibre_epi: at the epicardium.
        material: key of :data:`~fem_sim.heart3d.material.MATERIALS`; Guccione's, drawn, if None.
    """

    seed: int = 0
    frames: int = 20
    square: int = 2
    rings: int = 8
    layers: int = 2
    fibre_endo: float | None = None
    fibre_epi: float | None = None
    material: str | None = None

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        if self.frames < 6:
            raise ValueError(f"frames is {self.frames}; a beat has at least 6.")
        if self.square < 2 or self.square % 2 or self.rings < 3 or self.layers < 1:
            raise ValueError(
                f"mesh {self.square} x {self.rings} x {self.layers}: the apex's square is even, "
                "there are at least 3 rings and 1 layer."
            )
        for name in ("fibre_endo", "fibre_epi"):
            angle = getattr(self, name)
            if angle is not None and not -90 <= angle <= 90:
                raise ValueError(f"{name} is {angle}; a helix angle is -90 to 90 degrees.")
        if self.material is not None and self.material not in MATERIALS:
            raise ValueError(f"material {self.material!r} is none of {', '.join(MATERIALS)}.")

    def heart(self, index: int) -> Heart:
        """A ventricle of the population, with the settings' fibres and material."""
        drawn = draw_heart(self.seed, index)
        if self.material is not None:
            drawn = replace(drawn, material=MATERIALS[self.material])
        given = {name: getattr(self, name) for name in ("fibre_endo", "fibre_epi")}
        return replace(drawn, **{name: a for name, a in given.items() if a is not None})


@dataclass(frozen=True, kw_only=True)
class HeartJob(SimulationJob):
    """One ventricle to simulate.

    Attributes:
        settings: of the data set.
        index: of the ventricle in the population.
    """

    settings: HeartSettings
    index: int


def simulate_heart(job: HeartJob) -> None:
    """Simulate one ventricle and save its motion, or note why that cannot be done."""
    settings = job.settings
    heart = settings.heart(job.index)
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
        RuntimeError: if no heart at all could be simulated.
    """
    if count < 1:
        raise ValueError(f"count is {count}; it must be at least 1.")
    output, chosen = Path(output), HeartSettings() if settings is None else settings
    folder = str(output.absolute())
    jobs = [
        HeartJob(output=folder, name=f"h{index:05d}", settings=chosen, index=index)
        for index in range(count)
    ]
    claim_folder(
        output,
        {"hearts3d": {name: value for name, value in vars(chosen).items() if value is not None}},
        files=[output / job.path.name for job in jobs],
        rejections=[output / REJECTED / job.rejection.name for job in jobs],
    )
    simulate_waiting(
        simulate_heart,
        jobs,
        HeartMotion.load,
        unit="heart",
        workers=workers,
        progress=progress,
        scheduler=scheduler,
    )
    return write_list(output, jobs, _entry, unit="heart")


def _entry(job: HeartJob) -> tuple[int, dict[str, Any]]:
    kind = job.settings.heart(job.index).kind
    return job.index, {"motion": job.path.name, "subject": job.name, "kind": kind}
