"""The errors that a user's input and a user's places for results can raise."""

from __future__ import annotations

import difflib
import sys
from collections.abc import Callable, Iterable
from typing import ClassVar, NoReturn, TypeVar

T = TypeVar("T")
NEARLY = 0.8  # likeness of two words (difflib) from which one is a slip of the other
HINTED = 0.75  # the same where a guess only helps, as for a word that is refused anyway


class InputError(ValueError):
    """Input that cannot be processed; the message names the file, the value found and the fix.

    Attributes:
        status: with which a command line ends.
    """

    status: ClassVar[int] = 1


class SettingError(InputError):
    """A setting that cannot be used; the message names the key, the value found and the fix."""

    status: ClassVar[int] = 2


class OutputError(InputError):
    """A place that results cannot or must not be written to; the message names it and the fix."""

    status: ClassVar[int] = 2


def root_input_error(error: BaseException) -> InputError | None:
    """Find the :class:`InputError` behind an exception raised by a chain of wrappers.

    What came up while an input error was handled is no wrapper of it but a fault of its own, so
    ``__context__`` does not count.

    Args:
        error: any exception; its ``__cause__`` is followed.

    Returns:
        The first :class:`InputError` on the chain, or None.
    """
    seen: set[int] = set()
    current: BaseException | None = error
    while current is not None and id(current) not in seen:
        if isinstance(current, InputError):
            return current
        seen.add(id(current))
        current = current.__cause__
    return None


def nearest(word: str, known: Iterable[str], likeness: float = NEARLY) -> str | None:
    """The known word of which another is likely a slip.

    Args:
        word: as given.
        known: words with a meaning.
        likeness: that is asked for, up to 1.

    Returns:
        The word, or None where none is that near.
    """
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=likeness)), None)


def exit_on_input_error(action: Callable[[], T]) -> T:
    """Run ``action`` for a command line: an :class:`InputError` ends the program with its message.

    Args:
        action: a function without arguments.

    Returns:
        What ``action`` returns.

    Raises:
        SystemExit: see :func:`end_program`; without a traceback.
    """
    try:
        return action()
    except Exception as error:
        found = root_input_error(error)
        if found is None:
            raise
        end_program(found)


def end_program(error: InputError) -> NoReturn:
    """End a command line with the message of an error of the user's.

    Args:
        error: what is wrong.

    Raises:
        SystemExit: with the message, which Python prints (exit status 1), or with the status of the
            error, its message printed; its cause is the error.
    """
    if error.status == 1:
        raise SystemExit(f"error: {error}") from error
    print(f"error: {error}", file=sys.stderr)
    raise SystemExit(error.status) from error
