"""Slices that a series shows more than once: echoes and breath-holds that were repeated."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from myomotion.io.dicom.header import DicomFrame
from myomotion.io.dicom.series import CYCLE_FRAMES, Stack

# What tells them apart, and how many pictures each must have: a scanner may count every picture of
# a cine, or every slice, as an acquisition of its own.
PARTS: tuple[tuple[str, str, Callable[[DicomFrame], float | None], int], ...] = (
    ("echoes", "EchoTime", lambda frame: frame.echo, 2),
    ("acquisitions", "AcquisitionNumber", lambda frame: frame.acquisition, CYCLE_FRAMES),
)


def taken_once(stack: Stack) -> tuple[Stack, list[str]]:
    """Each slice once: of its echoes the shortest, of its acquisitions the first.

    Args:
        stack: a cine.

    Returns:
        The stack, itself where nothing is repeated, and sentences for the user.
    """
    warnings = []
    for name, keyword, value, fewest in PARTS:
        kept = [_first_part(level, value, fewest) for level in stack.levels]
        repeated = sum(len(a) < len(b) for a, b in zip(kept, stack.levels, strict=True))
        if repeated:
            warnings.append(
                f"{repeated} of {len(stack.levels)} slices of {stack.title} show several {name}: "
                f"the pictures of the smallest {keyword} were taken. For the others, put their "
                "files into a folder of their own."
            )
        stack = Stack(levels=kept)
    kept = [_first_at_each_time(level) for level in stack.levels]
    if any(len(a) < len(b) for a, b in zip(kept, stack.levels, strict=True)):
        warnings.append(
            f"{stack.title} shows slices several times at the same TriggerTime: the pictures of "
            "the smallest InstanceNumber were taken. For the others, put their files into a folder "
            "of their own."
        )
    return Stack(levels=kept), warnings


def _first_at_each_time(level: Sequence[DicomFrame]) -> list[DicomFrame]:
    """Of a slice whose every TriggerTime is there equally often, the first picture of each."""
    if not all({"TriggerTime", "InstanceNumber"} <= set(frame.times) for frame in level):
        return list(level)
    times = Counter(frame.times["TriggerTime"] for frame in level)
    if len(times) < CYCLE_FRAMES or len(set(times.values())) > 1:
        return list(level)
    first: dict[float, DicomFrame] = {}
    for frame in sorted(level, key=lambda frame: frame.times["InstanceNumber"]):
        first.setdefault(frame.times["TriggerTime"], frame)
    return list(first.values())


def _first_part(
    level: Sequence[DicomFrame], value: Callable[[DicomFrame], float | None], fewest: int
) -> list[DicomFrame]:
    parts: dict[float, list[DicomFrame]] = {}
    for frame in level:
        own = value(frame)
        parts.setdefault(-1.0 if own is None else own, []).append(frame)
    if len(parts) == 1 or min(map(len, parts.values())) < fewest:
        return list(level)
    return parts[min(parts)]
