"""What all commands share: how they show help, report errors, and take settings and processes."""

from __future__ import annotations

import argparse
import json
import logging
import os
import sys
from collections.abc import Callable, Collection, Mapping, Sequence
from functools import partial
from typing import Any

from myomotion.errors import HINTED, InputError, SettingError, nearest, root_input_error

OWN = ("fem_sim", "myomotion", "tests", "tools")
PYTHONS = {"True": True, "False": False, "None": None}  # as ``monai.bundle run`` takes them too


def make_parser(module: str, description: str | None) -> argparse.ArgumentParser:
    """A parser whose help is the text of the module, its lines as they are.

    Args:
        module: what follows ``python -m``.
        description: docstring of the module.

    Returns:
        The parser.
    """
    return argparse.ArgumentParser(
        prog=f"python -m {module}",
        description=description,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )


def run_command(
    action: Callable[[], int | None], *also: type[Exception], level: int = logging.WARNING
) -> int:
    """Do a command's work; what its input or the disk is to blame for ends in one line on stderr.

    So does a package that is not installed: more is needed for tools than for tracking.

    Args:
        action: does the work and gives the exit status; None means 0.
        also: errors that are the user's beside :class:`~myomotion.errors.InputError`, wherever in
            a chain of errors it is, and :class:`OSError`.
        level: of the messages that are shown on stderr.

    Returns:
        Exit status, that of such an error or 1. Other errors pass: they are the program's.
    """
    logging.basicConfig(level=level, format="%(message)s")
    try:
        return action() or 0
    except ModuleNotFoundError as error:
        package = (error.name or OWN[0]).split(".")[0]
        if package in OWN:
            raise
        print(
            f"error: the package {package} is not installed. In a clone of the project: make "
            "tools, or pip install -r tools/requirements.txt",
            file=sys.stderr,
        )
        return 1
    except Exception as error:
        known = error if isinstance(error, (OSError, *also)) else None
        found = root_input_error(error) or known
        if found is None:
            raise
        print(f"error: {found}", file=sys.stderr)
        return found.status if isinstance(found, InputError) else 1


def add_workers(
    parser: argparse._ActionsContainer, default: int | None = None, purpose: str = "processes"
) -> None:
    """Add ``--workers``, a number of at least 1.

    Args:
        parser: a parser, or a group of its options.
        default: where the option is not given; None stands for one a core.
        purpose: what the number counts.
    """
    shown = "one a core" if default is None else "%(default)s"
    parser.add_argument(
        "--workers",
        type=partial(_at_least, 1),
        default=usable_cores() if default is None else default,
        help=f"{purpose} (default: {shown})",
    )


def add_seed(
    parser: argparse.ArgumentParser, purpose: str = "of everything drawn", default: int = 0
) -> None:
    """Add ``--seed``, a number of at least 0, which is what numpy's generators take.

    Args:
        parser: of the command.
        purpose: what the seed is of.
        default: where the option is not given.
    """
    parser.add_argument(
        "--seed",
        type=partial(_at_least, 0),
        default=default,
        help=f"{purpose} (default %(default)s)",
    )


def usable_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # fewer than the machine has, in a container or a job
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def check_names(asked: Sequence[str], there: Collection[str], place: object) -> None:
    """Refuse names of ``--only`` that would be passed over.

    Args:
        asked: names on the command line.
        there: names to choose from.
        place: where they are.

    Raises:
        SettingError: naming the first that is not there, and the nearest that is.
    """
    for name in asked:
        if name not in there:
            near = nearest(name, sorted(there), HINTED)
            hint = f" Did you mean {near}?" if near else ""
            raise SettingError(f"--only {name}: not in {place}.{hint}")


def add_overrides(
    parser: argparse.ArgumentParser, example: str, options: Mapping[str, str] | None = None
) -> None:
    """Add ``--set KEY=VALUE ...``; the option ``changes`` holds pairs for :class:`dict`.

    Args:
        parser: of the command.
        example: such as ``refine_steps=80``.
        options: of the command, by the keys that they stand for; ``--set`` refuses those.
    """
    parser.add_argument(
        "--set",
        dest="changes",
        nargs="*",
        type=partial(parse_override, options=options),
        default=[],
        metavar="KEY=VALUE",
        help=f"keys of the bundle's inference.yaml, such as {example}",
    )


def parse_override(text: str, options: Mapping[str, str] | None = None) -> tuple[str, Any]:
    """Split ``KEY=VALUE``; a value that is JSON (a number, true, null) becomes what it says.

    So do Python's True, False and None.

    Args:
        text: a word of the command line.
        options: see :func:`add_overrides`.

    Returns:
        Key and value.

    Raises:
        argparse.ArgumentTypeError: without a key or an equals sign, or for a key that an option
            stands for.

    Examples:
        >>> parse_override("refine_steps=80"), parse_override("volume=False")
        (('refine_steps', 80), ('volume', False))
        >>> parse_override("weights=output/model.pt")
        ('weights', 'output/model.pt')
    """
    key, sign, value = text.partition("=")
    if not key or not sign:
        raise argparse.ArgumentTypeError(f"{text!r}: expected KEY=VALUE.")
    if (option := (options or {}).get(key)) is not None:
        raise argparse.ArgumentTypeError(f"{text!r}: {option} says it. Leave it out of --set.")
    if value in PYTHONS:
        return key, PYTHONS[value]
    try:
        return key, json.loads(value)
    except ValueError:
        return key, value


def _at_least(least: int, text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"invalid int value: {text!r}") from None
    if number < least:
        raise argparse.ArgumentTypeError(f"{number}; it must be at least {least}.")
    return number
