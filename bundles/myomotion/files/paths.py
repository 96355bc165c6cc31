"""Paths as users give them, the files below them, and their sums."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path


def given_path(value: object) -> Path:
    """A path as the user gave it on the command line of a bundle.

    Fire makes a number of ``2024``, and MONAI turns ``#`` into ``::`` wherever it stands.

    Args:
        value: from a configuration.

    Examples:
        >>> given_path(2024), given_path("/my/study ::1")
        (PosixPath('2024'), PosixPath('/my/study #1'))
    """
    path = Path(str(value)).expanduser()
    return path if path.exists() else Path(str(path).replace("::", "#"))


def files_below(folder: Path) -> Iterator[Path]:
    """Files in a folder and the folders below it as they are found, hidden ones left out.

    Links to folders are followed, after all else: not to what was seen, nor back up.

    Args:
        folder: an existing folder.
    """
    root, seen, tops = folder.resolve(), set[Path](), [folder]
    while tops:
        links: list[Path] = []
        for place, folders, files in (step for top in sorted(tops) for step in os.walk(top)):
            here = Path(place)
            if here.resolve() in seen:
                folders.clear()
                continue
            seen.add(here.resolve())
            folders[:] = [name for name in folders if not name.startswith(".")]
            links += [path for name in folders if (path := here / name).is_symlink()]
            yield from (here / name for name in files if not name.startswith("."))
        tops = [link for link in links if not _leads_up(link, root)]


def _leads_up(link: Path, root: Path) -> bool:
    target = link.resolve()
    return any(here.is_relative_to(target) for here in (root, link.parent.resolve()))


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
