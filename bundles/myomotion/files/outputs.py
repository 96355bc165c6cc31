"""What may be written: nothing of anybody else is ever replaced or removed.

What this program writes says so. A folder holds a file :data:`MARKER` that says of what kind it is
and lists its own files; JSON files and pictures that stand alone carry one of :data:`SIGNATURES`. A
target that is there already is replaced only if it is own and of the same kind, and never if it is,
holds or lies in an input, or holds a label that somebody has corrected where it lies. How it is
written is for :mod:`myomotion.files.atomic`.
"""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple

from myomotion.errors import OutputError
from myomotion.files.atomic import clear_leftovers, hidden_name, write_bytes, writing
from myomotion.files.paths import file_sha256

MARKER = ".myomotion.json"
PROGRAM = "myomotion"
WRITTEN_BY = {"written_by": PROGRAM}  # first entry of JSON reports
SIGNATURES = (  # of JSON, of PNG (a text chunk) and of GIF (a comment)
    rb'"written_by":\s*"myomotion"',
    rb"Software\x00+myomotion",
    rb"Software: myomotion",
)
MARKED_ENDS = 1 << 16  # bytes at either end of a file in which a signature is looked for
FILES = "files"  # kind of single files that the marker of their folder lists
REPORT = "report"  # kind of single files that carry a signature
UNASKED = frozenset({".DS_Store", "Thumbs.db", "desktop.ini"})  # of file managers, nobody's loss
PATIENCE_S = (0.0, 0.05, 0.2)  # a run beside this one may be changing its place just now


class Marker(NamedTuple):
    """Content of a marker file: what the folder is, its own files, and sums of some of them."""

    kind: str
    files: frozenset[str]
    sha256: Mapping[str, str]


class Inputs:
    """Files and folders that are read, found once for many targets.

    Args:
        given: paths; None among them counts for nothing.
    """

    def __init__(self, given: Iterable[object] = ()) -> None:
        paths = [Path(str(path)) for path in given if path is not None]
        self.places = {path.expanduser().resolve(): path for path in paths}
        self.folders = {place for place in self.places if place.is_dir()}
        self.holders = {above: path for p, path in self.places.items() for above in p.parents}

    def refuse(self, target: Path) -> None:
        """Refuse a target that is, holds or lies in an input.

        Raises:
            OutputError: naming both and the fix.
        """
        place = target.expanduser().resolve()
        fix = "Choose another output."
        if place in self.places:
            which = self.places[place]
            raise OutputError(f"{target}: is the input {which}, which would be replaced. {fix}")
        if place in self.holders:
            raise OutputError(f"{target}: holds the input {self.holders[place]}. {fix}")
        for folder in self.folders.intersection(place.parents):
            raise OutputError(f"{target}: lies in the input {self.places[folder]}. {fix}")


def refuse_unsafe(target: Path, inputs: Inputs | Iterable[object] = (), kind: str = FILES) -> None:
    """Refuse a target that would cost somebody their files, or that cannot be written.

    Args:
        target: file or folder to make or replace.
        inputs: files and folders that are read.
        kind: :data:`FILES` or :data:`REPORT` for a single file, else of a folder that is replaced
            as a whole.

    Raises:
        OutputError: if the target is, holds or lies in an input, is there already and was not
            written by this program or has been edited (:func:`edit_in`), or lies where nothing can
            be written; it names both and the fix.
    """
    try:
        read = inputs if isinstance(inputs, Inputs) else Inputs(inputs)
        read.refuse(target)
        if (foreign := _lasting(target, lambda: _foreign_part(target, kind))) is not None:
            what = "it" if foreign == target else str(foreign)
            raise OutputError(
                f"{target}: cannot be replaced: it is there already, and {what} was not written as "
                "such a result by this version of the program. Move it away or choose another "
                "output."
            )
        if (edit := edit_in(target, read)) is not None:
            raise OutputError(f"{target}: cannot be replaced: {edit}")
        if _marker(target.parent).kind != FILES:
            raise OutputError(
                f"{target}: lies in {target.parent}, which is a result as a whole. Choose another "
                "output."
            )
        _refuse_unwritable(target)
    except OSError as error:
        raise OutputError(
            f"{target}: cannot be written ({error.strerror or error}). Choose another output."
        ) from error


def claim(target: Path, inputs: Inputs | Iterable[object] = (), *, signed: bool = False) -> None:
    """Make sure of a single file before it is written, and note it as this program's own.

    Args:
        target: file to make or replace; its folder is made.
        inputs: files and folders that are read.
        signed: the content carries a signature, so that no marker is needed beside it.

    Raises:
        OutputError: see :func:`refuse_unsafe`.
    """
    if target.is_dir():
        raise OutputError(f"{target}: cannot be written, it is a folder. Give the name of a file.")
    refuse_unsafe(target, inputs, REPORT if signed else FILES)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target)
        if not signed:
            mark(target.parent, [target.name])


def mark(
    folder: Path, files: Iterable[str], kind: str = FILES, corrected: Iterable[str] = ()
) -> None:
    """Write the marker of a folder, or add files to it.

    Args:
        folder: an existing folder.
        files: what this program writes there, as paths relative to it with forward slashes.
        kind: of a folder that is written as a whole.
        corrected: those of them whose SHA-256 is noted, see :func:`edit_in`.
    """
    known = _marker(folder)
    sums = {name: file_sha256(folder / name) for name in corrected}
    wanted = Marker(kind, known.files.union(files), {**known.sha256, **sums})
    if known == wanted:
        return
    content: dict[str, Any] = {**WRITTEN_BY, "kind": kind, "files": sorted(wanted.files)}
    if wanted.sha256:
        content["sha256"] = wanted.sha256
    write_bytes(folder / MARKER, (json.dumps(content, indent=1) + "\n").encode())


