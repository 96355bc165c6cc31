"""Inference as a process: started as users start it, timed, killed and started again."""

from __future__ import annotations

import contextlib
import csv
import gzip
import io
import json
import logging
import multiprocessing
import os
import resource
import shutil
import signal
import subprocess
import sys
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from monai.bundle import ConfigWorkflow

from fem_sim.claims import Claim, at_most, not_run
from tools.bundle import REGISTRATION, ROOT

CONFIG = REGISTRATION / "configs" / "inference.yaml"
THREADS = 2
LIMIT_S = 20.0
STACK = (3, 30)  # slices and frames of the study that is timed
ATTEMPTS = 20  # to kill a run before it is over
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
    command = [sys.executable, "-m", "monai.bundle", "run", "--config_file", str(CONFIG)]
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


def kill_claims(data: Path, work: Path, trials: int, seed: int) -> Iterator[Claim]:
    """Killed at a random moment, inference leaves no damaged file and finishes when started again.

    Even trials start in an empty folder, odd ones replace finished results (``overwrite``). A kill
    falls at a uniformly random time within the duration of an undisturbed run; a run that is over
    before is done again, so that every trial is killed.

    Args:
        data: folder of studies.
        work: folder for the results of all trials.
        trials: how many.
        seed: of the moments.
    """
    rng = np.random.default_rng(seed)
    reference = work / "undisturbed"
    tracking(data, reference, overwrite=False).join()  # reads everything into the disk cache once
    start = time.perf_counter()
    finished = tracking(data, reference, overwrite=True)
    finished.join()
    duration = time.perf_counter() - start
    if finished.exitcode:
        raise ValueError(f"inference on {data} ended with status {finished.exitcode}")
    wanted, given = contents(reference), contents(data)
    damaged: list[str] = []
    different: list[str] = []
    for trial in range(trials):
        output = work / f"trial{trial:03d}"
        for _ in range(ATTEMPTS):
            shutil.rmtree(output, ignore_errors=True)
            if trial % 2:
                write_contents(output, wanted)
            start = time.perf_counter()
            process = tracking(data, output, overwrite=bool(trial % 2))
            process.join(float(rng.uniform(0, duration)))
            if kill(process):
                break
            # It was over already: later kills shall fall within a run again.
            duration = min(duration, time.perf_counter() - start)
        else:
            raise ValueError(f"trial {trial}: every run ended before it was killed")
        damaged += [f"trial {trial}: {reason}" for reason in damage(output, wanted)]
        again = tracking(data, output, overwrite=False)
        again.join()
        found = contents(output)
        unequal = sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))
        different += [f"trial {trial}: {name}" for name in unequal[:3]]
    note = f"{trials} of {trials} runs killed, {len(wanted)} files each"
    yield at_most(
        "killed: damaged or half-written results", len(damaged), 0, "", "; ".join([note, *damaged])
    )
    yield at_most(
        "killed and started again: files that differ from an undisturbed run",
        len(different),
        0,
        "",
        "; ".join([note, *different[:6]]),
    )
    kept = contents(data)
    changed = [name for name in given.keys() | kept.keys() if given.get(name) != kept.get(name)]
    yield at_most("killed: input files that have changed", len(changed), 0, "", note)


def tracking(data: Path, output: Path, overwrite: bool) -> Any:
    """Start inference in a process of its own, which has its libraries loaded already.

    Args:
        data: folder of studies.
        output: folder of the results.
        overwrite: do finished studies again.

    Returns:
        The process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    process = context.Process(target=_track, args=(str(data), str(output), overwrite))
    process.start()
    return process


def _track(data: str, output: str, overwrite: bool) -> None:
    os.chdir(ROOT)
    logging.disable(logging.WARNING)
    with contextlib.redirect_stdout(io.StringIO()):
        workflow = ConfigWorkflow(
            config_file=str(CONFIG),
            workflow_type=None,
            logging_file=False,
            dataset_dir=str(Path(data).resolve()),
            output_dir=output,
            overwrite=overwrite,
        )
        workflow.initialize()
        workflow.run()


def kill(process: Any) -> bool:
    """End a process at once.

    Args:
        process: from :func:`tracking`.

    Returns:
        Whether it was still running.
    """
    running = bool(process.is_alive())
    if running:
        os.kill(process.pid, signal.SIGKILL)
    process.join()
    return running


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too; compressed ones unpacked.

    Args:
        folder: of results.

    Returns:
        Content by path relative to the folder.
    """
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {str(p.relative_to(folder)): _unpacked(p) for p in files}


def write_contents(folder: Path, files: dict[str, bytes]) -> None:
    """Write what :func:`contents` read.

    Args:
        folder: to make.
        files: content by relative path.
    """
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(content, 1) if name.endswith(".gz") else content)


def damage(output: Path, wanted: dict[str, bytes]) -> list[str]:
    """What a user would stumble over in the results of a run that was killed.

    Every folder that is there must be complete and every file readable to its end. Hidden entries
    are the run's own and do not count.

    Args:
        output: folder of the results.
        wanted: files of an undisturbed run.

    Returns:
        Sentences; empty if nothing is damaged.
    """
    found = []
    for entry in sorted(output.glob("[!.]*")):
        if entry.is_dir():
            present = {f"{entry.name}/{p.relative_to(entry)}" for p in entry.rglob("*.*")}
            files = {name for name in wanted if name.startswith(f"{entry.name}/")}
            if files - present:
                found.append(f"{entry.name} lacks {len(files - present)} files")
        for path in [entry] if entry.is_file() else sorted(entry.rglob("*.*")):
            reason = unreadable(path)
            if reason:
                found.append(f"{path.relative_to(output)}: {reason}")
    return found


def unreadable(path: Path) -> str:
    """Why a result file is not whole; empty if it is.

    Args:
        path: ``.nii.gz``, ``.csv``, ``.json``, ``.html`` or ``.png``.

    Returns:
        The reason.
    """
    try:
        content = _unpacked(path)
        if path.suffix == ".json":
            json.loads(content)
        elif path.suffix == ".csv":
            rows = list(csv.reader(content.decode().splitlines()))
            if not content.endswith(b"\n") or len({len(row) for row in rows}) != 1:
                return "broken table"
        elif path.suffix == ".html" and not content.rstrip().endswith(b"</html>"):
            return "the page ends early"
        elif path.suffix == ".png" and b"IEND" not in content[-16:]:
            return "the picture ends early"
    except (OSError, EOFError, ValueError, zlib.error) as error:
        return f"{type(error).__name__}: {error}"
    return "" if content else "empty"


def _unpacked(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
