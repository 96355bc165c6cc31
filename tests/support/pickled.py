"""An object that does something when it is unpickled, as in a file that attacks its reader."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path


class Pickled:
    """Makes a folder when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = str(path)

    def __reduce__(self) -> tuple[Callable[[str], None], tuple[str]]:
        return os.mkdir, (self.path,)
