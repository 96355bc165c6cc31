"""Whether lights mean something: wrong inputs are not green, right ones are not red.

Network only. Labels at end-systole are left out, as most users have none; where they are given the
area change of the labels is judged as well. Wrong inputs, and right ones in other storages, are of
three slices of each cine, and of every second frame of long ones: a light is judged slice by slice,
and all can be done within the hour on one core.
"""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fem_sim.claims import Claim, Groups, at_least
from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import GREEN, LIGHTS, RED
from myomotion.analysis.measures.movement import FEWEST_OF_A_BEAT
from myomotion.analysis.study import analyse
from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.tracker import Tracker
from myomotion.transforms.load_cine import network_frames
from tools.verify.robustness.faults.changes import copy_study
from tools.verify.robustness.faults.storage import STORAGES, stored
from tools.verify.robustness.given import Given, Study
from tools.verify.robustness.inputs import OF_COURSES, WRONG, label_of

LEAST_PERCENT = 95.0
CHANGES_PER_STUDY = 3  # wrong inputs made of each right one, in turn of all kinds
FEW_SLICES, MANY_FRAMES = 3, 24  # of a cine of which wrong inputs are made, see few_slices
STORAGES_PER_STUDY = 3  # of each right one, of few slices, beside the whole file as it is
# A label moved by less still lies on the heart: mirrored about the middle of a centred heart, say.
STILL_RIGHT = 0.85  # Dice of the ventricle before and after
REFUSED = "refused"


class Judged(NamedTuple):
    """What was said about one input.

    Attributes:
        kind: what is wrong, or how a right one is stored.
        study: name.
        light: of the study, or :data:`REFUSED`.
        reasons: of slices and study.
    """

    kind: str
    study: str
    light: str
    reasons: list[str]


def light_groups(given: Given) -> Groups:
    """Claims about sensitivity and specificity of the lights.

    Args:
        given: studies that are right; those that are labelled at end-diastole count.

    Returns:
        Names and measurements.
    """

    studies = cache(lambda: [*given.real_studies, *given.virtual_studies])
    tracker = cache(Tracker)

    def wrong() -> Iterator[Claim]:
        found = (labelled_cine(study) for study in studies())
        cines = [few_slices(c) for c in found if c is not None]
        walled = [c for c in cines if np.any(c.label_ed == MYOCARDIUM)]
        judged = judgements(tracker(), wrong_inputs(walled, given.seed))
        yield from share_claims("wrong inputs that are not green", judged, {LIGHTS[GREEN]})

    def right() -> Iterator[Claim]:
        inputs = right_inputs(studies(), given.work / "stored")
        judged = judgements(tracker(), inputs)
        yield from share_claims("right inputs that are not red", judged, {LIGHTS[RED], REFUSED})

    return {"right": right, "wrong": wrong}


def labelled_cine(study: Study) -> Cine | None:
    """A cine without its end-systolic label; None where end-diastole is not labelled."""
    cine = read_cine(study)
    return None if cine.label_ed is None else replace(cine, label_es=None)


def few_slices(cine: Cine) -> Cine:
    """Some slices of a cine between its ends, and every second frame where there are many.

    Args:
        cine: labelled at end-diastole.

    Returns:
        A cine of at most :data:`FEW_SLICES` slices; itself where it has no more, nor many frames.
    """
    depth, frames = cine.image.shape[2:]
    step = 2 if frames >= MANY_FRAMES else 1
    if depth <= FEW_SLICES and step == 1:
        return cine
    middles = ((np.arange(FEW_SLICES) + 0.5) * depth / FEW_SLICES).astype(int)  # of its thirds
    kept = middles if depth > FEW_SLICES else np.arange(depth)
    first = cine.ed_frame % step  # end-diastole stays
    assert cine.label_ed is not None
    return cine.with_arrays(
        image=np.ascontiguousarray(cine.image[:, :, kept, first::step]),
        label_ed=np.ascontiguousarray(cine.label_ed[..., kept]),
        levels=[cine.levels[z] for z in kept],
        ed_frame=cine.ed_frame // step,
        es_frame=None if cine.es_frame is None else max(cine.es_frame - first, 0) // step,
        frame_times_ms=None,
    )


