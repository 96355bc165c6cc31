"""Errors of the lift on simulated ventricles, whose motion in space is known."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np

from fem_sim.files import SPLITS
from fem_sim.heart3d.modes.learn import name_of
from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.stacks.dataset import StackJob, jobs_of, stack_of
from fem_sim.heart3d.stacks.stack import StackSettings, VirtualStack
from myomotion.analysis.volume.function import standard_error
from myomotion.analysis.volume.lattice import cavity_volume, meridian_length, torsion
from myomotion.analysis.volume.lift import Lifted, LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.shape import heart_shape
from myomotion.errors import InputError
from myomotion.io.datalist import read_datalist


@dataclass(frozen=True, kw_only=True)
class Errors:
    """Of one ventricle at end-systole, ours less the true one.

    Attributes:
        point_mm: mean distance of end points in space, of the tissue in the slices.
        in_plane_mm: of that, the part in the slices' planes.
        through_mm: the part along the axis.
        plane_only_mm: what it is by the tracks alone, nothing known of the motion along the axis.
        gls: points.
        torsion: degrees/cm.
        ejection_fraction: points.
        gls_in_spreads: the error of GLS over what the fit says of it.
    """

    point_mm: float
    in_plane_mm: float
    through_mm: float
    plane_only_mm: float
    gls: float
    torsion: float
    ejection_fraction: float
    gls_in_spreads: float


def unseen_jobs(hearts: Path, settings: StackSettings, seed: int = 0) -> list[StackJob]:
    """Stacks of the ventricles of a folder that the shipped modes were not learned from.

    Args:
        hearts: folder that ``python -m fem_sim hearts3d`` made.
        settings: of the stacks.
        seed: of everything drawn.

    Raises:
        InputError: if there is none.
    """
    known = set(shipped_modes().provenance["hearts"])
    jobs = []
    for section in SPLITS:
        try:
            read_datalist(hearts, section, "motion")
        except InputError:
            continue  # small folders have sections without a heart
        jobs += jobs_of(hearts / "stacks", hearts, settings, seed, (section,))
    found = [job for job in jobs if name_of(HeartMotion.load(job.motion)) not in known]
    if not found:
        raise InputError(
            f"{hearts}: the shipped modes were learned from all of its ventricles. Simulate others "
            "with another seed."
        )
    return sorted(found, key=lambda job: job.subject)


def true_errors(jobs: Sequence[StackJob], settings: LiftSettings) -> Iterator[tuple[str, Errors]]:
    """Errors where the slices' motion is what a perfect tracker of pictures would find.

    Args:
        jobs: the stacks.
        settings: of the lift.

    Yields:
        Name and errors of each ventricle.
    """
    for job in jobs:
        stack, _ = stack_of(job)
        shape = heart_shape(stack.levels.tolist(), stack.contours)
        trust = np.ones(len(stack.levels))
        tracks = Tracks(levels=shape.levels, moves=stack.moves[[0, stack.es_frame]], trust=trust)
        lifted = lift(shape, tracks, shipped_modes(), settings)
        yield job.subject, errors_of(job, stack, lifted, tracks, 1, range(len(stack.levels)))


def errors_of(
    job: StackJob,
    stack: VirtualStack,
    lifted: Lifted,
    tracks: Tracks,
    frame: int,
    slices: Sequence[int],
) -> Errors:
    """Errors of one lift.

    Args:
        job: names the ventricle.
        stack: its slices and true motion.
        lifted: the motion found.
        tracks: that it rests on.
        frame: of the lift that is end-systole.
        slices: of the stack that were lifted.
    """
    chosen, end = list(slices), stack.es_frame
    true = (stack.tissue[end] - stack.tissue[0])[chosen]
    truth = HeartMotion.load(job.motion).provenance["function"]
    return lift_errors(lifted, tracks, frame, true, truth)


def lift_errors(
    lifted: Lifted, tracks: Tracks, frame: int, true: np.ndarray, truth: Mapping[str, float]
) -> Errors:
    """Errors of one lift, whatever the ventricle is from.

    Args:
        lifted: the motion found.
        tracks: that it rests on.
        frame: of the lift that is end-systole.
        true: ``(K, angles, depths, 3)`` displacement of the tissue in the slices, mm.
        truth: ``gls`` and ``ejection_fraction`` in %, ``torsion`` in degrees/cm.
    """
    apart = lifted.at_levels(lifted.shape.levels)[frame] - true
    known = np.isfinite(tracks.moves[frame]).all(-1)
    alone = np.concatenate([tracks.moves[frame], np.zeros((*known.shape, 1))], axis=-1) - true
    start, positions = lifted.shape.positions, lifted.positions[frame]
    length = meridian_length(start)
    gls = float(100 * (meridian_length(positions) / length - 1)) - truth["gls"]
    spread = standard_error(lifted, frame, lambda x: 100 * meridian_length(x) / length)
    return Errors(
        point_mm=float(np.linalg.norm(apart, axis=-1).mean()),
        in_plane_mm=float(np.linalg.norm(apart[..., :2], axis=-1).mean()),
        through_mm=float(np.abs(apart[..., 2]).mean()),
        plane_only_mm=float(np.linalg.norm(alone[known], axis=-1).mean()),
        gls=gls,
        torsion=float(torsion(positions, start)) - truth["torsion"],
        ejection_fraction=float(100 * (1 - cavity_volume(positions) / cavity_volume(start)))
        - truth["ejection_fraction"],
        gls_in_spreads=gls / float(spread),
    )


def means(errors: Mapping[str, Errors]) -> dict[str, float]:
    """Mean sizes over ventricles, and the mean of GLS with its sign."""
    found = {
        field.name: float(np.mean([abs(getattr(one, field.name)) for one in errors.values()]))
        for field in fields(Errors)
    }
    signed = [one.gls for one in errors.values()]
    within = [abs(one.gls_in_spreads) <= 1 for one in errors.values()]
    return {**found, "gls_bias": float(np.mean(signed)), "gls_within": float(np.mean(within))}


def line(name: str, found: Errors) -> str:
    """One ventricle as a line of text."""
    return (
        f"  {name}: {found.point_mm:.2f} mm in space (in plane {found.in_plane_mm:.2f}, through "
        f"{found.through_mm:.2f}; tracks alone {found.plane_only_mm:.2f}), GLS {found.gls:+.1f}, "
        f"torsion {found.torsion:+.2f}, EF {found.ejection_fraction:+.1f}"
    )
