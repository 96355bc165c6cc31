"""The data sets of a study: folders of real cines, and the virtual cohort."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from myomotion.errors import InputError
from myomotion.files.atomic import write_bytes
from myomotion.files.outputs import claim
from myomotion.files.tables import json_text
from myomotion.io.built_in.cines import studies_of, virtual_cines
from myomotion.io.info import read_info
from tools.bundle import BUNDLES
from tools.study.prepared import prepared

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
        whole: the cases as they were given, where ``studies`` are parts of them.
    """

    name: str
    studies: tuple[Mapping[str, Any], ...]
    folder: Path
    trained: frozenset[str] = frozenset()
    refused: tuple[str, ...] = ()
    whole: tuple[Mapping[str, Any], ...] = ()

    @property
    def virtual(self) -> bool:
        """Whether the true motion is known."""
        return self.name == VIRTUAL

    @property
    def kind(self) -> str:
        """``virtual`` or ``real``."""
        return VIRTUAL if self.virtual else "real"

    @property
    def given(self) -> tuple[Mapping[str, Any], ...]:
        """The cases as they were given."""
        return self.whole or self.studies

    @property
    def held_out(self) -> list[Mapping[str, Any]]:
        """Cases that no training on this set has seen."""
        return [s for s in self.studies if s["name"] not in self.trained]


def named_folders(texts: Sequence[str]) -> dict[str, list[Path]]:
    """Data sets of the command line.

    Args:
        texts: ``NAME=DIR``, or ``DIR``: the first is then called ``real``, others as their folder.
            A name that is given several times is one data set of several folders.

    Returns:
        Name to folders.

    Raises:
        InputError: for a folder without a name that is called as another, ``virtual``, or a name
            that cannot name a file.
    """
    found: dict[str, list[Path]] = {}
    for text in texts:
        name, sign, folder = text.partition("=")
        if not sign or "/" in name:
            sign = ""
            name, folder = ("real" if not found else Path(text).resolve().name), text
        taken = name == VIRTUAL or (name in found and not sign)
        if not re.fullmatch(r"[A-Za-z0-9_-]+", name) or taken:
            raise InputError(
                f"--data {text}: {name!r} cannot name this data set. Give NAME=DIR with a name of "
                f"its own of letters, digits, - and _, other than '{VIRTUAL}'."
            )
        found.setdefault(name, []).append(Path(folder))
    return found


def real_set(
    name: str,
    folders: Sequence[Path],
    trained: Collection[str],
    output: Path,
    cines: Mapping[str, Any] | None = None,
) -> DataSet:
    """Folders of real studies.

    Args:
        name: of the set.
        folders: see docs/data.md of the bundle.
        trained: names of the cases that trainings on this set may use.
        output: receives a folder whose data list gives trainings these cases and no others, and
            what is cut of the cines.
        cines: see :func:`~tools.study.prepared.prepared`.

    Returns:
        The set.

    Raises:
        InputError: if a folder has no case that can be scored, or a case is there twice.
    """
    parts = [usable_studies(folder) for folder in folders]
    studies = [study for usable, _ in parts for study in usable]
    refused = [sentence for _, sentences in parts for sentence in sentences]
    names = [str(s["name"]) for s in studies]
    if twice := sorted({n for n in names if names.count(n) > 1}):
        raise InputError(f"--data {name}: {', '.join(twice)} is there twice. Give each once.")
    chosen = [s for s in studies if s["name"] in trained]
    where = output / name
    if chosen:
        entries = [
            {"cine": str(Path(str(s["image"])).resolve().parent), "subject": s["name"]}
            for s in chosen
        ]
        # The last one picks the best epoch; a single one has to do both.
        sections = {"training": entries[:-1] or entries, "validation": entries[-1:]}
        claim(where / "datalist.json", folders)
        write_bytes(where / "datalist.json", (json_text(sections, indent=1) + "\n").encode())
    return DataSet(
        name=name,
        studies=tuple(prepared(studies, cines or {}, where / "cines")),
        folder=where,
        whole=tuple(studies),
        trained=frozenset(str(s["name"]) for s in chosen),
        refused=tuple(refused),
    )


def virtual_set(
    settings: Mapping[str, Any],
    folder: Path | None,
    cines: Mapping[str, Any] | None = None,
    output: Path | None = None,
) -> DataSet:
    """Virtual cines, made on first use where no folder is given.

    Args:
        settings: ``preset``, ``slices`` and ``seed`` of the built-in ones; ``section`` of the data
            list that is scored, and how many of it: ``studies``, the first ones, or ``each_kind``,
            the first ones of every kind of heart; all where neither is given.
        folder: made by ``python -m fem_sim phantom``; None for the built-in ones.
        cines: see :func:`~tools.study.prepared.prepared`.
        output: receives what is cut of the cines.

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
    if settings.get("each_kind"):
        kinds: dict[str, list[dict[str, Any]]] = {}
        for study in studies:
            kinds.setdefault(str(read_info(study.get("info")).content.get("group")), []).append(
                study
            )
        studies = [s for kind in sorted(kinds) for s in kinds[kind][: settings["each_kind"]]]
    studies = studies[: settings.get("studies")]
    where = (output or folder) / VIRTUAL / "cines"
    return DataSet(
        name=VIRTUAL,
        studies=tuple(prepared(studies, cines or {}, where)),
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
