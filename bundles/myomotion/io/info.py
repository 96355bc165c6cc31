"""What a user, a converter or the simulator says of a study: its ``info.json``."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.errors import InputError, nearest
from myomotion.io.codes import coding_table
from myomotion.io.frame_times import BELIEVABLE_BPM, BELIEVABLE_MS

#: Keys that decide how a study is read, in any case of letters.
DECIDING_KEYS = (
    "ed_frame",
    "es_frame",
    "labels",
    "slices",
    "frame_times_ms",
    "frame_interval_ms",
    "series",
    "allow_missing_slices",
    "slice_spacing_mm",
    "spacing_known",
    "height_cm",
    "weight_kg",
    "heart_rate_bpm",
    "sex",
    "septum_points",
)
#: Numbers that are believed, their unit, and what they are.
RANGES = {
    "slice_spacing_mm": (0.2, 40.0, "millimetres from the middle of a slice to that of the next"),
    "height_cm": (30.0, 250.0, "the patient's height in centimetres"),
    "weight_kg": (1.0, 400.0, "the patient's weight in kilograms"),
    "heart_rate_bpm": (*BELIEVABLE_BPM, "heart beats in a minute"),
}
#: Keys with a meaning; others are notes and are ignored, unless one is nearly a deciding key.
KNOWN_KEYS = (
    *DECIDING_KEYS,
    # Notes of tools.convert.
    *("patient", "dataset", "group", "vendor", "n_frames", "n_slices", "spacing_mm"),
    *("source_files", "source_frames", "notes"),
    # Notes of fem_sim on virtual cines.
    *("in_plane_spacing_mm", "label", "truth", "seed", "settings", "cycles", "snr"),
    *("kspace_kept", "closing", "min_jacobian", "right_ventricle_moves", "animated", "left_out"),
    *("septal_angle_deg", "intensity_scale", "noise_sigma"),
)
#: What a deciding key is called elsewhere, letters alone. Where frames are counted from differs, so
#: that such a key is refused, not taken for ours.
CALLED = {
    r"(ed|enddiastol\w*)(frame|phase|index|idx|number|time)?s?": "ed_frame",
    r"(es|endsystol\w*)(frame|phase|index|idx|number|time)?s?": "es_frame",
    r"(label)?cod(e|es|ing|ings)": "labels",
    r"(trigger|phase)times?(ms|s)?": "frame_times_ms",
    r"(dt|(frame|temporal)(duration|distance|spacing|resolution))(ms|s)?": "frame_interval_ms",
    r"(slice(distance|gap|thickness)|spacingbetweenslices)(mm)?": "slice_spacing_mm",
    r"series(number|description|instanceuid|uid)": "series",
    r"(patients?|body|subjects?)(height|size|length)\w*|height(m|cm|mm|in|inch|ft)?": "height_cm",
    r"(patients?|body|subjects?)(weight|mass)\w*|weight(kg|g|lbs?|pounds?)?": "weight_kg",
    r"(hr|bpm|heartrate)(bpm)?": "heart_rate_bpm",
    r"(patients?|subjects?)?(sex|gender)": "sex",
    r"(rv|septal|septum)(insertion)?points?|(rv)?insertion(points?|s)": "septum_points",
}
LEVEL_WORDS = {
    **dict.fromkeys(("basal", "base"), "basal"),
    **dict.fromkeys(("mid", "middle", "midventricular", "mid-ventricular"), "mid"),
    **dict.fromkeys(("apical", "apex"), "apical"),
}


@dataclass(frozen=True, kw_only=True)
class Subject:
    """What is known of the patient beside the pictures.

    Attributes:
        height_cm: None where unknown.
        weight_kg: None where unknown.
        heart_rate_bpm: during the scan, None where it is not given.
        sex: ``female`` or ``male``, None where it is not given.
    """

    height_cm: float | None = None
    weight_kg: float | None = None
    heart_rate_bpm: float | None = None
    sex: str | None = None


@dataclass(frozen=True, kw_only=True)
class StudyInfo:
    """What ``info.json`` says of a study; the defaults are those of a study without one.

    Attributes:
        path: the file, None without one.
        ed_frame: index of the end-diastolic frame as given, None where it is not; whether the cine
            has such a frame is for its reader to check.
        es_frame: the same of end-systole.
        labels: coding of the labels, a key of :data:`~myomotion.io.labels.LABEL_CODINGS`, the
            user's own (:func:`~myomotion.io.codes.coding_table`) or ``auto``.
        levels: name of each slice, empty where none is given.
        frame_times_ms: as given, see :meth:`frame_times`.
        frame_interval_ms: as given, where all frames are equally far apart.
        series: which DICOM series is the cine: SeriesNumber, SeriesInstanceUID, SeriesDescription,
            or a list of them.
        allow_missing_slices: slices are missing from the stack and were never taken.
        slice_spacing_mm: distance of the slices from middle to middle, None where it is not given.
        spacing_known: the voxel size is measured, not assumed.
        subject: the patient.
        septum_points: as given.
        content: all that the file holds, notes without a meaning to a reader too.
    """

    path: Path | None = None
    ed_frame: object = None
    es_frame: object = None
    labels: str | Mapping[object, object] = "auto"
    levels: tuple[str, ...] = ()
    frame_times_ms: object = None
    frame_interval_ms: object = None
    series: object = None
    allow_missing_slices: bool = False
    slice_spacing_mm: float | None = None
    spacing_known: bool = True
    subject: Subject = field(default_factory=Subject)
    septum_points: object = None
    content: Mapping[str, Any] = field(default_factory=dict)

    @property
    def picked_slices(self) -> list[int]:
        """Indices in their stack of slices that are not neighbours there; else empty."""
        entries = self.content.get("slices") or []
        found = [entry.get("source_slice_index") for entry in entries]
        indices = [i for i in found if isinstance(i, int)]
        apart = {abs(b - a) for a, b in pairwise(indices)}
        return indices if len(indices) == len(found) and apart - {1} else []

    def frame_times(self, frames: int) -> np.ndarray | None:
        """Time of every frame, the first at 0.

        Args:
            frames: how many the cine has.

        Returns:
            ``(frames,)`` in milliseconds, or None without ``frame_times_ms`` and
            ``frame_interval_ms``; the former goes first.

        Raises:
            InputError: if ``frame_times_ms`` is not one rising number a frame,
                ``frame_interval_ms`` not a positive number, or frames of a cine (not of a pair) are
                no believable time apart.
        """
        if self.frame_times_ms is None:
            return self._even_times(frames)
        try:
            times = np.asarray(self.frame_times_ms, float)
        except (TypeError, ValueError, OverflowError):
            times = np.empty(0)
        rising = times.shape == (frames,) and bool(np.isfinite(times).all())
        if not rising or bool((np.diff(times) <= 0).any()):
            raise InputError(
                f"{self.path}: frame_times_ms is {str(self.frame_times_ms)[:60]}, expected "
                f"{frames} rising numbers in milliseconds, one a frame."
            )
        self._check_step("frame_times_ms", float(np.diff(times).mean()) if frames > 2 else None)
        return times - times[0]

    def _even_times(self, frames: int) -> np.ndarray | None:
        step = self.frame_interval_ms
        if step is None:
            return None
        if isinstance(step, bool) or not isinstance(step, int | float) or not 0 < step < np.inf:
            raise InputError(
                f"{self.path}: frame_interval_ms is {str(step)[:60]}, expected a positive number "
                "of milliseconds from one frame to the next."
            )
        self._check_step("frame_interval_ms", float(step) if frames > 2 else None)
        return np.arange(frames) * float(step)

    def _check_step(self, key: str, step: float | None) -> None:
        """Refuse frames of a cine closer or farther apart than any are; None is not checked."""
        if step is not None and not BELIEVABLE_MS[0] <= step <= BELIEVABLE_MS[1]:
            raise InputError(
                f"{self.path}: {key} puts frames {step:g} ms apart; {BELIEVABLE_MS[0]:g} to "
                f"{BELIEVABLE_MS[1]:g} are believable. Give milliseconds."
            )


def read_info(path: str | Path | None) -> StudyInfo:
    """Read ``info.json``.

    Args:
        path: the file, or None for a study without one.

    Returns:
        What it says.

    Raises:
        InputError: if it cannot be read, is no JSON object, or a value is not of its key's kind.
    """
    if path is None:
        return StudyInfo()
    try:
        # As bytes, of which json knows the encodings that Notepad and PowerShell write.
        content = json.loads(Path(path).read_bytes(), object_pairs_hook=_without_repeats)
    except (OSError, ValueError, RecursionError) as error:
        raise InputError(f"{path}: not readable JSON ({error}). Correct it.") from error
    if not isinstance(content, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(content).__name__}.")
    content = _in_lower_case(Path(path), content)
    slices = content.get("slices") or []
    if not isinstance(slices, list) or not all(isinstance(entry, dict) for entry in slices):
        raise InputError(
            f"{path}: slices is {str(slices)[:60]}, expected one object a slice, such as "
            '{"level": "mid"}.'
        )
    return StudyInfo(
        path=Path(path),
        ed_frame=_plain(content.get("ed_frame")),
        es_frame=_plain(content.get("es_frame")),
        labels=_coding(Path(path), content.get("labels")),
        levels=tuple(_level(Path(path), entry, z) for z, entry in enumerate(slices)),
        frame_times_ms=content.get("frame_times_ms"),
        frame_interval_ms=_plain(content.get("frame_interval_ms")),
        series=content.get("series"),
        allow_missing_slices=_truth(Path(path), content, "allow_missing_slices"),
        slice_spacing_mm=_number(Path(path), content, "slice_spacing_mm"),
        spacing_known=_truth(Path(path), content, "spacing_known", default=True),
        subject=Subject(
            height_cm=_number(Path(path), content, "height_cm"),
            weight_kg=_number(Path(path), content, "weight_kg"),
            heart_rate_bpm=_number(Path(path), content, "heart_rate_bpm"),
            sex=_sex(Path(path), content.get("sex")),
        ),
        septum_points=content.get("septum_points"),
        content=content,
    )


def _in_lower_case(path: Path, content: Mapping[str, Any]) -> dict[str, Any]:
    """Deciding keys in lower case; what is nearly one of them is refused, not overlooked."""
    lowered = {}
    for key, value in content.items():
        low = key.lower()
        name = low if low in DECIDING_KEYS else key
        if name in lowered:
            raise InputError(f"{path}: {name} is given twice. Keep one.")
        near = nearest(low, DECIDING_KEYS) or _called_otherwise(low)
        if near and name not in KNOWN_KEYS:
            raise InputError(f"{path}: {key!r} is not a known key. Did you mean {near!r}?")
        lowered[name] = value
    return lowered


def _called_otherwise(key: str) -> str | None:
    """The deciding key that another one stands for elsewhere, see :data:`CALLED`."""
    letters = re.sub("[^a-z]", "", key)
    return next((ours for theirs, ours in CALLED.items() if re.fullmatch(theirs, letters)), None)


def _without_repeats(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A JSON object, in which a key that is there twice has no meaning."""
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise ValueError(f"{next(n for n in names if names.count(n) > 1)!r} is given twice")
    return found


