"""Files and folders that appear whole: no reader ever sees half a result.

Everything is written beside its target under a hidden name and takes its place in one step, so that
a killed run or a full disk leaves the old one as it was. Hidden names say which process they belong
to; only those of processes that are gone are cleared away.
"""

from __future__ import annotations

import errno
import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from myomotion.errors import OutputError
from myomotion.files.processes import host_name, is_running

LONGEST_NAME = 100  # bytes of a target's name in a hidden one; file systems take 255 in all
OF_THE_DISK = {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EFBIG, errno.ENAMETOOLONG, errno.EIO}
_HIDDEN = re.compile(r"\.(?P<name>.+)\.(?P<host>[^.]+)-(?P<pid>\d+)-[0-9a-f]{8}\.(partial|old)")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step (temporary file beside it, then rename).

    Whether it may be written at all is for :func:`~myomotion.files.outputs.claim` to say, before
    anything is computed.

    Args:
        path: file to make or replace; its folder is made if missing.
        content: what it shall hold.

    Raises:
        OutputError: for a full disk or a place that cannot be written.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = hidden_name(path)
        try:
            partial.write_bytes(content)
            partial.replace(path)
        finally:
            with suppress(OSError):
                partial.unlink(missing_ok=True)


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Errors of the operating system about a place that is written become one clear line.

    Args:
        path: the place; errors about other files pass, unless the disk is to blame.

    Raises:
        OutputError: naming the place and the fix.
    """
    try:
        yield
    except OSError as error:
        about = [str(name) for name in (error.filename, error.filename2) if name is not None]
        here = any(name.startswith(str(path.parent)) for name in about)
        if error.errno not in OF_THE_DISK and not here:
            raise
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}). Free disk space or choose "
            "another output; what is finished is kept, the same command goes on."
        ) from error


def clear_leftovers(target: Path) -> None:
    """Remove what killed runs left hidden beside a target; give back a result that they moved away.

    Args:
        target: file or folder; only hidden names that belong to it and to processes of this machine
            that are gone count.
    """
    if target.parent.is_dir():
        for path, name in _leftovers(target.parent):
            if name == _short(target.name):
                _clear(path, target)


def remove_leftovers(folder: Path) -> None:
    """The same for all that killed runs left in a folder, see :func:`clear_leftovers`.

    Args:
        folder: where results are written.
    """
    for path, name in _leftovers(folder):
        _clear(path, folder / name)


def hidden_name(target: Path, ending: str = "partial") -> Path:
    """A name beside ``target`` that says which process it belongs to."""
    process = f"{host_name()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    return target.with_name(f".{_short(target.name)}.{process}.{ending}")


def _leftovers(folder: Path) -> list[tuple[Path, str]]:
    """Hidden entries of processes of this machine that are gone, with their targets' names."""
    found = []
    for path in sorted(folder.iterdir()):
        match = _HIDDEN.fullmatch(path.name)
        if match and match["host"] == host_name() and not is_running(int(match["pid"])):
            found.append((path, match["name"]))
    return found


def _clear(path: Path, target: Path) -> None:
    if path.suffix == ".old" and not os.path.lexists(target):
        path.rename(target)  # the run was killed between taking the old one away and the new
    elif path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _short(name: str) -> str:
    """A name as it is, or its beginning and a sum where hidden names would become too long."""
    raw = name.encode()
    if len(raw) <= LONGEST_NAME:
        return name
    return f"{raw[:LONGEST_NAME].decode(errors='ignore')}~{hashlib.sha256(raw).hexdigest()[:8]}"
