"""One subject of a public data set, and finding the folders of all of them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from myomotion.errors import InputError
from tools.convert.nifti import Labels

PHASES = ("ED", "ES")


@dataclass(frozen=True, kw_only=True)
class Source:
    """One subject as its data set holds it.

    Attributes:
        path: file of the cine, or of its first frame.
        image: 4-D cine with its header.
        ed_frame: index of the end-diastolic frame, from 0.
        es_frame: index of the end-systolic frame.
        label_ed: labels at end-diastole.
        label_es: labels at end-systole.
        coding: key of :data:`myomotion.io.labels.LABEL_CODINGS`.
        record: what else the data set says.
        notes: what a user should know.
    """

    path: Path
    image: Any
    ed_frame: int
    es_frame: int
    label_ed: Labels
    label_es: Labels
    coding: str
    record: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


Reader = Callable[[], Source]


@dataclass(frozen=True, kw_only=True)
class PartsReader:
    """A reader of a subject whose parts lie in folders of different names.

    Attributes:
        read: gives the subject.
        folders: of its parts.
    """

    read: Reader
    folders: tuple[Path, ...]

    def __call__(self) -> Source:
        """The subject."""
        return self.read()


def folders(source: Path) -> Iterator[Path]:
    """The folder itself and all below it, without hidden ones."""
    yield source
    for path in sorted(source.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(source).parts)
        if path.is_dir() and not hidden:
            yield path


def named(source: Path, found: Iterable[tuple[Path, Reader]]) -> dict[str, Reader]:
    """Readers by the name of their folder."""
    places: dict[str, Path] = {}
    readers: dict[str, Reader] = {}
    for folder, reader in found:
        name = folder.name or folder.resolve().name
        if name in places:
            raise InputError(
                f"{source}: '{name}' is there twice ({places[name]}, {folder}). "
                "Convert them into different outputs."
            )
        places[name], readers[name] = folder, reader
    return readers


def first_file(folder: Path, *patterns: str) -> Path | None:
    """First file that matches the first pattern that has one."""
    found = (p for pattern in patterns for p in sorted(folder.glob(pattern)))
    return next((p for p in found if not p.name.startswith(".")), None)


def listed(numbers: Iterable[int]) -> str:
    """Numbers in order, for messages."""
    return ", ".join(str(n) for n in sorted(numbers)) or "none"
