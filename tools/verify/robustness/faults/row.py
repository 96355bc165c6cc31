"""A row of the list of faults: what is done to a sound study, and what may come of it."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.analysis.measures.measure import LIGHTS
from myomotion.analysis.study import Study
from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from myomotion.tracker import Tracker


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What a user sees of a study.

    Attributes:
        refused: the message, None where the study was tracked.
        ecc: Green-Lagrange strain at end-systole, %, mean of the measured slices; None without.
        err: the same, radially.
        ejected: share of the cavity's area, likewise.
        segments: Ecc of every slice and segment, (S,).
        ed_frame: reference frame.
        es_frame: end-systolic frame.
        light: of the study.
        said: reasons and warnings.
        study: all of it.
    """

    refused: str | None = None
    ecc: float | None = None
    err: float | None = None
    ejected: float | None = None
    segments: np.ndarray = field(default_factory=lambda: np.empty(0))
    ed_frame: int | None = None
    es_frame: int | None = None
    light: str = ""
    said: tuple[str, ...] = ()
    study: Study | None = None

    def __str__(self) -> str:
        """What came out, on one line."""
        if self.refused is not None:
            return f"refused: {self.refused}"
        numbers = (("Ecc", self.ecc), ("Err", self.err), ("ejected", self.ejected))
        shown = ", ".join(f"{name} {value:.3g}" for name, value in numbers if value is not None)
        frames = f"ED {self.ed_frame}, ES {self.es_frame}"
        return f"{shown or 'no strain'}, {frames}, {self.light}; {'; '.join(self.said[:3])}"


# From what came out, and what came of the sound study, to what is wrong with it; None if nothing.
Right = Callable[[Outcome, Outcome], str | None]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One circumstance.

    Attributes:
        name: what it is.
        change: does it to a copy of the sound study's folder; may give another place to track.
        right: judges what came out.
        of: which sound study.
        settings: of the tracker.
    """

    name: str
    change: Callable[[Path], Any]
    right: Right
    of: str = "drawn"
    settings: dict[str, Any] = field(default_factory=dict)


def look(place: Path, tracker: Tracker) -> Outcome:
    """Track what lies at a place, as a user does, and see what comes out.

    Args:
        place: a study.
        tracker: with its settings.

    Returns:
        The outcome; errors other than refusals pass, for they are faults.
    """
    with warned() as messages:
        try:
            studies = find_studies(place)
            if len(studies) != 1:
                raise InputError(f"{place.name}: {len(studies)} studies")
            study = tracker(studies[0])
        except InputError as error:
            return Outcome(refused=str(error))
    return outcome(study, messages)


def outcome(study: Study, messages: list[str]) -> Outcome:
    """What a tracked study says.

    Args:
        study: tracked.
        messages: warnings that were logged meanwhile.
    """
    quality, es_frame = study.quality, study.motion.es_frame
    rows = [row for row in study.rows if row["frame"] == es_frame]
    walls = [row for row in rows if row["segment"] == 0]
    measured = {judged.slice for judged in quality.slices if judged.measured}
    ejected = [
        judged.values.get("ejection_area_fraction")
        for judged in quality.slices
        if judged.slice in measured
    ]
    reasons = [reason for judged in quality.slices for reason in judged.reasons]
    return Outcome(
        ecc=_mean([row["ecc_percent"] for row in walls if row["ecc_percent"] is not None]),
        err=_mean([row["err_percent"] for row in walls if row["err_percent"] is not None]),
        ejected=_mean([share for share in ejected if share is not None]),
        segments=np.array([row["ecc_percent"] for row in rows if row["segment"]], float),
        ed_frame=study.cine.ed_frame,
        es_frame=es_frame,
        light=LIGHTS[quality.light],
        said=(*quality.reasons, *reasons, *study.summary["warnings"], *messages),
        study=study,
    )


def same(ecc: float = 0.3, err: float = 1.5, ejected: float = 0.02) -> Right:
    """The numbers of the sound study come out, and the light is no worse than its.

    Args:
        ecc: tolerance, points.
        err: tolerance, points.
        ejected: tolerance, of the cavity's area.
    """

    def judge(found: Outcome, sound: Outcome) -> str | None:
        if found.refused is not None:
            return "it was refused"
        for key, limit in (("ecc", ecc), ("err", err), ("ejected", ejected)):
            value, right = getattr(found, key), getattr(sound, key)
            if right is not None and (value is None or abs(value - right) > limit):
                return f"{key} is {value} for {right:.4g}"
        if LIGHTS.index(found.light) > LIGHTS.index(sound.light):
            return f"the light is {found.light} for {sound.light}"
        return None

    return judge


def refused(pattern: str) -> Right:
    """One line is said, with file, value and fix.

    Args:
        pattern: regular expression that the line holds.
    """

    def judge(found: Outcome, _: Outcome) -> str | None:
        if found.refused is None:
            return "it was not refused"
        if "\n" in found.refused or not re.search(pattern, found.refused):
            return f"the refusal does not say {pattern!r}"
        return None

    return judge


def doubted(pattern: str) -> Right:
    """The light is amber or red and the reason is said, or the study is refused with it.

    Args:
        pattern: regular expression that a reason holds.
    """

    def judge(found: Outcome, sound: Outcome) -> str | None:
        if found.refused is not None:
            return refused(pattern)(found, sound)
        if found.light == LIGHTS[0]:
            return "the light is green"
        return said(pattern)(found, sound)

    return judge


def said(pattern: str) -> Right:
    """The user is told.

    Args:
        pattern: regular expression that a reason or warning holds.
    """

    def judge(found: Outcome, _: Outcome) -> str | None:
        if not any(re.search(pattern, sentence) for sentence in found.said):
            return f"nobody says {pattern!r}"
        return None

    return judge


def both(*parts: Right) -> Right:
    """All of several hold."""
    return lambda found, sound: next((f for part in parts if (f := part(found, sound))), None)


def either(*parts: Right) -> Right:
    """One of several holds."""

    def judge(found: Outcome, sound: Outcome) -> str | None:
        faults = [part(found, sound) for part in parts]
        return None if None in faults else " and ".join(f for f in faults if f)

    return judge


@contextmanager
def warned() -> Iterator[list[str]]:
    """Warnings that are logged in the block."""
    messages: list[str] = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("myomotion")
    logger.addHandler(handler)
    try:
        yield messages
    finally:
        logger.removeHandler(handler)


def _mean(values: list[float]) -> float | None:
    return float(np.mean(values)) if values else None
