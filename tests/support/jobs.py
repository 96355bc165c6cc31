"""Work for processes that a test starts."""

from __future__ import annotations

import os
import signal
from pathlib import Path


def square(number: int) -> int:
    """The square; 13 raises."""
    if number == 13:
        raise ArithmeticError("13 is no number to square")
    return number * number


def threads_and_square(number: int) -> tuple[str | None, int]:
    """What limits numerical threads here, and the square."""
    return os.environ.get("OMP_NUM_THREADS"), square(number)


def die_once(mark: Path) -> str:
    """Kill this process unless the mark is there, which is made first."""
    if mark.suffix == ".mark" and not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return mark.name


def die(mark: Path) -> str:
    """Kill this process for every mark named so."""
    if mark.suffix == ".mark":
        os.kill(os.getpid(), signal.SIGKILL)
    return mark.name