def right_inputs(studies: Sequence[Study], work: Path) -> Iterator[tuple[str, Cine]]:
    """Every study as it is and stored along other axes.

    Args:
        studies: right ones.
        work: folder to write into.

    Yields:
        How it is stored, and the cine.
    """
    kinds = list(STORAGES)
    for number, study in enumerate(studies):
        cine = labelled_cine(study)
        if cine is None:
            continue
        yield "as it is", cine
        for turn in range(STORAGES_PER_STUDY):
            kind = kinds[(number + turn) % len(kinds)]
            copy = work / f"{number:03d}" / cine.name
            copy_study(study, copy)
            stored(STORAGES[kind])(copy)
            again = labelled_cine(find_studies(copy)[0])
            if again is not None:
                yield kind, few_slices(again)
            shutil.rmtree(copy)


def wrong_inputs(cines: Sequence[Cine], seed: int) -> Iterator[tuple[str, Cine]]:
    """Wrong inputs made of right ones, all kinds in turn.

    Args:
        cines: right ones.
        seed: of noise and shuffling.

    Yields:
        What is wrong, and the cine.
    """
    kinds = list(WRONG)
    for number, cine in enumerate(cines):
        rng = np.random.default_rng([seed, number])
        for turn in range(CHANGES_PER_STUDY - 1):
            kind = kinds[(number * (CHANGES_PER_STUDY - 1) + turn) % len(kinds)]
            if kind in OF_COURSES and cine.image.shape[3] < FEWEST_OF_A_BEAT:
                continue
            changed = WRONG[kind](cine, rng)
            if not kind.startswith("label") or overlap(cine, changed) < STILL_RIGHT:
                yield kind, changed
        other = cines[(number + 1) % len(cines)]
        changed = label_of(other)(cine, rng)
        if overlap(cine, changed) < STILL_RIGHT:
            yield "label of another patient", changed


def overlap(cine: Cine, other: Cine) -> float:
    """Dice of the labelled ventricles of a cine with two labels."""
    first, second = (
        np.isin(c.label_ed, (CAVITY, MYOCARDIUM)) for c in (cine, other) if c.label_ed is not None
    )
    return float(2 * (first & second).sum() / max(first.sum() + second.sum(), 1))


def judgements(tracker: Tracker, inputs: Iterable[tuple[str, Cine]]) -> list[Judged]:
    """Judge one input after the other, and say so: all of them take long.

    Args:
        tracker: network only.
        inputs: what is wrong with each, and the cine.
    """
    found = []
    for kind, cine in inputs:
        found.append(judge(tracker, kind, cine))
        last = found[-1]
        reason = f"; {last.reasons[0]}" if last.reasons else ""
        print(f"{len(found)}: {kind}: {last.study}: {last.light}{reason}", file=sys.stderr)
    return found


def judge(tracker: Tracker, kind: str, cine: Cine) -> Judged:
    """Track a cine and take its light.

    Args:
        tracker: network only.
        kind: what is wrong with it.
        cine: in memory.

    Returns:
        The judgement; input that is refused has said so.
    """
    try:
        load, slices = tracker.load.transforms[0], working_slices(cine)
        slices = replace(slices, tissues=load.tissues(slices))
        item: dict[str, Any] = {**network_frames(slices, load.guide), "slices": slices}
        item["mask"] = slices.soft[MYOCARDIUM][:, None]
        tracked = tracker.motion(item)
    except InputError as error:
        return Judged(kind, cine.name, REFUSED, [str(error)])
    control = tracker.parts.get_parsed_content("quality_control")
    quality = analyse(slices, tracked["displacement"], tracked["inverse"], control).quality
    reasons = [reason for s in quality.slices if s.measured for reason in s.reasons]
    return Judged(kind, cine.name, LIGHTS[quality.light], quality.reasons + reasons)


def share_claims(name: str, judged: Sequence[Judged], bad: Set[str]) -> Iterator[Claim]:
    """A claim about the share of inputs whose light is none of the bad ones.

    Args:
        name: of the claim.
        judged: the inputs.
        bad: lights that none of them should have.

    Yields:
        The claim; its note names those that have it.
    """
    missed = [j for j in judged if j.light in bad]
    note = "; ".join(
        f"{j.kind}: {j.study}" + (f" ({j.reasons[0]})" if j.reasons else "") for j in missed
    )
    counts = ", ".join(f"{light} {n}" for light, n in _counts(judged).items())
    share = 100 * (1 - len(missed) / len(judged))
    yield at_least(f"{len(judged)} {name} ({counts})", share, LEAST_PERCENT, "%", note)


def _counts(judged: Sequence[Judged]) -> Mapping[str, int]:
    return {light: sum(j.light == light for j in judged) for light in (*LIGHTS, REFUSED)}
