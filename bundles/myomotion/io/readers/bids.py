"""Short-axis cines under names as in BIDS: ``sub-X[_ses-Y][_KEY-VALUE...]_cine.nii.gz``.

BIDS has no cardiac part yet. Taken are the suffixes that people use for cines, and the entities
(``acq``, ``view`` or any other) in which they say the view.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from myomotion.errors import InputError
from myomotion.files.paths import files_below

LOG = logging.getLogger(__name__)
NAME = re.compile(r"(sub-[a-z0-9+]+(?:_[a-z0-9]+-[a-z0-9+]+)*)_([a-z0-9]+)\.nii(?:\.gz)?", re.I)
CINES = ("cine", "cmr", "bssfp", "ssfp", "sax", "sa")  # suffixes
LABELS = ("dseg", "seg", "mask", "label")
SHORT_AXIS = re.compile(r"sax|short|^sa$", re.I)
MAGNITUDE = "mag"  # of ``part``, beside phase, real and imag
OTHER_VIEW = re.compile(r"lax|long|^la$|[2345]ch|[lr]vot|^ao|aort|axial|coronal|sagittal", re.I)
PHASES = {
    "label_ed": re.compile(r"ed|end-?diastol\w*|diastol\w*", re.I),
    "label_es": re.compile(r"es|end-?systol\w*|systol\w*", re.I),
}
# Folders of a data set that hold something else than its pictures.
BESIDE = ("derivatives", "sourcedata", "code", "stimuli", "phenotype", "logs")


@dataclass(frozen=True, kw_only=True)
class BidsFile:
    """A file whose name is one of BIDS.

    Attributes:
        path: of the file.
        entities: values by key, such as ``{"sub": "01", "acq": "sax"}``.
        suffix: last word of the name, in lower case.
    """

    path: Path
    entities: dict[str, str]
    suffix: str

    @property
    def views(self) -> list[str]:
        """What the name may say of the view."""
        return [*(v for k, v in self.entities.items() if k not in ("sub", "ses")), self.suffix]

    @property
    def is_short_axis(self) -> bool:
        """Whether the name says that it is one."""
        return any(SHORT_AXIS.search(view) for view in self.views)

    @property
    def is_cine(self) -> bool:
        """Whether it may be a short-axis cine."""
        other = any(OTHER_VIEW.search(view) for view in self.views)
        magnitude = self.entities.get("part", MAGNITUDE).lower() == MAGNITUDE
        return self.suffix in CINES and magnitude and not other


def bids_file(path: Path) -> BidsFile | None:
    """What a name says; None where it is none of BIDS.

    Args:
        path: of a file.
    """
    found = NAME.fullmatch(path.name)
    if found is None:
        return None
    pairs = (part.partition("-") for part in found[1].split("_"))
    entities = {key.lower(): value for key, _, value in pairs}
    return BidsFile(path=path, entities=entities, suffix=found[2].lower())


def bids_cines(folder: Path) -> list[Path]:
    """Short-axis cines under names of BIDS in a data set, a subject, a session or below.

    Where one of several in a folder says that it is a short axis, those that do not are left out,
    with a word.

    Args:
        folder: an existing folder. Those in it are looked into if they are subjects, or all if it
            is part of one itself.

    Returns:
        Files, sorted.
    """
    by_folder: dict[Path, list[BidsFile]] = {}
    for file in _files(folder):
        if file.is_cine:
            by_folder.setdefault(file.path.parent, []).append(file)
    found: list[Path] = []
    for place, files in by_folder.items():
        short = [file for file in files if file.is_short_axis] or files
        found += [file.path for file in short]
        if left := sorted(file.path.name for file in files if file not in short):
            LOG.info("%s: taken for no short axis: %s", place, ", ".join(left))
    return sorted(found)


def bids_labels(cine: Path) -> dict[str, Path]:
    """Labels of a cine: files with the same entities and ``desc-ED`` or ``desc-ES``.

    They lie beside it or in ``derivatives`` of the data set; the phase may stand in any entity.

    Args:
        cine: from :func:`bids_cines`.

    Returns:
        ``label_ed`` and ``label_es``, where they are there.

    Raises:
        InputError: if two files could be meant.
    """
    own = bids_file(cine)
    assert own is not None
    found: dict[str, list[Path]] = {}
    for folder in (cine.parent, *_derived(cine.parent)):
        for path in sorted(folder.iterdir()):
            label = bids_file(path)
            if label is None or label.suffix not in LABELS:
                continue
            if not own.entities.items() <= label.entities.items():
                continue
            said = [v for k, v in label.entities.items() if k not in own.entities]
            for key, phase in PHASES.items():
                if any(phase.fullmatch(value) for value in said):
                    found.setdefault(key, []).append(path)
    for paths in found.values():
        if len(paths) > 1:
            raise InputError(
                f"{cine}: {' and '.join(map(str, paths))} may both be meant. Keep one."
            )
    return {key: paths[0] for key, paths in found.items()}


def is_beside(folder: Path) -> bool:
    """Whether a folder is one of BIDS that holds no pictures of its own.

    Args:
        folder: in a data set.
    """
    return folder.name in BESIDE and any(folder.parent.glob("sub-*"))


def _files(folder: Path) -> Iterator[BidsFile]:
    part = any(p.name.startswith("sub-") for p in (folder, *folder.parents[:2]))
    for inside in sorted(folder.iterdir()):
        if inside.name.startswith("."):
            continue
        if inside.is_file():
            if (file := bids_file(inside)) is not None:
                yield file
        elif inside.is_dir() and (part or inside.name.startswith("sub-")):
            for path in sorted(files_below(inside)):
                if path.is_file() and (file := bids_file(path)) is not None:
                    yield file


def _derived(folder: Path) -> Iterator[Path]:
    """Folders of derivatives that mirror a folder of a subject."""
    subject = next((p for p in (folder, *folder.parents) if p.name.startswith("sub-")), None)
    if subject is None:
        return
    derivatives = subject.parent / "derivatives"
    pipelines = derivatives.iterdir() if derivatives.is_dir() else ()
    for pipeline in sorted(pipelines):
        mirrored = pipeline / folder.relative_to(subject.parent)
        if mirrored.is_dir():
            yield mirrored
