"""Run independent jobs on a Dask cluster, which gives those of a lost worker to another."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

Job = TypeVar("Job")
Result = TypeVar("Result")
CONNECT_S = 30


def run_on_cluster(
    work: Callable[[Job], Result], jobs: Sequence[Job], scheduler: str
) -> Iterator[tuple[Job, Result | None, BaseException | None]]:
    """Call ``work(job)`` for every job on the workers of a cluster.

    The workers import this project and see the same folders under the same paths. A job whose
    worker dies is run again elsewhere, three times at most (Dask's ``allowed-failures``).

    Args:
        work: a function of a module, not of the main program.
        jobs: small enough to be sent.
        scheduler: its address, such as ``tcp://host:8786``.

    Yields:
        Job, result, and the error it ended with or None, in the order in which they end.

    Raises:
        RuntimeError: if Dask is not installed.
        ValueError: if the cluster has no worker, or workers of several threads.
        OSError: if the scheduler does not answer.
    """
    try:
        from distributed import Client, as_completed
    except ImportError as error:
        raise RuntimeError(
            f"--scheduler needs Dask, which cannot be imported ({error}). Install the version of "
            "distributed that requirements.txt names."
        ) from error
    with Client(scheduler, timeout=CONNECT_S) as client:
        _check_workers(client, scheduler)
        futures = client.map(work, jobs, pure=False)
        job_of = {future.key: job for future, job in zip(futures, jobs, strict=True)}
        for future in as_completed(futures):
            failure = future.exception()
            result = None if failure else future.result()
            yield job_of[future.key], result, failure


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