def kind_of(folder: Path) -> str:
    """What a folder is by its marker; :data:`FILES` where it has none.

    Args:
        folder: that may have been written as a whole.
    """
    return _marker(folder).kind


def edit_in(folder: Path, inputs: Inputs) -> str | None:
    """What to say of a label that was corrected among the results, where the next run loses it.

    Args:
        folder: a result.
        inputs: what is read; an edited file that has been copied beside one of them is not lost.

    Returns:
        A sentence with the file and the fix; None where nothing was edited, and for results of
        versions that noted no sums.
    """
    edited = _lasting(folder, lambda: _edited_part(folder, inputs))
    if edited is None:
        return None
    return (
        f"{edited.name} has been edited since it was written there, and the result does not rest "
        f"on that. Put it beside the cine as {edited.name}, or move it away."
    )


@contextmanager
def replaced_folder(
    target: Path, kind: str, inputs: Iterable[object] = (), corrected: Iterable[str] = ()
) -> Iterator[Path]:
    """Folder that takes the place of ``target`` when the block ends well, and vanishes otherwise.

    Args:
        target: final folder; an older one of the same kind is replaced as a whole.
        kind: what the folder is, such as ``motion``.
        inputs: files and folders that are read.
        corrected: names of files that people correct where they lie, as far as they are written; an
            edited one keeps the folder from being replaced, see :func:`edit_in`.

    Yields:
        A new folder beside it to write into; its marker is written at the end.

    Raises:
        OutputError: see :func:`refuse_unsafe`; before the block and again before anything is
            replaced. Also for a full disk.
    """
    read = Inputs(inputs)
    refuse_unsafe(target, read, kind)
    with writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        clear_leftovers(target)
        partial = hidden_name(target)
        partial.mkdir()
        try:
            yield partial
            files = [p.relative_to(partial).as_posix() for p in _files(partial)]
            mark(partial, files, kind, set(corrected).intersection(files))
            refuse_unsafe(target, read, kind)
            _take_place(partial, target)
        finally:
            shutil.rmtree(partial, ignore_errors=True)


def _refuse_unwritable(target: Path) -> None:
    for parent in target.expanduser().absolute().parents:
        if not os.path.lexists(parent):
            continue
        if not parent.is_dir():
            raise OutputError(
                f"{parent}: cannot be used as output folder, for it is none. Choose another one."
            )
        if not os.access(parent, os.W_OK | os.X_OK):
            raise OutputError(
                f"{target}: no permission to write in {parent}. Choose another output."
            )
        return


def _lasting(path: Path, find: Callable[[], Path | None]) -> Path | None:
    """What is found in the way at ``path``, and still is after :data:`PATIENCE_S`."""
    found: Path | None = path
    for pause in PATIENCE_S:
        time.sleep(pause)
        with suppress(FileNotFoundError):
            found = find() if os.path.lexists(path) else None
        if found is None:
            break
    return found


def _foreign_part(path: Path, kind: str) -> Path | None:
    """What of an existing file or folder is not this program's; None if it is own as a whole."""
    if path.is_symlink() or not (path.is_dir() or path.is_file()):
        return path
    if path.is_file():
        listed = kind == FILES and path.name in _marker(path.parent).files
        return None if listed or (kind == REPORT and _is_signed(path)) else path
    marker = _marker(path)
    for file in _files(path):  # an empty folder is nobody's loss
        if marker.kind != kind or kind in (FILES, REPORT):
            return path
        if file.relative_to(path).as_posix() not in marker.files:
            return file
    return None


def _edited_part(folder: Path, inputs: Inputs) -> Path | None:
    """The first file with another sum than the marker notes and no copy among the inputs."""
    for name, noted in _marker(folder).sha256.items():
        file = folder / name
        if not file.is_file() or file_sha256(file) == noted:
            continue
        beside = {above / file.name for path in inputs.places for above in (path, path.parent)}
        copies = [path for path in beside.union(inputs.places) if path.is_file()]
        if not any(filecmp.cmp(file, copy, shallow=False) for copy in copies):
            return file
    return None


def _files(folder: Path) -> Iterator[Path]:
    """Files and links below a folder but the marker and what file managers leave."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir() and not path.is_symlink():
            continue
        if path != folder / MARKER and path.name not in UNASKED:
            yield path


def _marker(folder: Path) -> Marker:
    try:
        content = json.loads((folder / MARKER).read_text(encoding="utf-8"))
        files, sums = frozenset(map(str, content["files"])), dict(content.get("sha256", {}))
        return Marker(str(content["kind"]), files, sums)
    except (OSError, ValueError, KeyError, TypeError):
        return Marker(FILES, frozenset(), {})


def _is_signed(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            ends = file.read(MARKED_ENDS)
            if file.seek(0, os.SEEK_END) > MARKED_ENDS:
                file.seek(-MARKED_ENDS, os.SEEK_END)
                ends += file.read()
    except OSError:
        return False
    return any(re.search(signature, ends) for signature in SIGNATURES)


def _take_place(partial: Path, target: Path) -> None:
    old = hidden_name(target, "old")
    with suppress(FileNotFoundError):  # none yet, or a run beside this one has just taken it away
        target.rename(old)
    try:
        partial.rename(target)
    except OSError:  # a run beside this one was quicker: its result is as good
        if not (target / MARKER).is_file():
            if old.exists():
                old.rename(target)
            raise
    if old.exists():  # half removed it must not look like a result that can be given back
        gone = hidden_name(target)
        old.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
