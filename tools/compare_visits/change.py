"""Differences between two results, held against the error of a repeat."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.tables.wide import segment_values
from myomotion.errors import HINTED, InputError, nearest
from myomotion.inferers.studies import read_summary

INTERVALS = "Intervals of the two results, calibrated on virtual hearts"
REPEAT = Path(__file__).parent / "repeat.yaml"
TWO_SIDED_95, TWO_SIDED_90 = 1.96, 1.645  # standard deviations of a normal error
# Numbers of the study in the order of the page, with what a reader calls them.
STUDY_NUMBERS = {
    "ecc_percent": "Ecc, %",
    "ecc_endo_percent": "Ecc, endocardial, %",
    "ecc_mid_percent": "Ecc, mid-wall, %",
    "ecc_epi_percent": "Ecc, epicardial, %",
    "err_percent": "Err, %",
    "twist_deg": "twist, °",
    "twist_deg_per_cm": "twist, °/cm",
    "time_to_peak_ecc_sd_ms": "spread of time to peak Ecc, ms",
    "cure": "CURE",
    "lv_ef_percent": "ejection fraction, %",
    "seen_lv_ef_percent": "ejection fraction of the slices seen, %",
    "lv_edv_ml": "end-diastolic volume, ml",
    "lv_esv_ml": "end-systolic volume, ml",
    "lv_mass_g": "mass, g",
    "heart_rate_bpm": "heart rate, /min",
}
SEGMENT_NUMBERS = {
    "ecc_percent": "Ecc, %",
    "err_percent": "Err, %",
    "time_to_peak_ecc_ms": "time to peak Ecc, ms",
}


NUMBERS = {"study": STUDY_NUMBERS, "segment": SEGMENT_NUMBERS}
SIZES = ("sd", "cv_percent")  # of the error of a repeat, either of them


@dataclass(frozen=True, kw_only=True)
class Change:
    """A number at two visits.

    Attributes:
        first: at the first; None where unknown.
        second: at the second.
        smallest_real: what a difference must exceed to be told from a repeat; None where no error
            of a repeat is known.
        source: where that error is from.
    """

    first: float | None
    second: float | None
    smallest_real: float | None = None
    source: str | None = None

    @property
    def difference(self) -> float | None:
        """Second less first."""
        if self.first is None or self.second is None:
            return None
        return self.second - self.first

    @property
    def beyond(self) -> bool | None:
        """The difference is beyond the error of a repeat; None where that cannot be told."""
        if self.difference is None or self.smallest_real is None:
            return None
        return abs(self.difference) > self.smallest_real


def change(first: float | None, second: float | None, repeat: Mapping[str, Any] | None) -> Change:
    """Hold two values against the error of a repeat.

    ``1.96 sd`` of the differences between repeats is the smallest real change (Bland and Altman,
    Stat Methods Med Res 1999; 8:135); a coefficient of variation is taken of the two values' mean.

    Args:
        first: value, or None.
        second: value, or None.
        repeat: ``sd`` or ``cv_percent``, and ``source``; None where not known.

    Returns:
        The change.
    """
    if repeat is None or first is None or second is None:
        return Change(first=first, second=second)
    sd = repeat.get("sd")
    if sd is None:
        sd = repeat["cv_percent"] / 100 * abs(first + second) / 2
    return Change(
        first=first,
        second=second,
        smallest_real=TWO_SIDED_95 * float(sd),
        source=str(repeat["source"]),
    )


def own_repeat(
    first: Mapping[str, Any], second: Mapping[str, Any], key: str
) -> dict[str, Any] | None:
    """Error of a difference, by the intervals of the two values.

    As if the errors of both visits had nothing in common: what the program always gets wrong in the
    same way falls out of a difference, so that this is rather too much than too little.

    Args:
        first: numbers of the first visit, with halves of their intervals.
        second: of the second.
        key: of the number.

    Returns:
        As an entry of :func:`read_repeat`; None unless both have an interval.
    """
    known = (own.get(key + HALF_WIDTH) for own in (first, second))
    halves = [half for half in known if half is not None]
    if len(halves) < 2:
        return None
    return {"sd": float(np.hypot(*halves)) / TWO_SIDED_90, "source": INTERVALS}


def read_repeat(path: Path = REPEAT) -> dict[str, dict[str, Any]]:
    """Errors of repeats.

    Args:
        path: YAML as :data:`REPEAT`.

    Returns:
        Under ``study`` and ``segment`` an entry for each number.

    Raises:
        InputError: if the file cannot be read, or an entry lacks something or is not known.
    """
    try:
        content = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise InputError(f"{path}: cannot be read as YAML: {error}") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected keys study and segment, found {content!r:.60}.")
    _refuse_unknown(content, NUMBERS, f"{path}: ")
    found = {part: content.get(part) or {} for part in NUMBERS}
    published = found if path == REPEAT else read_repeat()
    for part, entries in found.items():
        if not isinstance(entries, dict):
            raise InputError(f"{path}: {part}: expected names of numbers, found {entries!r:.60}.")
        _refuse_unknown(entries, {**NUMBERS[part], **published[part]}, f"{path}: {part}, ")
        for key, entry in entries.items():
            sizes = [entry.get(k) for k in SIZES] if isinstance(entry, dict) else []
            given = [size for size in sizes if size is not None]
            if not given or not all(map(_is_size, given)):
                raise InputError(
                    f"{path}: {part}, {key}: give sd or cv_percent, a number above 0, and source."
                )
            _refuse_unknown(entry, (*SIZES, "source", "published"), f"{path}: {part}, {key}, ")
            entry.setdefault("source", path.name)
    return found


def _is_size(value: object) -> bool:
    """A finite number above 0; true is none."""
    number = isinstance(value, int | float) and not isinstance(value, bool)
    return number and 0 < value < math.inf  # type: ignore[operator]


def _refuse_unknown(given: Iterable[object], known: Collection[str], place: str) -> None:
    """Refuse a key that would do nothing; ``place`` says where it stands."""
    for key in given:
        if key not in known:
            near = nearest(str(key), sorted(known), HINTED)
            hint = f"Did you mean {near}?" if near else f"Known are {', '.join(sorted(known))}."
            raise InputError(f"{place}{key}: not known. {hint}")


def read_visit(folder: Path) -> dict[str, Any]:
    """Summary of a result folder.

    Args:
        folder: written by the bundle.

    Returns:
        Content of ``summary.json``.

    Raises:
        InputError: where there is none, or it holds no strain.
    """
    summary = read_summary(folder)
    if summary is None:
        raise InputError(f"{folder}: no summary.json that can be read. Give a folder of results.")
    if not summary.get("segments_at_end_systole"):
        raise InputError(f"{folder}: holds no strain: track it with an end-diastolic label.")
    return summary


def study_changes(
    first: Mapping[str, Any], second: Mapping[str, Any], repeat: Mapping[str, Any]
) -> dict[str, Change]:
    """Changes of the numbers of a study that at least one visit has.

    Args:
        first: summary.
        second: summary.
        repeat: from :func:`read_repeat`.

    Returns:
        By key of :data:`STUDY_NUMBERS`.
    """
    values = [{**s, **(s.get("mean_of_slices_at_end_systole") or {})} for s in (first, second)]
    pairs = {key: (values[0].get(key), values[1].get(key)) for key in STUDY_NUMBERS}
    known = _preferred(repeat["study"])
    return {
        key: change(before, after, known(key, values[0], values[1]))
        for key, (before, after) in pairs.items()
        if (before, after) != (None, None)
    }


def segment_changes(
    first: Mapping[str, Any], second: Mapping[str, Any], repeat: Mapping[str, Any]
) -> dict[int, dict[str, Change]]:
    """Changes of every segment.

    Args:
        first: summary.
        second: summary.
        repeat: from :func:`read_repeat`.

    Returns:
        By segment, 1 to 16, and key of :data:`SEGMENT_NUMBERS`.
    """
    before, after = segment_values(first), segment_values(second)
    known = _preferred(repeat["segment"])
    return {
        number: {
            key: change(
                before[number][key],
                after[number][key],
                known(key, before[number], after[number]),
            )
            for key in SEGMENT_NUMBERS
        }
        for number in before
    }


def _preferred(
    repeat: Mapping[str, Any],
) -> Callable[[str, Mapping[str, Any], Mapping[str, Any]], Mapping[str, Any] | None]:
    """The error of a repeat: the user's own, else by the intervals, else a published one."""

    def known(
        key: str, first: Mapping[str, Any], second: Mapping[str, Any]
    ) -> Mapping[str, Any] | None:
        given: Mapping[str, Any] | None = repeat.get(key)
        if given is not None and not given.get("published"):
            return given
        return own_repeat(first, second, key) or given

    return known


def cautions(first: Mapping[str, Any], second: Mapping[str, Any]) -> list[str]:
    """Why a difference may not be the heart's.

    Args:
        first: summary.
        second: summary.

    Returns:
        Sentences.
    """
    found = []
    for name, own in (("first", first), ("second", second)):
        if own.get("light") != "green":
            found.append(f"The {name} visit has the light {own.get('light')}: look at its report.")
    for key, what in (
        ("parameters", "settings or weights"),
        ("strain", "a definition of strain"),
        ("label_ed_from", "an origin of the end-diastolic contours"),
    ):
        if first.get(key) != second.get(key):
            found.append(f"The visits do not share {what}.")
    levels = [[s.get("level") for s in own.get("slices", [])] for own in (first, second)]
    if levels[0] != levels[1]:
        found.append("The visits do not have the same slices.")
    return found
