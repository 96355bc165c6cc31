"""Output of the simulator: files that are whole or absent, folders of one setting, data splits."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from myomotion.files import remove_partial, write_bytes

SPLITS = ("training", "validation", "test")
REJECTED = "rejected"  # folder of the reasons why something could not be made


class OutputError(OSError):
    """The output folder cannot be used; the message names the path and the fix."""


@contextmanager
def output_errors(path: Path) -> Iterator[None]:
    """Errors of the operating system while `path` is written become an :class:`OutputError`."""
    try:
        yield
    except OSError as error:
        raise OutputError(
            f"{path}: cannot be written ({error.strerror or error}). Free disk space or choose "
            "another output folder; what is finished is kept, the same command resumes."
        ) from error


def write_file(path: Path, content: bytes) -> None:
    """Write a file in one step.

    Raises:
        OutputError: no space left, no permission, or another operating system error.
    """
    with output_errors(path):
        write_bytes(path, content)


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented JSON in one step; see :func:`write_file`."""
    write_file(path, (json.dumps(content, indent=1) + "\n").encode())


def claim_folder(folder: Path, settings: dict[str, Any]) -> None:
    """Create the output folder, or check that its settings.json is the same as `settings`.

    What a killed run left half written is removed.

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
    with output_errors(folder):
        remove_partial(folder)


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
