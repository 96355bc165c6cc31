"""Inference as a process: started as users start it, and timed."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from fem_sim.claims import Claim, at_most, not_run
from tools.bundle import INFERENCE_CONFIG, ROOT

THREADS = 2
LIMIT_S = 20.0
STACK = (3, 30)  # slices and frames of the study that is timed
LARGEST_LOAD = 0.7  # load average above which a long time means nothing
TIME_CLAIM = f"{STACK[0]} levels x {STACK[1]} frames to the report, whole process"


def run_command(data: Path, output: Path, *, threads: int = THREADS) -> tuple[float, float]:
    """Track with the command of the README, network only.

    Args:
        data: value of ``--dataset_dir``.
        output: value of ``--output_dir``.
        threads: of the process.

    Returns:
        Seconds of wall time and of processor time.

    Raises:
        ValueError: if the command fails, with the end of what it said.
    """
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(INFERENCE_CONFIG)]
    command += ["--dataset_dir", str(data.resolve()), "--output_dir", str(output.resolve())]
    environment = {**os.environ, "OMP_NUM_THREADS": str(threads), "MKL_NUM_THREADS": str(threads)}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.perf_counter()
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    elapsed = time.perf_counter() - start
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode:
        raise ValueError(f"inference on {data} failed: {done.stderr.strip()[-500:]}")
    return elapsed, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def time_claims(study: Path, shape: tuple[int, ...], output: Path) -> Iterator[Claim]:
    """One study from starting the command to its complete report.

    Args:
        study: folder of the study.
        shape: of its cine.
        output: folder to write into.
    """
    if (shape[2], shape[3]) != STACK:
        found = f"{study.name} has {shape[2]} levels x {shape[3]} frames"
        yield not_run(TIME_CLAIM, f"<= {LIMIT_S:g}", found)
        return
    load = os.getloadavg()[0]
    wall, processor = run_command(study, output)
    if not (output / study.name / "report.html").is_file():
        raise ValueError(f"{output / study.name}: no report.html was written")
    note = f"{THREADS} threads, {processor:.1f} s of processor time, load {load:.1f} before"
    if wall > LIMIT_S and load > LARGEST_LOAD:
        reason = f"{wall:.1f} s on a busy machine (need a load of {LARGEST_LOAD}); {note}"
        yield not_run(TIME_CLAIM, f"<= {LIMIT_S:g}", reason)
        return
    yield at_most(TIME_CLAIM, wall, LIMIT_S, "s", note)
