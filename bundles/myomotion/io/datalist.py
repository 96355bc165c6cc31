"""Data lists: what belongs to a section of a data set, and where it is."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from myomotion.errors import InputError

MAKERS = {"motion": "hearts3d", "cycle": "simulate", "cine": "phantom", "slice": "slices"}


def read_datalist(folder: str | Path, section: str | None, key: str) -> list[dict[str, str]]:
    """Read ``datalist.json``, making the paths under ``key`` absolute.

    Args:
        folder: holds ``datalist.json``.
        section: name of the section; None for all of them.
        key: entry that holds a path relative to ``folder``.

    Returns:
        The entries.

    Raises:
        InputError: if the list or the section is missing or empty, or of something else.
    """
    path = Path(folder) / "datalist.json"
    if not path.is_file():
        raise InputError(f"{path}: no such data list. Make one with python -m fem_sim.")
    try:
        content = json.loads(path.read_text())
    except ValueError as error:
        raise InputError(f"{path}: not readable JSON ({error}).") from error
    sections: dict[str, Any] = content if isinstance(content, dict) else {}
    parts = [part for name, part in sections.items() if part and section in (None, name)]
    if not parts:
        named = "" if section is None else f" '{section}'"
        raise InputError(f"{path}: no{named} entries. Simulate more subjects.")
    entries: list[Any] = [e for part in parts for e in (part if isinstance(part, list) else [None])]
    if not all(isinstance(entry, dict) and key in entry for entry in entries):
        whose = "" if section is None else f" of '{section}'"
        raise InputError(
            f"{path}: not every entry{whose} has a '{key}'. Give a folder that "
            f"python -m fem_sim {MAKERS[key]} made."
        )
    return [{**entry, key: str(path.parent / entry[key])} for entry in entries]
