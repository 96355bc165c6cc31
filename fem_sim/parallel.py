"""Run independent jobs over processes with a progress bar; the first error stops the run."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from contextlib import contextmanager
from typing import TypeVar

from tqdm import tqdm

from fem_sim.cluster import run_on_cluster

Job = TypeVar("Job")
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_jobs(
    work: Callable[[Job], None],
    jobs: Sequence[Job],
    *,
    workers: int,
    description: str,
    unit: str,
    finished: int = 0,
    progress: bool = True,
    scheduler: str | None = None,
) -> None:
    """Call `work(job)` for every job: in this process (one worker), in fresh ones, or on a cluster.

    Args:
        work: a module-level function (it is sent to spawned processes by name).
        jobs: what is left to do.
        workers: processes, each limited to one numerical thread.
        description: text of the progress bar.
        unit: unit of the progress bar.
        finished: jobs done by an earlier run, shown as progress already made.
        progress: show the bar.
        scheduler: address of a Dask cluster, which then does the work in place of `workers`; see
            :func:`fem_sim.cluster.run_on_cluster`.

    Raises:
        Exception: the first one a job raises; running jobs end, waiting ones are dropped.
    """
    total = len(jobs) + finished
    bar = tqdm(total=total, initial=finished, unit=unit, desc=description, disable=not progress)
    with bar:
        if scheduler is not None:
            for _, _, error in run_on_cluster(work, jobs, scheduler):
                if error is not None:
                    raise error
                bar.update()
            return
        if workers == 1 or len(jobs) <= 1:
            for job in jobs:
                work(job)
                bar.update()
            return
        context = multiprocessing.get_context("spawn")
        with (
            _one_thread_each(),
            ProcessPoolExecutor(min(workers, len(jobs)), mp_context=context) as pool,
        ):
            futures = [pool.submit(work, job) for job in jobs]
            try:
                for future in as_completed(futures):
                    future.result()
                    bar.update()
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise


@contextmanager
def _one_thread_each() -> Iterator[None]:
    """Processes started inside get one numerical thread each."""
    previous = {name: os.environ.get(name) for name in _THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(_THREAD_VARIABLES, "1"))
    try:
        yield
    finally:
        for name, value in previous.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
