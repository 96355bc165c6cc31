"""Tables, and sums of files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import WRITTEN_BY


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


def write_report(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON report that says who wrote it, in one step.

    Args:
        path: file to make or replace, see :func:`~myomotion.files.outputs.claim`.
        content: what JSON can hold (NaN included).
    """
    write_bytes(path, (json.dumps({**WRITTEN_BY, **content}, indent=1) + "\n").encode())


def json_sha256(content: object) -> str:
    """SHA-256 of what JSON can hold, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()


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
