"""Writing files so that a reader never sees half of one."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import shutil
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

PARTIAL = re.compile(r"\..+\.[0-9a-f]{8}\.(partial|old)")  # names of what is half written


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file in one step (temporary file beside it, then rename).

    Args:
        path: file to make or replace; its folder is made if missing.
        content: what it shall hold.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.partial")
    try:
        partial.write_bytes(content)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_table(
    path: Path, columns: Sequence[str], rows: Iterable[Mapping[str, Any] | Sequence[Any]]
) -> None:
    """Write a table as comma-separated values (RFC 4180, UTF-8) in one step.

    Args:
        path: file to make or replace; its folder is made if missing.
        columns: names and order of the columns.
        rows: values by column, of which those of other names are left out, or values in the order
            of the columns; None becomes an empty field.

    Raises:
        KeyError: if a row by column lacks one of ``columns``.
        ValueError: if a row in order has more or fewer values than there are columns.
    """
    text = io.StringIO()
    writer = csv.writer(text)
    writer.writerow(columns)
    for row in rows:
        values = [row[name] for name in columns] if isinstance(row, Mapping) else row
        if len(values) != len(columns):
            raise ValueError(f"{path}: a row has {len(values)} values for {len(columns)} columns.")
        writer.writerow(values)
    write_bytes(path, text.getvalue().encode())


def remove_partial(folder: Path) -> None:
    """Remove what runs that were killed left half written in a folder.

    Args:
        folder: where files or folders of this module's functions lie; nothing else is touched.
    """
    for left in folder.glob(".*"):
        if PARTIAL.fullmatch(left.name):
            shutil.rmtree(left) if left.is_dir() else left.unlink()


@contextmanager
def replaced_folder(target: Path) -> Iterator[Path]:
    """Folder that takes the place of ``target`` when the block ends well, and vanishes otherwise.

    Args:
        target: final folder; an older one is replaced as a whole.

    Yields:
        A new folder beside it to write into.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.parent / f".{target.name}.{uuid.uuid4().hex[:8]}.partial"
    partial.mkdir()
    try:
        yield partial
        if target.exists():
            old = partial.with_suffix(".old")
            target.rename(old)
            partial.rename(target)
            shutil.rmtree(old)
        else:
            partial.rename(target)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def file_sha256(path: str | Path) -> str:
    """SHA-256 of a file.

    Args:
        path: an existing file.

    Returns:
        64 hexadecimal digits.
    """
    digest = hashlib.sha256()
    with Path(path).open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
