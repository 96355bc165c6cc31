"""Measure what a cluster on this machine makes of a cohort, and what a killed worker costs.

python -m tools.track_cohort.measure --output DIR [--studies 60] [--workers 2]

Small cuts of a real heart are tracked by one worker, by several, and again by several of which one
is killed half-way. DIR receives the studies, all results and report.json: seconds of each run, peak
memory of a worker, and whether anything was lost. Ends with status 1 if it was.
"""

from __future__ import annotations

import csv
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from fem_sim.command_line import make_parser, run_command, usable_cores
from myomotion.files.outputs import claim
from myomotion.files.tables import json_text, write_report
from tools.bundle import ROOT
from tools.track_cohort.cluster import local_cluster
from tools.track_cohort.jobs import track_cohort

HEART = ROOT / "tools" / "demo" / "SCD0000101"
FIRST, LAST, DEEP = 2, 10, 2  # slices that show the ventricle, and how many a study has
SAME = 1e-3  # another process may sum in another order


def write_studies(folder: Path, count: int) -> list[str]:
    """Neighbouring slices of the real heart that comes with the project, as studies.

    Args:
        folder: receives a folder for each.
        count: how many; the same slices come again with other first frames.

    Returns:
        Their names.
    """
    image: Any = nib.load(HEART / "sa.nii.gz")
    values, places = np.asarray(image.dataobj), range(FIRST, LAST - DEEP + 1)
    names = []
    for i in range(count):
        z, turn = places[i % len(places)], i // len(places)
        names.append(f"heart{i:03d}")
        target = folder / names[-1]
        target.mkdir(parents=True, exist_ok=True)
        part = np.roll(values[:, :, z : z + DEEP, ::2], -turn, axis=3)
        affine = image.affine.copy()
        affine[:3, 3] = (image.affine @ [0, 0, z, 1])[:3]
        nib.save(nib.Nifti1Image(part, affine), target / "sa.nii.gz")
        ed = -turn % part.shape[3]
        (target / "info.json").write_text(json_text({"ed_frame": ed, "spacing_known": True}))
    return names


def measured(
    data: Path, output: Path, workers: int, kill: bool, changes: dict[str, Any]
) -> dict[str, Any]:
    """Track a cohort on a cluster of its own.

    Args:
        data: the studies.
        output: of the results.
        workers: processes.
        kill: kill one of them when half of the studies are there.
        changes: keys of ``configs/inference.yaml`` with other values.

    Returns:
        ``seconds``, ``cpu_seconds`` of the workers that are there at the end and their
        ``peak_memory_mb``, ``load`` of the machine before (of all that runs on it, in processes),
        ``killed`` processes, ``failed`` studies.
    """
    count = sum(1 for path in data.iterdir() if path.is_dir())
    with local_cluster(workers) as cluster, cluster.get_client() as client:
        stop, killed = threading.Event(), list[int]()

        def half_done() -> bool:
            return 2 * len(list(output.glob("*/summary.json"))) >= count

        watch = threading.Thread(target=_kill_one, args=(client, half_done, stop, killed))
        if kill:
            watch.start()
        load, start = os.getloadavg()[0], time.perf_counter()
        failed = track_cohort(data, output, changes, cluster.scheduler_address)
        seconds = time.perf_counter() - start
        stop.set()
        if kill:
            watch.join()
        memory, work = client.run(_peak_memory_mb), client.run(time.process_time)
    return {
        "workers": workers,
        "seconds": round(seconds, 1),
        "cpu_seconds": round(sum(work.values()), 1),
        "load": round(load, 1),
        "peak_memory_mb": sorted(round(m) for m in memory.values()),
        "killed": len(killed),
        "failed": failed,
    }


def differences(names: Sequence[str], one: Path, other: Path) -> list[str]:
    """What two runs of the same studies do not agree on: lost studies, rows, numbers.

    Args:
        names: of the studies.
        one: results of a run.
        other: results of another.
    """
    tables = [list(csv.DictReader((folder / "cohort.csv").open())) for folder in (one, other)]
    found = [
        f"{folder.name}: studies in cohort.csv are not those given"
        for folder, table in zip((one, other), tables, strict=True)
        if sorted(row["name"] for row in table) != sorted(names)
    ]
    by_name = {row["name"]: row for row in tables[1]}
    for row in tables[0]:
        again = by_name.get(row["name"], {})
        wrong = [key for key, text in row.items() if not _same(text, again.get(key))]
        found += [f"{row['name']}: {', '.join(wrong[:5])} differ"] if wrong else []
    return found


def _same(text: str, other: str | None) -> bool:
    if text == other:
        return True
    try:
        return abs(float(text) - float(str(other))) <= SAME * max(1.0, abs(float(text)))
    except ValueError:
        return False


def _kill_one(
    client: Any, condition: Callable[[], bool], stop: threading.Event, killed: list[int]
) -> None:
    """Kill a busy worker as soon as a condition holds."""
    pids = client.run(os.getpid)
    while not stop.is_set():
        busy = [a for a, keys in client.processing().items() if keys and a in pids]
        if busy and condition():
            os.kill(pids[busy[0]], signal.SIGKILL)
            killed.append(pids[busy[0]])
            return
        time.sleep(0.1)


def _peak_memory_mb() -> float:
    import resource

    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line."""
    parser = make_parser("tools.track_cohort.measure", __doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder to fill")
    parser.add_argument("--studies", type=int, default=60, help="how many (default: 60)")
    several = "of the second and the third run (default: 2)"
    parser.add_argument("--workers", type=int, default=2, help=several)
    options = parser.parse_args(arguments)
    return run_command(lambda: _measure(options.output, options.studies, options.workers))


def _measure(output: Path, count: int, workers: int) -> int:
    claim(output / "report.json", signed=True)
    names = write_studies(output / "studies", count)
    changes = {"report": False, "tissues": False}
    runs = {}
    for name, number in (("one", 1), ("several", workers), ("killed", workers)):
        kill = name == "killed"
        runs[name] = measured(output / "studies", output / name, number, kill, changes)
        print(f"{name}: {json_text(runs[name])}", flush=True)
    wrong = [
        line
        for name in ("several", "killed")
        for line in differences(names, output / "one", output / name)
    ]
    one, several, killed = (runs[name]["seconds"] for name in runs)
    report = {
        "studies": count,
        "cores": usable_cores(),
        **runs,
        "times_as_fast": round(one / several, 2),
        "seconds_that_the_kill_cost": round(killed - several, 1),
        "lost_or_different": wrong,
    }
    write_report(output / "report.json", report)
    print("nothing was lost" if not wrong else "\n".join(wrong))
    return int(
        bool(wrong) or runs["killed"]["killed"] != 1 or any(run["failed"] for run in runs.values())
    )


if __name__ == "__main__":
    sys.exit(main())
