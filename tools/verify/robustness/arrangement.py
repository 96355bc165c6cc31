"""Arrangements of inputs, results and files of others that would cost somebody their data.

Each is one command in a copy of the small world (:mod:`tools.verify.robustness.world`): it is
refused, or done rightly; whatever was there before and is not this program's own is there after.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from fem_sim.__main__ import main as fem_sim
from tools.verify.robustness.world import infer, status_of

FOREIGN = "somebody's only copy; it tells of myomotion"
Act = Callable[[Path], int]


@dataclass(frozen=True, kw_only=True)
class Arrangement:
    """A command where it could do harm.

    Attributes:
        name: what is arranged.
        act: the command in a copy of the world; gives its exit status.
        foreign: files of somebody else's, relative to the world, that are put there before.
        prepare: what else is put there before.
        replaced: beginnings of the paths of own results that may change.
        makes: files that must be there after; a command without any must be refused.
    """

    name: str
    act: Act
    foreign: tuple[str, ...] = ()
    prepare: Callable[[Path], object] = lambda world: None
    replaced: tuple[str, ...] = ()
    makes: tuple[str, ...] = ()

    def arrange(self, world: Path) -> None:
        """Put everything in its place."""
        for name in self.foreign:
            path = world / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(FOREIGN)
        self.prepare(world)


def tool(name: str, *words: str) -> Act:
    """A command of ``tools``; ``{w}`` in its words stands for the world."""

    def act(world: Path) -> int:
        main = import_module(f"tools.{name}").main
        return status_of(lambda: main([word.format(w=world) for word in words]))

    return act


def fem(*words: str) -> Act:
    """A command of ``fem_sim``, see :func:`tool`."""
    return lambda world: status_of(lambda: fem_sim([word.format(w=world) for word in words]))


def tracked(data: str, output: str, **options: Any) -> Act:
    """Inference on a place of the world into another."""

    def act(world: Path) -> int:
        given = {k: v.format(w=world) if isinstance(v, str) else v for k, v in options.items()}
        return infer(world / data, world / output, **given)

    return act


def moved(source: str, target: str) -> Callable[[Path], object]:
    """Something of the world has another name."""

    def prepare(world: Path) -> None:
        (world / target).parent.mkdir(parents=True, exist_ok=True)
        (world / source).rename(world / target)

    return prepare


def linked(link: str, to: str) -> Callable[[Path], object]:
    """A symbolic link lies somewhere."""

    def prepare(world: Path) -> None:
        (world / link).parent.mkdir(parents=True, exist_ok=True)
        (world / link).symlink_to(world / to)

    return prepare


def copied(source: str, target: str) -> Callable[[Path], object]:
    """A file lies in a second place."""

    def prepare(world: Path) -> None:
        (world / target).parent.mkdir(parents=True, exist_ok=True)
        (world / target).write_bytes((world / source).read_bytes())

    return prepare
