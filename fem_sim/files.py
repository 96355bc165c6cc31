"""Output of the simulator: files that are whole or absent, folders of one setting, data splits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from myomotion.files.atomic import remove_leftovers, write_bytes, writing
from myomotion.files.outputs import REPORT, Inputs, mark, refuse_unsafe
from myomotion.files.tables import json_text, write_report

SPLITS = ("training", "validation", "test")
RECORD, LISTING = "settings.json", "datalist.json"
CINE = "cine"  # kind of a virtual cine's folder, see myomotion.files.outputs
MADE_OF = "made_of"  # entry of the record: what each part is made of
REJECTED = "rejected"  # folder of the reasons why something could not be made


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a dictionary as indented JSON in one step, numbers that are not finite as null.

    Raises:
        OutputError: no space left, no permission, or another operating system error.
    """
    write_bytes(path, (json_text(content, indent=1) + "\n").encode())


def write_rejection(path: Path, name: str, reason: str) -> None:
    """Note why something could not be made.

    Args:
        path: JSON file, in the folder :data:`REJECTED`.
        name: of what could not be made.
        reason: why.

    Raises:
        OutputError: see :func:`write_json`.
    """
    write_report(path, {"name": name, "reason": reason})


def read_rejection(path: Path) -> dict[str, str]:
    """``name`` and ``reason`` that :func:`write_rejection` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    return {"name": content["name"], "reason": content["reason"]}


def claim_folder(
    folder: Path,
    settings: dict[str, Any],
    *,
    files: Sequence[Path] = (),
    folders: Sequence[Path] = (),
    rejections: Iterable[Path] = (),
    inputs: Iterable[object] = (),
    made_of: Mapping[str, str | None] | None = None,
    kept: Collection[str] = (),
) -> None:
    """Make the folder of a data set, or check that it was made with the same settings.

    Parts that are kept must be made of the same input; a folder may grow by others. What a killed
    run left half written is removed.

    Args:
        folder: of the data set.
        settings: noted in its ``settings.json``.
        files: that will be written in it.
        folders: that will be made in it, of the kind :data:`CINE`.
        rejections: where reasons will be noted.
        inputs: files and folders that are read.
        made_of: SHA-256 of the input of each part by its name, noted beside the settings; None
            where it is not known. Parts of which nothing was noted pass.
        kept: names of the parts that an earlier run made.

    Raises:
        OutputError: the folder cannot be made or written, or something would be replaced that is
            not this program's, see :func:`~myomotion.files.outputs.refuse_unsafe`.
        ValueError: the folder was made with other settings or of other input, or two parts would
            have one name.
    """
    record, read = folder / RECORD, Inputs(inputs)
    own = [record, folder / LISTING, *files]
    for path, count in Counter([*own, *folders]).items():
        if count > 1:
            raise ValueError(f"{path}: {count} parts of the data would have this name. Rename one.")
    for path in own:
        refuse_unsafe(path, read)
    for path in rejections:
        refuse_unsafe(path, read, REPORT)
    for path in folders:
        refuse_unsafe(path, read, CINE)
    noted = _noted(record)
    previous = None if noted is None else {k: v for k, v in noted.items() if k != MADE_OF}
    current = json.loads(json_text(settings))
    if previous is not None and previous != current:
        keys = sorted(k for k in {*previous, *current} if previous.get(k) != current.get(k))
        changes = "; ".join(f"{k} was {previous.get(k)!r}, now {current.get(k)!r}" for k in keys)
        raise ValueError(
            f"{folder}: was made with other settings ({changes}). "
            "Choose another output folder or repeat the first settings."
        )
    known = {} if noted is None else dict(noted.get(MADE_OF, {}))
    given = {name: total for name, total in (made_of or {}).items() if total is not None}
    others = sorted(n for n in kept if n in known and given.get(n, known[n]) != known[n])
    if others:
        more = f" and {len(others) - 3} more" if len(others) > 3 else ""
        raise ValueError(
            f"{folder}: was made with other settings ({', '.join(others[:3])}{more}: made of other "
            "input). Choose another output folder or give the first input."
        )
    known |= {name: total for name, total in given.items() if name not in kept}
    if known:
        current[MADE_OF] = known
    with writing(record):
        folder.mkdir(parents=True, exist_ok=True)
        remove_leftovers(folder)
        mark(folder, (path.name for path in own))
    if noted != current:
        write_json(record, current)


def _noted(record: Path) -> dict[str, Any] | None:
    """Content of the record of a folder; None where there is none."""
    if not record.is_file():
        return None
    try:
        content = json.loads(record.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ValueError(f"{record}: no valid JSON ({error}). Delete the folder.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{record}: holds no settings. Delete the folder.")
    return content


def split_of(subject_index: int) -> str:
    """Split of a subject by its number: 14 training, 3 validation, 3 test of every 20.

    It depends on nothing else, so a folder that grows never moves a subject between splits; from
    three subjects on no split is empty.
    """
    position = subject_index % 20
    if position in (1, 8, 15):
        return "validation"
    return "test" if position in (2, 9, 16) else "training"


def split_items(items: Iterable[tuple[int, dict[str, Any]]]) -> dict[str, list[dict[str, Any]]]:
    """Group (subject index, entry) pairs by split, all three keys present."""
    groups: dict[str, list[dict[str, Any]]] = {name: [] for name in SPLITS}
    for subject_index, entry in items:
        groups[split_of(subject_index)].append(entry)
    return groups