def _coding(path: Path, value: object) -> str | Mapping[object, object]:
    """A coding of labels that is one."""
    if value is None or str(value).strip().lower() == "auto":
        return "auto"
    coding = value if isinstance(value, Mapping) else str(value)
    try:
        coding_table(coding)
    except InputError as error:
        raise InputError(f"{path}: labels: {error}") from error
    return coding


def _truth(path: Path, content: Mapping[str, Any], key: str, default: bool = False) -> bool:
    value = content.get(key)
    if value not in (None, True, False):
        raise InputError(f"{path}: {key} is {str(value)[:60]!r}, expected true or false.")
    return default if value is None else bool(value)


def _number(path: Path, content: Mapping[str, Any], key: str) -> float | None:
    """A number within its :data:`RANGES`; None where it is not given."""
    value = _plain(content.get(key))
    if value is None:
        return None
    low, high, meaning = RANGES[key]
    if isinstance(value, bool) or not isinstance(value, int | float) or not low <= value <= high:
        raise InputError(
            f"{path}: {key} is {str(value)[:60]}, expected {meaning}, {low:g} to {high:g}. Correct "
            "it, or leave it out."
        )
    return float(value)


def _sex(path: Path, value: object) -> str | None:
    found = None if value is None else str(value).strip().lower()
    if found not in (None, "female", "male"):
        raise InputError(f"{path}: sex is {str(value)[:60]!r}, expected female or male.")
    return found


def _plain(value: object) -> object:
    """ "5" and 5.0 as 5, as programs for tables write numbers; anything else as it is."""
    if isinstance(value, str):
        try:
            value = float(value)
        except ValueError:
            return value
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _level(path: Path, entry: Mapping[str, Any], z: int) -> str:
    """Name of a slice; slips of ``level`` and of levels are refused, but for names with numbers."""
    for key in entry:
        if key != "level" and nearest(key.lower(), ["level"]):
            raise InputError(f"{path}: {key!r} of slice {z} is no known key. Did you mean 'level'?")
    if entry.get("level") is None:
        return slice_name(z)
    name = str(entry["level"])
    word = name.strip().lower()
    near = None if word in LEVEL_WORDS or re.search(r"\d", word) else nearest(word, LEVEL_WORDS)
    if near:
        meant = LEVEL_WORDS[near]
        raise InputError(f"{path}: level of slice {z} is {name[:60]!r}. Did you mean {meant!r}?")
    return LEVEL_WORDS.get(word, name)


def slice_name(z: int) -> str:
    """Name of a slice of unknown level.

    Args:
        z: its index.
    """
    return f"slice{z:02d}"
