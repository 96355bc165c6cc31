"""Which series of a DICOM folder is the cine: grouping by series, orientation and place."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from myomotion.io.dicom.header import DicomFrame

PLACE_TOLERANCE_MM = 0.2  # positions that differ by less are one
LARGEST_SHIFT_MM = 10.0  # sideways, between slices that a patient's breathing moved apart
DIRECTION_TOLERANCE = 2e-3  # the same for components of direction vectors (about 0.1 degrees)
LEAST_ANGLE = 0.2  # degrees, from which planes are not parallel
STACK_SLICES = 3  # parallel slices that make a short-axis stack
CYCLE_FRAMES = 8  # fewer do not sample a heart cycle


@dataclass(frozen=True, kw_only=True, eq=False)
class Stack:
    """Pictures of parallel slices.

    Attributes:
        levels: pictures of each slice, the slices sorted along their normal.
    """

    levels: list[list[DicomFrame]]

    @property
    def first(self) -> DicomFrame:
        """A picture of the first slice."""
        return self.levels[0][0]

    @property
    def frames(self) -> int:
        """Pictures of the slice that has most."""
        return max(len(level) for level in self.levels)

    @property
    def series(self) -> list[DicomFrame]:
        """A picture of each series that has part in it."""
        return list({f.series_key: f for level in self.levels for f in level}.values())

    @property
    def title(self) -> str:
        """Series numbers, description and size, for messages."""
        numbers = [str(f.series_number) for f in self.series]
        shown = numbers if len(numbers) < 4 else [numbers[0], "...", numbers[-1]]
        slices = len(self.levels)
        return (
            f"series {', '.join(shown)} '{self.first.description}' ({slices} "
            f"slice{'s' * (slices > 1)} x {self.frames} frames)"
        )


def choose_stack(
    frames: Sequence[DicomFrame], place: Path, wanted: object = None
) -> tuple[Stack, list[str]]:
    """The one cine among the pictures of a study.

    Where one cine has several parallel slices and all others have one, it is the short-axis stack.
    A cine made from another, as the scanner's own analysis makes one, gives way to that other.
    Of a series whose slices differ in Rows, Columns or PixelSpacing the larger part counts.

    Args:
        frames: from :func:`~myomotion.io.dicom.pictures.read_headers`.
        place: of the study, for messages.
        wanted: see :func:`cine_stacks`.

    Returns:
        The cine, and what the user should know of others.

    Raises:
        InputError: if there is none or more than one, or its slices are not parallel.
    """
    stacks, notes = _larger_parts(cine_stacks(frames, place, wanted))
    stacks, derived = _originals(stacks)
    notes += derived
    whole = [stack for stack in stacks if len(stack.levels) >= STACK_SLICES]
    if len(whole) == 1 and all(len(s.levels) == 1 for s in stacks if s is not whole[0]):
        others = [stack for stack in stacks if stack is not whole[0]]
        _check_parallel(whole[0], others)
        if others:
            notes.append(f"Left out beside {whole[0].title}: {_listing(others)}.")
        return whole[0], notes
    if len({frame.series_key for stack in stacks for frame in stack.series}) == 1:
        _check_parallel(stacks[0], stacks[1:])  # no choice of a series helps then
    if len(stacks) > 1 and isinstance(wanted, list):
        raise InputError(
            f"{place}: the series {wanted} of info.json make {len(stacks)} cines, not one: "
            f"{_listing(stacks)}. Name those of parallel slices at different places that agree in "
            "Rows, Columns, PixelSpacing and number of frames, or move what is not meant out of "
            "the folder."
        )
    own = frames if wanted is None else [f for f in frames if _is_series(f, wanted)]
    if len(stacks) > 1 and len(own) < len(frames):  # each has a part of what it names: that alone
        return choose_stack(own, place, wanted)
    if len(stacks) > 1:
        raise InputError(
            f"{place}: {len(stacks)} cine series: {_listing(stacks)}. Choose one in info.json in "
            'this folder: {"series": NUMBER} (or its description or SeriesInstanceUID, or a list '
            "of the series that make up the stack)."
        )
    return stacks[0], notes


def cine_stacks(frames: Sequence[DicomFrame], place: Path, wanted: object = None) -> list[Stack]:
    """Every cine among the pictures of a study.

    Pictures are grouped by series, orientation and in-plane geometry. A group that shows a slice
    more than once is a cine; groups of fewer than :data:`CYCLE_FRAMES` pictures a slice count where
    there is none with more. Cines of one slice each are joined to a stack where they agree in
    orientation, in-plane geometry and number of pictures and lie at different places; those of a
    list of series are, however many slices they have.

    Args:
        frames: from :func:`~myomotion.io.dicom.pictures.read_headers`.
        place: of the study, for messages.
        wanted: ``series`` of ``info.json``: SeriesNumber, SeriesInstanceUID or SeriesDescription
            of the cine, or of a series that is part of it; a list of them means these alone; None
            means all.

    Returns:
        At least one.

    Raises:
        InputError: if there is none.
    """
    if isinstance(wanted, list):
        frames = [f for f in frames if any(_is_series(f, w) for w in wanted)]
        if not frames:
            raise InputError(
                f"{place}: info.json asks for the series {wanted}, none of which is there."
            )
    groups = [Stack(levels=_levels(group)) for group in _clusters(frames, _same_series_geometry)]
    cines = [stack for stack in groups if stack.frames > 1] or _join_phases(groups)
    cines = [stack for stack in cines if stack.frames >= CYCLE_FRAMES] or cines
    several = [stack for stack in cines if len(stack.levels) > 1]
    stacks = [*several, *_join_slices([stack for stack in cines if len(stack.levels) == 1])]
    if isinstance(wanted, list):
        stacks = _join_slices(stacks)
    if not stacks:
        raise InputError(
            f"{place}: no cine: no series shows a slice more than once "
            f"({'; '.join(stack.title for stack in groups[:5])}). Give the cine series."
        )
    if wanted is None or isinstance(wanted, list):
        return stacks
    chosen = [s for s in stacks if any(_is_series(f, wanted) for f in s.series)]
    if not chosen:
        raise InputError(
            f"{place}: info.json asks for the series {wanted!r}; the cines are: {_listing(stacks)}."
        )
    return chosen


def _listing(stacks: Sequence[Stack]) -> str:
    titles = Counter(stack.title for stack in stacks)
    return "; ".join(f"{n} x {title}" if n > 1 else title for title, n in titles.items())


def _is_series(frame: DicomFrame, wanted: object) -> bool:
    text = str(wanted).strip()
    return text in (str(frame.series_number), frame.series_key) or (
        text.casefold() == frame.description.casefold() != ""
    )


def _clusters(
    frames: Iterable[DicomFrame], same: Callable[[DicomFrame, DicomFrame], bool]
) -> list[list[DicomFrame]]:
    clusters: list[list[DicomFrame]] = []
    for frame in frames:
        home = next((c for c in clusters if same(c[0], frame)), None)
        if home is None:
            clusters.append([frame])
        else:
            home.append(frame)
    return clusters


def _same_series_geometry(a: DicomFrame, b: DicomFrame) -> bool:
    return a.series_key == b.series_key and _same_geometry(a, b)


def _same_geometry(a: DicomFrame, b: DicomFrame) -> bool:
    return (
        a.shape == b.shape
        and np.allclose(a.spacing, b.spacing, rtol=1e-3, atol=0)
        and _parallel(a, b)
    )


def _parallel(a: DicomFrame, b: DicomFrame) -> bool:
    return bool(np.abs(a.orientation - b.orientation).max() <= DIRECTION_TOLERANCE)


def _levels(frames: Sequence[DicomFrame]) -> list[list[DicomFrame]]:
    """Pictures by slice, sorted along the first one's normal."""
    # One normal for all: those of the pictures differ by rounding, and along a normal of its own a
    # picture far from the scanner's centre would land elsewhere.
    normal = frames[0].normal
    ordered = sorted(frames, key=lambda f: float(f.position @ normal))
    levels = [[ordered[0]]]
    # A step from one picture to the next begins a slice. Nothing else does: neither the order of
    # files, nor SliceLocation, nor a number of slices can be relied on.
    for before, frame in pairwise(ordered):
        if float((frame.position - before.position) @ normal) > PLACE_TOLERANCE_MM:
            levels.append([])
        levels[-1].append(frame)
    return levels


