"""A Dask cluster of processes on this machine that says only what went wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def local_cluster(workers: int) -> Iterator[Any]:
    """Start worker processes of one thread each, and end them in the end.

    Args:
        workers: processes.

    Yields:
        The ``distributed.LocalCluster``, its workers there.

    Raises:
        RuntimeError: if Dask is not installed.
    """
    try:
        from distributed import LocalCluster
    except ImportError as error:
        raise RuntimeError(
            f"Dask cannot be imported ({error}). Install what tools/requirements.txt names, or "
            "track with --workers 1."
        ) from error
    # It sets its own level when it is imported, and its lines reach the handler of the command.
    logging.getLogger("distributed").setLevel(logging.WARNING)
    with LocalCluster(n_workers=workers, threads_per_worker=1, dashboard_address=None) as cluster:
        cluster.wait_for_workers(workers, timeout=600)
        yield cluster
