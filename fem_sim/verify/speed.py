"""Claims about speed. They only mean something on a machine that does nothing else."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Iterator

from fem_sim.claims import Claim, at_least, at_most, not_run
from fem_sim.mechanics.cycle import simulate_cycle
from fem_sim.parallel import run_jobs
from fem_sim.verify.rings import drawn_slices

SLICE_CLAIM, SLICE_LIMIT_S = "processor time of a slice with 50 levels", 3.0
MANY_CLAIM, MANY_LIMIT_MIN = "600 slices on two processes, extrapolated", 20.0
SCALING_CLAIM, SCALING_LIMIT = "speed of two processes over that of one", 1.7
REPEATS, TIMED_SLICES, COUNTED_SLICES = 5, 16, 600
LARGEST_LOAD = 0.5


def speed_claims(seed: int, *, quick: bool) -> Iterator[Claim]:
    """Time of one slice, and of many on one and two processes.

    Args:
        seed: of the virtual population.
        quick: measure nothing.
    """
    reason = "quick" if quick else why_not()
    if reason:
        yield not_run(SLICE_CLAIM, f"<= {SLICE_LIMIT_S:g}", reason)
        yield not_run(MANY_CLAIM, f"<= {MANY_LIMIT_MIN:g}", reason)
        yield not_run(SCALING_CLAIM, f">= {SCALING_LIMIT:g}", reason)
        return
    simulate_job((seed, 0))
    seconds = []
    for number in range(REPEATS):
        begin = time.process_time()
        simulate_job((seed, number))
        seconds.append(time.process_time() - begin)
    note = f"median of {REPEATS} drawn rings, largest {max(seconds):.2f} s; all threads counted"
    yield at_most(SLICE_CLAIM, statistics.median(seconds), SLICE_LIMIT_S, "s", note)
    jobs = [(seed, number) for number in range(TIMED_SLICES)]
    one, two = (_wall_seconds(jobs, workers) for workers in (1, 2))
    start = _wall_seconds([(seed, -1)] * 2, 2)
    steady = (two - start) / TIMED_SLICES
    yield at_most(
        MANY_CLAIM,
        (start + COUNTED_SLICES * steady) / 60,
        MANY_LIMIT_MIN,
        "min",
        f"from {TIMED_SLICES} slices in {two:.1f} s, of which {start:.1f} s start the processes",
    )
    yield at_least(
        SCALING_CLAIM,
        one / TIMED_SLICES / steady,
        SCALING_LIMIT,
        note=f"{TIMED_SLICES} slices: {one:.1f} s with one, {two - start:.1f} s with two "
        "processes, without their start",
    )


def simulate_job(job: tuple[int, int]) -> None:
    """Simulate one slice of the virtual population and forget it.

    Args:
        job: seed and number of the slice; a negative number only starts the process.
    """
    seed, number = job
    if number >= 0:
        drawn = drawn_slices(number + 1, seed)[number]
        simulate_cycle(drawn.contours, drawn.parameters)


def why_not() -> str:
    """Why timing would mean nothing now; empty if it does mean something."""
    if (os.cpu_count() or 1) < 2:
        return "the machine has one core"
    load = os.getloadavg()[0]
    if load > LARGEST_LOAD:
        return f"the machine is busy (load {load:.2f}, need {LARGEST_LOAD})"
    return ""


def _wall_seconds(jobs: list[tuple[int, int]], workers: int) -> float:
    begin = time.perf_counter()
    run_jobs(
        simulate_job, jobs, workers=workers, description="timing", unit="slice", progress=False
    )
    return time.perf_counter() - begin
