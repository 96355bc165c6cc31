"""Data lists: what belongs to a section of a data set, and where it is."""

from __future__ import annotations

import json
from pathlib import Path

from myomotion.errors import InputError


def read_datalist(folder: str | Path, section: str, key: str) -> list[dict[str, str]]:
    """Read one section of ``datalist.json``, making the paths under ``key`` absolute.

    Args:
        folder: holds ``datalist.json``.
        section: name of the section.
        key: entry that holds a path relative to ``folder``.

    Returns:
        The entries.

    Raises:
        InputError: if the list or the section is missing or empty.
    """
    path = Path(folder) / "datalist.json"
    if not path.is_file():
        raise InputError(f"{path}: no such data list. Make one with python -m fem_sim.")
    try:
        entries = json.loads(path.read_text()).get(section, [])
    except ValueError as error:
        raise InputError(f"{path}: not readable JSON ({error}).") from error
    if not entries:
        raise InputError(f"{path}: no '{section}' entries. Simulate more subjects.")
    return [{**entry, key: str(path.parent / entry[key])} for entry in entries]
