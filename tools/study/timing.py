"""How long each method takes for a whole stack, one after the other on one core."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch

from tools.evaluate.methods import Tracker
from tools.study.config import StudyConfig
from tools.study.tables import Table

QUIET_LOAD = 1.2  # load average, this process included, up to which times mean something

Times = Mapping[str, Mapping[str, float]]


@contextmanager
def one_thread() -> Iterator[None]:
    """Let torch use one thread, as the peers' processes do."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(threads)


def stack_time(tracker: Tracker, item: Mapping[Any, Any]) -> dict[str, float]:
    """Track every frame of every slice to end-diastole.

    Args:
        tracker: from :func:`tools.evaluate.methods.make_tracker`.
        item: from :class:`~myomotion.transforms.load_cine.LoadCine`.

    Returns:
        ``stack`` (seconds), ``pairs``, ``pair`` (seconds) and ``load``, the machine's load average
        before. Starting a peer's process and loading weights do not count.
    """
    load = os.getloadavg()[0]
    slices, frames = item["image"].shape[:2]
    pairs = slices * (frames - 1)
    with one_thread():
        if tracker.sequences:  # the first pass also allocates
            tracker.cycle(item)
        seconds = tracker.cycle(item)[1] * pairs + tissue_time(tracker, item)
    return {"stack": seconds, "pairs": float(pairs), "pair": seconds / pairs, "load": load}


def tissue_time(tracker: Tracker, item: Mapping[Any, Any]) -> float:
    """Seconds in which a tracker's network looks for the tissues in every frame; 0 without one.

    Args:
        tracker: from :func:`tools.evaluate.methods.make_tracker`.
        item: what the tracker's ``load`` has read.
    """
    look = getattr(tracker.load, "tissues", None)
    if look is None:
        return 0.0
    start = time.perf_counter()
    look(item["slices"])
    return time.perf_counter() - start


def time_table(config: StudyConfig, times: Times) -> Table:
    """Seconds of a stack and of a pair, and how often the fastest method fits into each.

    Args:
        config: gives order and labels.
        times: from :func:`stack_time`, by method.

    Returns:
        The table.
    """
    running = [m for m in config.methods if m.name in times and m.method != "identity"]
    fastest = min((times[m.name]["stack"] for m in running), default=1.0)
    lines = [
        (
            m.label,
            f"{times[m.name]['stack']:.3g}",
            f"{times[m.name]['pair']:.2g}",
            f"{times[m.name]['stack'] / fastest:.3g}",
        )
        for m in running
    ]
    pairs = max((int(times[m.name]["pairs"]) for m in running), default=0)
    return Table(
        title=f"time of a whole stack ({pairs} pairs), one core",
        header=("method", "s / stack", "s / pair", "times the fastest"),
        rows=tuple(lines),
        note="Images on the working grid in, displacements out, tissues looked for where a method "
        "sees them; one after the other.",
    )


def time_remarks(times: Times) -> list[str]:
    """What to do about times that were taken on a busy machine."""
    top = max((t["load"] for t in times.values()), default=0.0)
    if top <= QUIET_LOAD:
        return []
    return [
        f"times were taken while the machine was busy (load average up to {top:.1f}); the same "
        "command on a quiet machine takes them again and keeps everything else."
    ]
