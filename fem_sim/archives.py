"""Arrays and what is known of their origin, as one compressed file."""

from __future__ import annotations

import io
import json
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar
from zipfile import BadZipFile, ZipFile

import numpy as np

from myomotion.files.atomic import write_bytes
from myomotion.files.tables import json_sha256, json_text

T = TypeVar("T")
PROVENANCE = "provenance"


def save_archive(path: Path | str, content: Mapping[str, Any]) -> None:
    """Write a compressed ``.npz`` in one step.

    Args:
        path: of the file.
        content: arrays and numbers by name, and ``provenance``, JSON-ready.
    """
    file = io.BytesIO()
    text = np.array(json_text(content[PROVENANCE]))
    np.savez_compressed(file, **{**content, PROVENANCE: text})
    write_bytes(Path(path), file.getvalue())


def archive_sha256(path: Path | str) -> str | None:
    """SHA-256 of the arrays of an archive by the checksums in it, the same whenever it was written.

    Args:
        path: of the file.

    Returns:
        64 hexadecimal digits; None where the file is not there or no archive.
    """
    try:
        with ZipFile(path) as archive:
            sums = {Path(part.filename).stem: part.CRC for part in archive.infolist()}
    except (OSError, BadZipFile):
        return None
    return json_sha256(sorted((name, crc) for name, crc in sums.items() if name != PROVENANCE))


def load_archive(path: Path | str, make: Callable[..., T], kind: str) -> T:
    """Read what :func:`save_archive` wrote.

    Args:
        path: of the file.
        make: takes the content by name.
        kind: what it should be, for the message.

    Returns:
        What ``make`` makes of it.

    Raises:
        ValueError: naming the file, if it is nothing of the kind.
    """
    try:
        with np.load(path, allow_pickle=False) as archive:
            content: dict[str, Any] = {name: archive[name] for name in archive.files}
        content[PROVENANCE] = json.loads(str(content[PROVENANCE]))
        return make(**content)
    except (KeyError, TypeError, ValueError, EOFError, BadZipFile, zlib.error) as error:
        raise ValueError(f"{path}: not {kind} ({error}).") from error
