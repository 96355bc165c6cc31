"""Files that are whole or absent: atomic writes, settings fingerprints, data splits."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

SPLITS = ("training", "validation", "test")


class OutputError(OSError):
    """The output folder cannot be used; the message names the path and the fix."""


def write_atomically(path: Path, write: Callable[[Path], object]) -> None:
    """Call `write(temporary)` in the same folder, then rename the result to `path`.

    The temporary name keeps the suffixes of `path`, so writers that look at them work. It holds the
    process number: two processes never share one.

    Raises:
        OutputError: no space left, no permission, or another operating system error.
    """
    temporary = path.with_name(f".part{os.getpid()}-{path.name}")
    try:
        write(temporary)
        temporary.replace(path)
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}). Free disk space or choose "
            "another output folder; finished files are kept, the same command resumes."
        ) from error
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented JSON, atomically."""
    text = json.dumps(content, indent=1) + "\n"
    write_atomically(path, lambda part: part.write_text(text, encoding="utf-8"))


def claim_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Create the output folder, or check that its settings.json is the same as `settings`.

    Left-over temporary files of a killed run are removed.

    Raises:
        OutputError: the folder cannot be created or written.
        ValueError: the folder was made with other settings.
    """
    record = folder / "settings.json"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        previous = json.loads(record.read_text(encoding="utf-8")) if record.is_file() else None
    except json.JSONDecodeError as error:
        raise ValueError(f"{record}: no valid JSON ({error}). Delete the folder.") from error
    except OSError as error:
        raise OutputError(
            f"{folder}: cannot be used as output folder ({error.strerror}). Choose another one."
        ) from error
    current = json.loads(json.dumps(settings))
    if previous is None:
        write_json(record, current)
    elif previous != current:
        keys = sorted(k for k in {*previous, *current} if previous.get(k) != current.get(k))
        changes = "; ".join(f"{k} was {previous.get(k)!r}, now {current.get(k)!r}" for k in keys)
        raise ValueError(
            f"{folder}: was made with other settings ({changes}). "
            "Choose another output folder or repeat the first settings."
        )


def split_of(subject_index: int) -> str:
    """Split of a subject by its number: 14 training, 3 validation, 3 test of every 20.

    It depends on nothing else, so a folder that grows never moves a subject between splits; from
    three subjects on no split is empty.
    """
    position = subject_index % 20
    if position in (1, 8, 15):
        return "validation"
    return "test" if position in (2, 9, 16) else "training"


def split_items(items: Iterable[tuple[int, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Group (subject index, entry) pairs by split, all three keys present."""
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in SPLITS}
    for subject_index, entry in items:
        groups[split_of(subject_index)].append(entry)
    return groups
