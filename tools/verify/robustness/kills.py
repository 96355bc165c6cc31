"""Claims about inference that is killed or runs beside itself: nothing is lost or damaged."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fem_sim.claims import Claim, at_least, at_most
from tools.verify.robustness.processes import contents, damage, differing, end, run, start
from tools.verify.robustness.world import STUDIES, sums, write_study

STARTS = 20
EARLIER = 0.8  # of its moment, when a run was over before it was killed
LATEST = 0.95  # of the time of a run
TICK_S = 0.002


@dataclass(frozen=True, kw_only=True)
class Undisturbed:
    """A run that nobody disturbs.

    Attributes:
        data: folder of two small studies.
        results: what it writes.
        wanted: see :func:`~tools.verify.robustness.processes.contents`.
        given: sums of the files of ``data``.
        writing_s: seconds until something is in the output folder.
        whole_s: seconds until the end.
    """

    data: Path
    results: Path
    wanted: dict[str, bytes]
    given: dict[str, str]
    writing_s: float
    whole_s: float


def undisturbed(work: Path) -> Undisturbed:
    """Make two small studies and track them.

    Args:
        work: folder to work in.
    """
    data, results = work / "in", work / "undisturbed"
    for number, name in enumerate(STUDIES):
        write_study(data / name, 14 + number)
    run(data, work / "first")  # reads everything into the disk cache
    began = time.perf_counter()
    process = start(data, results)
    _wait_for_writing(process, results)
    writing_s = time.perf_counter() - began
    status, said = end(process)
    whole_s = time.perf_counter() - began
    if status:
        raise RuntimeError(f"inference ended with status {status}: {said[-500:]}")
    return Undisturbed(
        data=data,
        results=results,
        wanted=contents(results),
        given=sums(data),
        writing_s=writing_s,
        whole_s=whole_s,
    )


def kill_claims(alone: Undisturbed, work: Path, seed: int, starts: int = STARTS) -> Iterator[Claim]:
    """Killed at a random moment, inference leaves no damage and finishes when started again.

    Even starts work in a folder without results, odd ones replace finished results (``overwrite``);
    what a killed run leaves hidden stays there for the next. Half of the moments lie before
    anything is written, half between the first byte and the end.

    Args:
        alone: a run that nobody disturbs.
        work: folder to work in.
        seed: of the moments.
        starts: how many.
    """
    rng = np.random.default_rng(seed)
    fresh, replaced = work / "fresh", work / "replaced"
    fresh.mkdir(parents=True)
    shutil.copytree(alone.results, replaced)
    damaged: list[str] = []
    killed = writing = 0
    for number in range(starts):
        output = replaced if number % 2 else fresh
        late = number // 2 % 2 == 1  # both kinds of moments in both folders
        share = float((number // 4 + rng.uniform()) / -(-starts // 4))  # spread over the time
        for _ in range(starts):
            if output == fresh:
                _remove_visible(fresh)
            if _killed(alone, output, late=late, share=share, overwrite=bool(number % 2)):
                killed += 1
                break
            share *= EARLIER
        writing += any(output.glob(".*.partial"))
        about = f"start {number}"
        damaged += [f"{about}: {reason}" for reason in damage(output, alone.wanted)]
        damaged += [f"{about}: {name} differs" for name in _altered(output, alone.wanted)]
        if output == replaced:
            damaged += [f"{about}: {name} is gone" for name in _lost(output)]
    yield at_least(
        f"inference killed before its end, of {starts} starts",
        killed,
        starts,
        "",
        f"moments up to {alone.whole_s:.1f} s, written from {alone.writing_s:.1f} s on",
    )
    note = f"{writing} of {starts} while a study was being written"
    yield at_most(
        "killed: damaged, altered or lost results", len(damaged), 0, "", "; ".join([note, *damaged])
    )
    different = []
    for output in (fresh, replaced):
        run(alone.data, output)
        different += [f"{output.name}: {n}" for n in differing(contents(output), alone.wanted)]
    yield at_most(
        "killed and started again: files that differ from an undisturbed run",
        len(different),
        0,
        "",
        "; ".join([f"{len(alone.wanted)} files", *different[:6]]),
    )
    changed = differing_sums(alone)
    yield at_most("killed: input files that have changed", len(changed), 0, "", "; ".join(changed))


def two_runs_claims(alone: Undisturbed, work: Path) -> Iterator[Claim]:
    """Two runs into one folder at once: the same studies, and one study each.

    Args:
        alone: a run that nobody disturbs.
        work: folder to work in.
    """
    found: list[str] = []
    for title, data in (
        ("the same studies", (alone.data, alone.data)),
        ("a study each", tuple(alone.data / name for name in STUDIES)),
    ):
        output = work / title
        processes = [start(place, output, overwrite=True) for place in data]
        for process in processes:
            status, said = end(process)
            if status:
                found.append(f"{title}: status {status}: {said.strip()[-120:]}")
        if title == "a study each":
            run(alone.data, output)  # makes the table of both; finished studies are kept
        found += [f"{title}: {n}" for n in differing(contents(output), alone.wanted)]
    found += differing_sums(alone)
    yield at_most("two runs at once: faults", len(found), 0, "", "; ".join(found[:6]))


def differing_sums(alone: Undisturbed) -> list[str]:
    """Inputs that are not what they were."""
    now = sums(alone.data)
    return sorted(n for n in now.keys() | alone.given.keys() if now.get(n) != alone.given.get(n))


def _killed(alone: Undisturbed, output: Path, *, late: bool, share: float, overwrite: bool) -> bool:
    """Start a run and kill it; whether it was running still."""
    process = start(alone.data, output, overwrite=overwrite)
    if late:
        _wait_for_writing(process, output)
        pause = share * LATEST * (alone.whole_s - alone.writing_s)
    else:
        pause = share * alone.writing_s
    deadline = time.perf_counter() + pause
    while time.perf_counter() < deadline and process.poll() is None:
        time.sleep(TICK_S)
    running = process.poll() is None
    if running:
        os.kill(process.pid, signal.SIGKILL)
    end(process)
    return running and process.returncode == -signal.SIGKILL


def _wait_for_writing(process: subprocess.Popen[str], output: Path) -> None:
    """Wait until a process has begun to write a study, or is over."""
    own = f"-{process.pid}-"
    while process.poll() is None:
        if output.is_dir() and any(own in p.name for p in output.iterdir()):
            return
        time.sleep(TICK_S)


def _remove_visible(folder: Path) -> None:
    for entry in folder.iterdir():
        if entry.is_dir() and not entry.name.startswith("."):
            shutil.rmtree(entry)
        elif entry.is_file() and not entry.name.endswith((".partial", ".old")):
            entry.unlink()


def _altered(output: Path, wanted: dict[str, bytes]) -> list[str]:
    """Visible files of studies that are not those of an undisturbed run."""
    found = {n: c for n, c in contents(output).items() if not n.startswith(".") and "/" in n}
    return [name for name, content in found.items() if wanted.get(name) != content]


def _lost(output: Path) -> list[str]:
    """Studies that had a result and have none now, neither in its place nor moved aside."""
    return [
        name
        for name in STUDIES
        if not (output / name).is_dir() and not list(output.glob(f".{name}.*.old"))
    ]