def in_plane_shift(a: DicomFrame, b: DicomFrame) -> float:
    """How far two slices are from lying straight above each other, millimetres."""
    return float(np.abs(a.orientation @ (b.position - a.position)).max())


def _join_slices(cines: Sequence[Stack]) -> list[Stack]:
    """Cines that agree and lie at different places as one."""

    def alike(a: Stack, b: Stack) -> bool:
        return (
            a.frames == b.frames
            and _same_geometry(a.first, b.first)
            and in_plane_shift(a.first, b.first) <= LARGEST_SHIFT_MM
        )

    joined: list[Stack] = []
    families: list[list[Stack]] = []
    for stack in cines:
        family = next((f for f in families if alike(f[0], stack)), None)
        if family is None:
            families.append([stack])
        else:
            family.append(stack)
    for family in families:
        levels = _levels([f for stack in family for level in stack.levels for f in level])
        # Fewer slices than before: one was taken twice, and which one counts is not ours to say.
        # Each then stays a cine of its own, and the error lists them for the user to choose.
        apart = len(levels) == sum(len(stack.levels) for stack in family)
        joined += [Stack(levels=levels)] if apart else family
    return joined


def _join_phases(groups: Sequence[Stack]) -> list[Stack]:
    """Cines whose every cardiac phase was sent as a series of its own: the same slices, again."""

    def alike(a: Stack, b: Stack) -> bool:
        return (
            len(a.levels) == len(b.levels)
            and _same_geometry(a.first, b.first)
            and all(
                np.abs(x[0].position - y[0].position).max() <= PLACE_TOLERANCE_MM
                for x, y in zip(a.levels, b.levels, strict=True)
            )
        )

    families: list[list[Stack]] = []
    for stack in groups:
        family = next((f for f in families if alike(f[0], stack)), None)
        if family is None:
            families.append([stack])
        else:
            family.append(stack)
    return [
        Stack(levels=_levels([f for stack in family for level in stack.levels for f in level]))
        for family in families
        if len(family) >= CYCLE_FRAMES
    ]


