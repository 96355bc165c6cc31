"""Data lists: what belongs to a section of a data set, and where it is."""

from __future__ import annotations

import json
from pathlib import Path

from myomotion.errors import InputError

MAKERS = {"motion": "hearts3d", "cycle": "simulate", "cine": "phantom", "slice": "slices"}


def read_datalist(folder: str | Path, section: str, key: str) -> list[dict[str, str]]:
    """Read one section of ``datalist.json``, making the paths under ``key`` absolute.

    Args:
        folder: holds ``datalist.json``.
        section: name of the section.
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
    entries = content.get(section, []) if isinstance(content, dict) else None
    if not entries:
        raise InputError(f"{path}: no '{section}' entries. Simulate more subjects.")
    if not isinstance(entries, list) or not all(isinstance(e, dict) and key in e for e in entries):
        raise InputError(
            f"{path}: not every entry of '{section}' has a '{key}'. Give a folder that "
            f"python -m fem_sim {MAKERS[key]} made."
        )
    return [{**entry, key: str(path.parent / entry[key])} for entry in entries]
