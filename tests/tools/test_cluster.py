"""Simulation and inference on a Dask cluster: a worker that is killed costs nothing but time."""

from __future__ import annotations

import csv
import json
import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from fem_sim.__main__ import main as fem_sim
from fem_sim.dataset import simulate_dataset
from fem_sim.mechanics.cycle import Cycle
from tests.support.studies import write_study
from tools.track_cohort.__main__ import main

distributed = pytest.importorskip("distributed", reason="distributed (Dask) is not installed")

SAME_MM = 1e-3  # another process may sum in another order
pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def cluster() -> Iterator[distributed.LocalCluster]:
    """Two worker processes on this machine."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=1, dashboard_address=None
    ) as made:
        made.wait_for_workers(2, timeout=120)
        yield made


@pytest.fixture
def killed_when(
    cluster: distributed.LocalCluster,
) -> Iterator[Callable[[Callable[[], bool]], list[int]]]:
    """Kill a busy worker as soon as a condition holds; gives the killed process ids."""
    threads: list[threading.Thread] = []
    over = threading.Event()

    def start(condition: Callable[[], bool]) -> list[int]:
        killed: list[int] = []

        def watch() -> None:
            with distributed.Client(cluster.scheduler_address, set_as_default=False) as client:
                pids = client.run(os.getpid)
                deadline = time.monotonic() + 120
                while not over.is_set() and time.monotonic() < deadline:
                    busy = [a for a, keys in client.processing().items() if keys and a in pids]
                    if busy and condition():
                        os.kill(pids[busy[0]], signal.SIGKILL)
                        killed.append(pids[busy[0]])
                        return
                    time.sleep(0.02)

        threads.append(threading.Thread(target=watch, daemon=True))
        threads[-1].start()
        return killed

    yield start
    over.set()
    for thread in threads:
        thread.join()


@pytest.mark.slow
def test_simulation_loses_nothing_to_a_killed_worker(
    cluster: distributed.LocalCluster,
    killed_when: Callable[[Callable[[], bool]], list[int]],
    tmp_path: Path,
) -> None:
    there, here = tmp_path / "there", tmp_path / "here"
    killed = killed_when(lambda: any(there.glob("s*.npz")))
    options = ["--count", "6", "--levels", "12", "--seed", "5", "--quiet"]
    command = ["simulate", "--output", str(there), *options]
    assert fem_sim([*command, "--scheduler", cluster.scheduler_address]) == 0
    assert len(killed) == 1
    simulate_dataset(here, count=6, levels=12, seed=5, progress=False)
    assert (there / "datalist.json").read_text() == (here / "datalist.json").read_text()
    paths = sorted(here.glob("*.npz"))
    assert len(paths) == 6
    for path in paths:
        again = Cycle.load(there / path.name)
        assert np.abs(again.displacement - Cycle.load(path).displacement).max() < SAME_MM
    before = {path: path.stat().st_mtime_ns for path in there.glob("s*.npz")}
    assert fem_sim([*command, "--scheduler", cluster.scheduler_address]) == 0
    # What the killed worker left half written, hidden, is gone with the next run.
    assert {path: path.stat().st_mtime_ns for path in there.rglob("*.npz")} == before


@pytest.mark.slow
def test_cohort_loses_nothing_to_a_killed_worker_and_isolates_a_bad_study(
    cluster: distributed.LocalCluster,
    killed_when: Callable[[Callable[[], bool]], list[int]],
    net_weights: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = tmp_path / "data"
    for name in "abcd":
        write_study(data / name)
    (data / "bad").mkdir()
    (data / "bad" / "sa.nii.gz").write_text("not a picture")
    there, here = tmp_path / "there", tmp_path / "here"

    def track(output: Path, *more: str) -> int:
        settings = ["--set", f"weights={net_weights}", "report=false"]
        return main(["--data", str(data), "--output", str(output), *settings, *more])

    killed = killed_when(lambda: any(there.glob("*/summary.json")))
    assert track(there, "--scheduler", cluster.scheduler_address) == 0
    assert len(killed) == 1
    assert "bad failed: " in capsys.readouterr().err
    assert track(here) == 0

    assert sorted(p.name for p in there.iterdir()) == sorted(p.name for p in here.iterdir())
    assert list(json.loads((there / "failed.json").read_text())) == ["bad"]
    pages = [(folder / "cohort.html").read_text() for folder in (there, here)]
    for page in pages:
        assert re.findall(r'<tr data-name="([^"]*)"', page) == list("abcd")
        assert '<tr><td>bad</td><td class="reason">' in page
    tables = [list(csv.DictReader((f / "cohort.csv").open())) for f in (there, here)]
    assert [row["name"] for row in tables[0]] == list("abcd")
    for row, expected in zip(*tables, strict=True):
        for key, text in expected.items():
            same = row[key] == text or float(row[key]) == pytest.approx(float(text), abs=SAME_MM)
            assert same, (key, row[key], text)
    for path in here.glob("*/displacement/*.nii.gz"):
        again = nib.load(there / path.relative_to(here)).get_fdata()
        assert np.abs(again - nib.load(path).get_fdata()).max() < SAME_MM

    shutil.rmtree(there / "b")
    before = {path: path.stat().st_mtime_ns for path in there.glob("*/summary.json")}
    assert track(there, "--scheduler", cluster.scheduler_address) == 0
    after = {path: path.stat().st_mtime_ns for path in there.glob("*/summary.json")}
    assert set(after) - set(before) == {there / "b" / "summary.json"}
    assert {path: after[path] for path in before} == before


def test_wrong_clusters_are_refused_in_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        command = ["simulate", "--output", str(tmp_path / "x"), "--count", "1", "--quiet"]
        assert fem_sim([*command, "--scheduler", cluster.scheduler_address]) == 1
    assert "start them with --nthreads 1" in capsys.readouterr().err
