"""Run independent jobs in this process, in others, in threads, or on a Dask cluster."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import Executor, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, closing, contextmanager
from typing import Any, TypeVar

from tqdm import tqdm

Job = TypeVar("Job")
Result = TypeVar("Result")
#: A job, its result, and the error it ended with or None.
Ended = tuple[Job, Result | None, BaseException | None]

ATTEMPTS = 4  # of a job whose worker dies; Dask's ``allowed-failures`` are 3
CONNECT_S = 30
_THREAD_VARIABLES = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


def run_jobs(
    work: Callable[[Job], object],
    jobs: Sequence[Job],
    *,
    workers: int,
    description: str,
    unit: str,
    finished: int = 0,
    progress: bool = True,
    scheduler: str | None = None,
) -> None:
    """Call ``work(job)`` for every job, with a progress bar; the first error stops the run.

    Args:
        work: see :func:`ended_jobs`.
        jobs: what is left to do.
        workers: see :func:`ended_jobs`; a single job is done in this process.
        description: text of the progress bar.
        unit: unit of the progress bar.
        finished: jobs done by an earlier run, shown as progress already made.
        progress: show the bar.
        scheduler: see :func:`ended_jobs`.

    Raises:
        Exception: the first one a job raises; running jobs end, waiting ones are dropped.
    """
    total = len(jobs) + finished
    bar = tqdm(total=total, initial=finished, unit=unit, desc=description, disable=not progress)
    workers = workers if len(jobs) > 1 else 1
    with bar, closing(ended_jobs(work, jobs, workers=workers, scheduler=scheduler)) as ended:
        for _, _, error in ended:
            if error is not None:
                raise error
            bar.update()


def ended_jobs(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    *,
    workers: int = 1,
    threads: bool = False,
    scheduler: str | None = None,
) -> Generator[Ended[Job, Result], None, None]:
    """Call ``work(job)`` for every job and tell how each ended, in the order in which they end.

    A worker that dies costs time alone: its jobs run again on another, four times at most. Closing
    the iterator drops the jobs that wait.

    Args:
        work: a function of a module, not of the main program (others import it by name).
        jobs: small enough to be sent.
        workers: fresh processes with one numerical thread each; 1 works in this process.
        threads: use threads of this process instead, for work that leaves Python's lock alone.
        scheduler: address of a Dask cluster, such as ``tcp://host:8786``, which does the work in
            place of `workers`; its workers import this project and see the same folders under the
            same paths.

    Yields:
        Job, result, and the error it ended with or None.

    Raises:
        RuntimeError: if Dask is not installed.
        ValueError: if the cluster has no worker, or workers of several threads.
        OSError: if the scheduler does not answer.
    """
    if scheduler is not None:
        return _on_cluster(work, jobs, scheduler)
    if workers <= 1:
        return ((job, *_outcome(work, job)) for job in jobs)
    new_pool = ThreadPoolExecutor if threads else _processes
    return _in_pools(work, jobs, lambda: new_pool(min(workers, max(1, len(jobs)))))


def _outcome(
    work: Callable[[Job], Result], job: Job
) -> tuple[Result, None] | tuple[None, Exception]:
    try:
        return work(job), None
    except Exception as error:  # the caller decides which errors end the run
        return None, error


def _in_pools(
    work: Callable[[Job], Result],
    jobs: Sequence[Job],
    new_pool: Callable[[], AbstractContextManager[Executor]],
) -> Generator[Ended[Job, Result], None, None]:
    """One pool, and another for what is left when a worker of it dies and takes it down."""
    left = list(jobs)
    lost: BaseException | None = None
    for _ in range(ATTEMPTS):
        again = []
        with new_pool() as pool:
            job_of = {pool.submit(work, job): job for job in left}
            try:
                for future in as_completed(job_of):
                    error = future.exception()
                    if isinstance(error, BrokenProcessPool):
                        lost = error
                        again.append(job_of[future])
                    else:
                        yield job_of[future], None if error else future.result(), error
            finally:
                pool.shutdown(wait=True, cancel_futures=True)
        left = again
        if not left:
            return
    for job in left:
        yield job, None, lost


def _on_cluster(
    work: Callable[[Job], Result], jobs: Sequence[Job], scheduler: str
) -> Generator[Ended[Job, Result], None, None]:
    try:
        from distributed import Client
        from distributed import as_completed as completed
    except ImportError as missing:
        raise RuntimeError(
            f"--scheduler needs Dask, which cannot be imported ({missing}). Install the version of "
            "distributed that tools/requirements.txt names."
        ) from missing
    with Client(scheduler, timeout=CONNECT_S) as client:
        _check_workers(client, scheduler)
        futures = client.map(work, jobs, pure=False)
        job_of = {future.key: job for future, job in zip(futures, jobs, strict=True)}
        for future in completed(futures):
            error = future.exception()
            result = None if error else future.result()
            future.release()  # else the jobs that a dying worker has ended would be done again
            yield job_of[future.key], result, error


def _check_workers(client: Any, scheduler: str) -> None:
    threads = client.nthreads()
    if not threads:
        raise ValueError(f"{scheduler}: the cluster has no worker. Start one: dask worker ADDRESS.")
    several = sorted(name for name, count in threads.items() if count != 1)
    if several:
        raise ValueError(
            f"{scheduler}: {len(several)} workers have more than one thread ({several[0]}). The "
            "solver and the plots want a process each: start them with --nthreads 1."
        )


@contextmanager
def _processes(workers: int) -> Iterator[Executor]:
    """Fresh processes with one numerical thread each."""
    context = multiprocessing.get_context("spawn")
    with _one_thread_each(), ProcessPoolExecutor(workers, mp_context=context) as pool:
        yield pool


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