def _larger_parts(stacks: Sequence[Stack]) -> tuple[list[Stack], list[str]]:
    """Cines without slices that their own series has fewer of, and what was left out."""

    def within(part: Stack, other: Stack) -> bool:
        keys = {frame.series_key for frame in other.series}
        return (
            len(other.levels) > len(part.levels)
            and _parallel(part.first, other.first)
            and all(frame.series_key in keys for frame in part.series)
        )

    kept: list[Stack] = []
    notes: list[str] = []
    for stack in stacks:
        larger = next((other for other in stacks if within(stack, other)), None)
        if larger is None:
            kept.append(stack)
        else:
            notes.append(
                f"Left out beside {larger.title}: {len(stack.levels)} of the series whose Rows, "
                "Columns or PixelSpacing differ."
            )
    return kept, notes


def _originals(stacks: Sequence[Stack]) -> tuple[list[Stack], list[str]]:
    """Cines without those made from another one of the same slices, and what was left out."""

    def shows(original: Stack, stack: Stack) -> bool:
        depths = [level[0].position @ original.first.normal for level in original.levels]
        return _parallel(original.first, stack.first) and all(
            np.abs(level[0].position @ original.first.normal - depths).min() <= PLACE_TOLERANCE_MM
            for level in stack.levels
        )

    def is_derived(stack: Stack) -> bool:
        return all(frame.derived for level in stack.levels for frame in level)

    originals = [stack for stack in stacks if not is_derived(stack)]
    copies = [s for s in stacks if is_derived(s) and any(shows(o, s) for o in originals)]
    notes = [f"Left out, as it is derived: {_listing(copies)}."] if copies else []
    return [stack for stack in stacks if stack not in copies], notes


def _origins(stack: Stack) -> set[tuple[str, Path | None]]:
    """Series of its pictures; those without a UID are surely of one within a folder alone."""
    return {
        (frame.series_key, None if frame.series_uid else frame.path.parent)
        for level in stack.levels
        for frame in level
    }


def _check_parallel(a: Stack, others: Sequence[Stack]) -> None:
    """Refuse slices of a cine's own series that lie otherwise than its others."""
    for b in others:
        x, y = a.first, b.first
        if _origins(a) & _origins(b) and not _parallel(x, y):
            angle = np.degrees(np.arccos(np.clip(abs(x.normal @ y.normal), 0, 1)))
            if angle < LEAST_ANGLE:
                raise InputError(
                    f"{y.path}: its rows and columns run otherwise than those of {x.path.name}, a "
                    f"slice of the same {a.title}: turned or mirrored within the plane. Bring all "
                    "slices to one orientation, or move those of the other one out of the folder."
                )
            raise InputError(
                f"{y.path}: lies at {angle:.1f} degrees to {x.path.name}, a slice of the same "
                f"{a.title}: slices must be parallel. Give a short-axis stack, or move the slices "
                "of the other orientation out of the folder."
            )
