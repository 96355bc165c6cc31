"""Errors of the lift on tracked pictures of virtual stacks, and numbers of real ones."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from fem_sim.heart3d.motion import HeartMotion
from fem_sim.heart3d.stacks.dataset import StackJob, stack_of
from fem_sim.phantom.files import is_finished
from myomotion.io.built_in.cines import studies_of
from myomotion.tracker import Tracker
from tools.verify.volume.hearts import Errors, errors_of
from tools.verify.volume.parts import Rows, parts_of


def tracked_errors(
    jobs: Sequence[StackJob], stacks: Path, tracker: Tracker, parts: dict[str, Rows]
) -> Iterator[tuple[str, Errors]]:
    """Errors where the pictures of the stacks are tracked.

    Args:
        jobs: the stacks' ventricles.
        stacks: folder that ``python -m fem_sim stacks3d`` made of them; those that are not there
            are left out.
        tracker: with ``volume``.
        parts: is given what part of each error is the tracks', see
            :func:`~tools.verify.volume.parts.parts_of`.

    Yields:
        Name and errors of each ventricle that can be lifted.
    """
    studies = {str(study["name"]): study for study in studies_of(stacks)}
    for job in jobs:
        folder = stacks / job.subject
        if not is_finished(folder) or job.subject not in studies:
            continue
        result = tracker(studies[job.subject])
        stack, _ = stack_of(job)
        if result.volume is None:
            print(f"  {job.subject}: {result.summary['volume']['not_computed_because']}")
            continue
        volume = result.volume
        kept = read_kept(result.cine.files["info"])
        slices = [kept[z] for z in volume.slices]
        truth = HeartMotion.load(job.motion).provenance["function"]
        parts[job.subject] = parts_of(stack, volume, slices, truth)
        yield (
            job.subject,
            errors_of(job, stack, volume.lifted, volume.tracks, stack.es_frame, slices),
        )


def read_kept(info: str) -> list[int]:
    """Which slices of a virtual stack its cine has."""
    kept: list[int] = json.loads(Path(info).read_text())["stack"]["kept"]
    return kept


def real_numbers(folder: Path, tracker: Tracker) -> Iterator[tuple[str, dict[str, Any]]]:
    """GLS, torsion and through-plane motion of real stacks.

    Args:
        folder: of studies.
        tracker: with ``volume``.

    Yields:
        Name, and ``volume`` of the summary with ``group``.
    """
    for study in studies_of(folder):
        result = tracker(study)
        yield (
            str(study["name"]),
            {"group": group_of(study), **result.summary["volume"]},
        )


def group_of(study: Mapping[str, object]) -> str:
    """The group that ``info.json`` gives a study."""
    info = study.get("info")
    content = json.loads(Path(str(info)).read_text()) if info else {}
    return str(content.get("pathology", content.get("group", "unknown")))
