"""The one error a user's input can raise."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


class InputError(ValueError):
    """Input that cannot be processed; the message names the file, the value found and the fix."""


def root_input_error(error: BaseException) -> InputError | None:
    """Find the :class:`InputError` behind an exception raised by a chain of wrappers.

    Args:
        error: any exception; its ``__cause__`` and ``__context__`` are followed.

    Returns:
        The first :class:`InputError` on the chain, or None.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, InputError):
            return current
        seen.add(id(current))
        current = current.__cause__ or current.__context__
    return None


def exit_on_input_error(action: Callable[[], T]) -> T:
    """Run ``action`` for a command line: an :class:`InputError` ends the program with its message.

    Args:
        action: a function without arguments.

    Returns:
        What ``action`` returns.

    Raises:
        SystemExit: with the message of the input error (exit status 1, no traceback).
    """
    try:
        return action()
    except Exception as error:
        found = root_input_error(error)
        if found is None:
            raise
        raise SystemExit(f"error: {found}") from None
