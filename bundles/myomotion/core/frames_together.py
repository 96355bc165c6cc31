"""Frames of a cine in parts, on as many threads as torch is given.

Most of the work is small operations on frames that do not depend on each other. Threads within an
operation gain little there; parts of few frames, each on a thread of its own, scale with the
processors, and what is made of them stays in a processor's caches. The parts do not depend on the
number of threads, so that results do not either.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from functools import partial
from typing import Protocol, TypeVar

import torch

TOGETHER = 8  # frames of the working grid that a processor computes at once
MOST_THREADS = 16  # each holds its own frames in memory

Item = TypeVar("Item")
Found = TypeVar("Found")
_STARTING = threading.Lock()
_HERE = threading.local()  # what the thread that has opened workers runs things with


class Run(Protocol):
    """Calls a function with every item, on threads; results in the order of the items."""

    def __call__(self, function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
        """Call; an error of any item is raised once nothing of the others runs any more."""


@contextmanager
def workers() -> Iterator[Run]:
    """Threads for the parts of a cine: as many as torch has here, up to :data:`MOST_THREADS`.

    Each computes by itself, and so does the caller meanwhile: operations have one thread. What is
    run in parts within a part stays on its thread. Whether gradients are recorded is as where it is
    called. With one thread everything happens on the caller's.

    Yields:
        Calls functions; within other workers of the same thread it is theirs.
    """
    count = torch.get_num_threads()
    opened: Run | None = getattr(_HERE, "run", None)
    if opened is not None:
        yield opened
    elif count < 2:
        yield lambda function, items: [function(item) for item in items]
    else:
        with _started(count) as pool:

            def run(function: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
                call = partial(_with_mode, torch.is_grad_enabled(), function)
                begun = [pool.submit(call, item) for item in items]
                try:
                    wait(begun, return_when=FIRST_EXCEPTION)
                finally:
                    for one in begun:
                        one.cancel()
                    wait(begun)
                return [one.result() for one in begun if not one.cancelled()]  # raises, if any was

            _HERE.run = run
            try:
                yield run
            finally:
                del _HERE.run


def parts_of(slices: int, frames: int, most: int) -> list[slice]:
    """Which frames are computed together.

    Args:
        slices: of a cine.
        frames: of each slice.
        most: frames of a part, see :func:`at_once`.

    Returns:
        Parts of the ``slices * frames`` frames, slice after slice. Of slices with many frames each
        part lies within one, of such with few it holds whole ones.
    """
    total = slices * frames
    if frames <= most:
        step = frames * (most // max(frames, 1))
        return [slice(i, min(i + step, total)) for i in range(0, total, max(step, 1))]
    each = -(-frames // most)
    edges = [z * frames + i * frames // each for z in range(slices) for i in range(each)]
    return [slice(a, b) for a, b in zip(edges, [*edges[1:], total], strict=True)]


def at_once(frames: torch.Tensor) -> int:
    """How many frames of the working grid a device computes at once: a GPU takes all of them."""
    return TOGETHER if frames.device.type == "cpu" else max(len(frames), 1)


@contextmanager
def _started(count: int) -> Iterator[ThreadPoolExecutor]:
    """Threads in which, as in the caller's, torch's operations have one thread.

    Args:
        count: torch's threads here, which are given back.
    """
    started = min(count, MOST_THREADS)
    pool = ThreadPoolExecutor(started, "myomotion-frames")
    ready = threading.Barrier(started + 1)

    def prepare() -> None:
        torch.get_num_threads()  # a thread's first use of torch sets the number that others have
        torch.set_num_threads(1)
        ready.wait()

    try:
        # The number that was set last, by any thread, is that of threads to come: not one.
        with _STARTING:
            for _ in range(started):
                pool.submit(prepare)
            ready.wait()
            torch.set_num_threads(1)
            last = threading.Thread(target=torch.set_num_threads, args=(count,))
            last.start()
            last.join()
        yield pool
    finally:
        ready.abort()
        pool.shutdown(wait=True, cancel_futures=True)
        torch.set_num_threads(count)


def _with_mode(grad: bool, function: Callable[[Item], Found], item: Item) -> Found:
    with torch.set_grad_enabled(grad):
        return function(item)


__all__ = ["TOGETHER", "Run", "at_once", "parts_of", "workers"]
