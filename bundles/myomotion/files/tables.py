"""Tables, and sums of files."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
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
        content: see :func:`json_text`.
    """
    write_bytes(path, (json_text({**WRITTEN_BY, **content}, indent=1) + "\n").encode())


def read_report(path: Path) -> dict[str, Any]:
    """A report of :func:`write_report` whose numbers are computed with: null is NaN again.

    Args:
        path: an existing file.
    """

    def known(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: known(value) for name, value in part.items()}
        if isinstance(part, list):
            return [known(value) for value in part]
        return math.nan if part is None else part

    content: dict[str, Any] = known(json.loads(path.read_text(encoding="utf-8")))
    return content


def json_text(
    content: Mapping[str, Any],
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
) -> str:
    """JSON that every program reads (RFC 8259): numbers that are not finite are null.

    Args:
        content: dictionaries, lists, tuples, text, numbers and None.
        indent: of each level, spaces; all in one line if None.
        separators: after an item and after its name, as :func:`json.dumps` takes them.
    """

    def finite(part: Any) -> Any:
        if isinstance(part, Mapping):
            return {name: finite(value) for name, value in part.items()}
        if isinstance(part, (list, tuple)):
            return [finite(value) for value in part]
        return None if isinstance(part, float) and not math.isfinite(part) else part

    return json.dumps(finite(content), indent=indent, separators=separators, allow_nan=False)


def json_sha256(content: object) -> str:
    """SHA-256 of what JSON can hold, 64 hexadecimal digits."""
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()
