"""Track many studies, each on its own: in this process, in several, or on a Dask cluster.

python -m tools.track_cohort --data DIR --output DIR [--scheduler ADDRESS | --workers N]

DIR receives what the bundle writes, and cohort.html, one page of all studies.
A study that fails does not stop the others, finished ones are skipped, and those of a worker that
dies are given to another. Both folders must be shared with the workers under the same paths, and
the workers must import this project: PYTHONPATH=CLONE dask worker ADDRESS --nthreads 1.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from fem_sim.command_line import add_overrides, add_workers, make_parser, run_command
from tools.track_cohort.cluster import local_cluster
from tools.track_cohort.jobs import PAGE, track_cohort


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.track_cohort", __doc__)
    parser.add_argument("--data", type=Path, required=True, help="study or folder of studies")
    parser.add_argument("--output", type=Path, required=True, help="folder of the results")
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--scheduler", metavar="ADDRESS", help="of a Dask cluster")
    add_workers(where, 1)
    add_overrides(parser, "refine_steps=40", {"dataset_dir": "--data", "output_dir": "--output"})
    options = parser.parse_args(arguments)
    # A cluster that cannot be used ends in either, see fem_sim.parallel.ended_jobs.
    return run_command(lambda: _track(options), ValueError, RuntimeError)


def _track(options: argparse.Namespace) -> None:
    with _scheduler(options.scheduler, options.workers) as scheduler:
        changes = dict(options.changes)
        failures = track_cohort(options.data, options.output, changes, scheduler)
    for name, reason in failures.items():
        print(f"{name} failed: {reason}", file=sys.stderr)
    print(options.output / PAGE)


@contextmanager
def _scheduler(address: str | None, workers: int) -> Iterator[str | None]:
    """The given address, or that of a cluster of processes on this machine if several are asked."""
    if address is not None or workers == 1:
        yield address
        return
    with local_cluster(workers) as cluster:
        yield cluster.scheduler_address


if __name__ == "__main__":
    sys.exit(main())
