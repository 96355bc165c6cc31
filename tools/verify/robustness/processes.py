"""Inference as users start it, in a process of its own, and what it leaves behind."""

from __future__ import annotations

import csv
import gzip
import json
import os
import subprocess
import sys
import zlib
from collections.abc import Sequence
from pathlib import Path

from tools.bundle import INFERENCE_CONFIG, ROOT

LIMIT_S = 600.0


def start(
    data: Path, output: Path, *, overwrite: bool = False, before: Sequence[str] = ()
) -> subprocess.Popen[str]:
    """Start the bundle's command, network only.

    Args:
        data: value of ``--dataset_dir``.
        output: value of ``--output_dir``.
        overwrite: do finished studies again.
        before: words before the command, of a program that runs it.

    Returns:
        The process; it was given its own session, its text goes to pipes.
    """
    command = [*before, sys.executable, "-m", "monai.bundle", "run"]
    command += ["--config_file", str(INFERENCE_CONFIG)]
    command += ["--dataset_dir", str(data.resolve()), "--output_dir", str(output.absolute())]
    command += ["--overwrite", str(overwrite)]
    return subprocess.Popen(
        command,
        cwd=ROOT,
        env={**os.environ, "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    )


def end(process: subprocess.Popen[str], limit_s: float = LIMIT_S) -> tuple[int, str]:
    """Wait for the end of a process.

    Args:
        process: from :func:`start`.
        limit_s: after which it is killed.

    Returns:
        Its exit status, and what it said.
    """
    try:
        said, _ = process.communicate(timeout=limit_s)
    except subprocess.TimeoutExpired:
        process.kill()
        said, _ = process.communicate()
    return process.returncode, said


def run(data: Path, output: Path, *, overwrite: bool = False) -> None:
    """Run the command to its end.

    Args:
        data: see :func:`start`.
        output: see :func:`start`.
        overwrite: see :func:`start`.

    Raises:
        RuntimeError: if it fails, with the end of what it said.
    """
    status, said = end(start(data, output, overwrite=overwrite))
    if status:
        raise RuntimeError(f"inference on {data} ended with status {status}: {said[-500:]}")


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder, hidden ones too; compressed ones unpacked.

    Args:
        folder: of results.

    Returns:
        Content by path relative to the folder.
    """
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    return {str(p.relative_to(folder)): _unpacked(p) for p in files}


def differing(found: dict[str, bytes], wanted: dict[str, bytes]) -> list[str]:
    """Names whose contents are not those wanted, see :func:`contents`."""
    return sorted(k for k in wanted.keys() | found.keys() if wanted.get(k) != found.get(k))


def damage(output: Path, wanted: dict[str, bytes]) -> list[str]:
    """What a user would stumble over in the results of a run that was stopped.

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
        content = path.read_bytes()
        content = gzip.decompress(content) if path.suffix == ".gz" else content
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
    """Content of a file; packed ones that end too early, as a kill leaves them, as they are."""
    content = path.read_bytes()
    try:
        return gzip.decompress(content) if path.suffix == ".gz" else content
    except EOFError:
        return content
