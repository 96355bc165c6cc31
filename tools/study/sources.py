"""The data sets of a study: folders of real cines, and the virtual cohort."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim
from myomotion.io.built_in.cines import studies_of, virtual_cines
from tools.bundle import BUNDLES

VIRTUAL = "virtual"


@dataclass(frozen=True, kw_only=True)
class DataSet:
    """Cases of one origin.

    Attributes:
        name: for tables and for ``{name}`` in the commands of trainings.
        studies: cases that can be scored.
        folder: what trainings on this set are given as ``dataset_dir``.
        trained: names of the cases on which a network trained on this set may have learned.
        refused: why other cases cannot be scored.
    """

    name: str
    studies: tuple[Mapping[str, Any], ...]
    folder: Path
    trained: frozenset[str] = frozenset()
    refused: tuple[str, ...] = ()

    @property
    def virtual(self) -> bool:
        """Whether the true motion is known."""
        return self.name == VIRTUAL

    @property
    def kind(self) -> str:
        """``virtual`` or ``real``."""
        return VIRTUAL if self.virtual else "real"

    @property
    def held_out(self) -> list[Mapping[str, Any]]:
        """Cases that no training on this set has seen."""
        return [s for s in self.studies if s["name"] not in self.trained]


def named_folders(texts: Sequence[str]) -> dict[str, Path]:
    """Data sets of the command line.

    Args:
        texts: ``NAME=DIR``, or ``DIR``: the first is then called ``real``, others as their folder.

    Returns:
        Name to folder.

    Raises:
        InputError: for a name used twice, ``virtual``, or one that cannot name a file.
    """
    found: dict[str, Path] = {}
    for text in texts:
        name, sign, folder = text.partition("=")
        if not sign or "/" in name:
            name, folder = ("real" if not found else Path(text).resolve().name), text
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or name in (VIRTUAL, *found):
            raise InputError(
                f"--data {text}: {name!r} cannot name this data set. Give NAME=DIR with a name of "
                f"its own of letters, digits, - and _, other than '{VIRTUAL}'."
            )
        found[name] = Path(folder)
    return found


def real_set(name: str, folder: Path, trained: Collection[str], output: Path) -> DataSet:
    """A folder of real studies.

    Args:
        name: of the set.
        folder: see docs/data.md of the bundle.
        trained: names of the cases that trainings on this set may use.
        output: receives a folder whose data list gives trainings these cases and no others.

    Returns:
        The set.

    Raises:
        InputError: if no case can be scored.
    """
    studies, refused = usable_studies(folder)
    chosen = [s for s in studies if s["name"] in trained]
    where = output / name
    if chosen:
        entries = [
            {"cine": str(Path(str(s["image"])).resolve().parent), "subject": s["name"]}
            for s in chosen
        ]
        # The last one picks the best epoch; a single one has to do both.
        sections = {"training": entries[:-1] or entries, "validation": entries[-1:]}
        claim(where / "datalist.json", [folder])
        write_bytes(where / "datalist.json", (json.dumps(sections, indent=1) + "\n").encode())
    return DataSet(
        name=name,
        studies=tuple(studies),
        folder=where,
        trained=frozenset(str(s["name"]) for s in chosen),
        refused=tuple(refused),
    )


def virtual_set(settings: Mapping[str, Any], folder: Path | None) -> DataSet:
    """Virtual cines, made on first use where no folder is given.

    Args:
        settings: ``preset``, ``slices`` and ``seed`` of the built-in ones; ``section`` of the data
            list that is scored, and ``studies``, how many of it (the first ones; None: all).
        folder: made by ``python -m fem_sim phantom``; None for the built-in ones.

    Returns:
        The set.

    Raises:
        InputError: if no case can be scored.
    """
    section = settings.get("section", "test")
    if folder is None:
        made = virtual_cines(
            BUNDLES / ".cache",
            section,
            preset=settings.get("preset", "physiological"),
            slices=int(settings.get("slices", 60)),
            seed=int(settings.get("seed", 0)),
        )
        folder = Path(str(made[0]["image"])).parents[1]
    studies, refused = usable_studies(folder, section)
    return DataSet(
        name=VIRTUAL,
        studies=tuple(studies[: settings.get("studies")]),
        folder=folder.resolve(),
        refused=tuple(refused),
    )


def usable_studies(
    folder: Path, section: str | None = None, only: Sequence[str] = ()
) -> tuple[list[dict[str, Any]], list[str]]:
    """Studies of a folder that can be scored, and why others cannot.

    Args:
        folder: see :func:`~myomotion.io.built_in.cines.studies_of`.
        section: of its ``datalist.json``; all where None.
        only: names to take; all where empty.

    Returns:
        Studies and sentences.

    Raises:
        InputError: if none can be scored.
    """
    usable, refused = [], []
    for study in studies_of(folder, section):
        if only and study["name"] not in only:
            continue
        missing = [k for k in ("label_ed", "label_es") if k not in study]
        if missing:
            refused.append(f"{study['name']}: no {' and no '.join(missing)}")
        else:
            usable.append(study)
    if not usable:
        raise InputError(f"{folder}: no study with labels at end-diastole and end-systole.")
    return usable, refused
