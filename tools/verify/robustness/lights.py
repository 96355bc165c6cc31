"""Whether lights mean something: wrong inputs are not green, right ones are not red.

Network only. Labels at end-systole are left out, as most users have none; where they are given the
area change of the labels is judged as well.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any, NamedTuple

import numpy as np

from fem_sim.claims import Claim, Groups, at_least
from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import LIGHTS
from myomotion.analysis.study import analyse
from myomotion.errors import InputError
from myomotion.io.cine import Cine, read_cine
from myomotion.io.labels import MYOCARDIUM
from myomotion.tracker import Tracker
from myomotion.transforms.load_cine import normalised
from tools.verify.robustness.given import Given
from tools.verify.robustness.inputs import WRONG, label_of

LEAST_PERCENT = 95.0
CHANGES_PER_STUDY = 4  # wrong inputs made of each right one, in turn of all kinds
REFUSED = "refused"


class Judged(NamedTuple):
    """What was said about one input.

    Attributes:
        kind: what is wrong, or ``right``.
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
        given: studies that are right; those with a labelled wall count.

    Returns:
        Names and measurements.
    """

    @cache
    def cines() -> tuple[Cine, ...]:
        found = (read_cine(study) for study in [*given.real_studies, *given.virtual_studies])
        return tuple(
            replace(c, label_es=None)
            for c in found
            if c.label_ed is not None and (c.label_ed == MYOCARDIUM).any()
        )

    @cache
    def tracker() -> Tracker:
        return Tracker()

    def wrong() -> Iterator[Claim]:
        judged = [judge(tracker(), kind, cine) for kind, cine in wrong_inputs(cines(), given.seed)]
        yield from share_claims("wrong inputs that are not green", judged, "green")

    def right() -> Iterator[Claim]:
        judged = [judge(tracker(), "right", cine) for cine in cines()]
        yield from share_claims("right inputs that are not red", judged, "red")

    return {"right": right, "wrong": wrong}


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
            if kind == "frames shuffled" and cine.image.shape[3] < 5:
                continue  # a pair has one order
            yield kind, WRONG[kind](cine, rng)
        other = cines[(number + 1) % len(cines)]
        if other is not cine:
            yield "label of another patient", label_of(other)(cine, rng)


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
        slices = working_slices(cine)
        item: dict[str, Any] = {"image": normalised(slices), "slices": slices}
        item["mask"] = slices.soft[MYOCARDIUM][:, None]
        tracked = tracker.motion(item)
    except InputError as error:
        return Judged(kind, cine.name, REFUSED, [str(error)])
    control = tracker.parts.get_parsed_content("quality_control")
    quality = analyse(slices, tracked["displacement"], tracked["inverse"], control).quality
    reasons = [reason for s in quality.slices if s.measured for reason in s.reasons]
    return Judged(kind, cine.name, LIGHTS[quality.light], quality.reasons + reasons)


def share_claims(name: str, judged: Sequence[Judged], bad: str) -> Iterator[Claim]:
    """A claim about the share of inputs whose light is not a bad one.

    Args:
        name: of the claim.
        judged: the inputs.
        bad: light that none of them should have.

    Yields:
        The claim; its note names those that have it.
    """
    missed = [j for j in judged if j.light == bad]
    note = "; ".join(
        f"{j.kind}: {j.study}" + (f" ({j.reasons[0]})" if j.reasons else "") for j in missed
    )
    counts = ", ".join(f"{light} {n}" for light, n in _counts(judged).items())
    share = 100 * (1 - len(missed) / len(judged))
    yield at_least(f"{len(judged)} {name} ({counts})", share, LEAST_PERCENT, "%", note)


def _counts(judged: Sequence[Judged]) -> Mapping[str, int]:
    return {light: sum(j.light == light for j in judged) for light in (*LIGHTS, REFUSED)}
