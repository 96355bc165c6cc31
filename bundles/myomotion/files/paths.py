"""Paths as users give them."""

from __future__ import annotations

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
