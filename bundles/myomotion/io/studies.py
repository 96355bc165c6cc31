"""Listing the studies under a path."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from myomotion.errors import InputError, nearest
from myomotion.files.outputs import MARKER
from myomotion.files.paths import given_path
from myomotion.io import source
from myomotion.io.itk_files import ENDINGS, SEGMENTATIONS
from myomotion.io.readers.bids import bids_cines, bids_labels, is_beside

LABEL_ENDINGS = (".nii.gz", ".nii", ".hdr", *ENDINGS)
# Of files beside a header or of notes on a label, which nobody takes for the label.
BESIDE_ENDINGS = (".img", ".raw", ".zraw", ".raw.gz", ".json", ".txt", ".csv")
SIDE_FILES = {  # in lower case
    "label_ed": tuple(f"label_sa_ed{ending}" for ending in (*LABEL_ENDINGS, *SEGMENTATIONS)),
    "label_es": tuple(f"label_sa_es{ending}" for ending in (*LABEL_ENDINGS, *SEGMENTATIONS)),
    "info": ("info.json",),
}


def find_studies(dataset_dir: str | Path) -> list[dict[str, object]]:
    """List the cines under a path.

    Args:
        dataset_dir: a 4-D NIfTI, NRRD or MetaImage file, a study folder (``sa.nii.gz``,
            ``sa.nrrd``, ``sa.seq.nrrd``, ``sa.mha``, a folder ``frames`` of 3-D
            NIfTI files or DICOM files, with ``label_sa_ED.nii.gz``, ``label_sa_ES.nii.gz`` and
            ``info.json`` beside them where known), a multi-frame DICOM file, a folder of those, or
            one with names as in BIDS, see :mod:`myomotion.io.readers.bids`; also mixed.

    Returns:
        One dictionary a study, sorted by name: ``name``, ``image`` and, where present,
        ``label_ed``, ``label_es``, ``info`` (paths as strings) and ``not_read``, sentences.

    Raises:
        InputError: if nothing usable is there.

    Examples:
        >>> find_studies("my_cines")
        [{'name': 'anna', 'image': 'my_cines/anna/sa.nii.gz', 'info': 'my_cines/anna/info.json'},
         {'name': 'bert', 'image': 'my_cines/bert'}]
    """
    path = given_path(dataset_dir)
    if path.suffix.lower() == ".zip" and path.is_file():
        raise InputError(f"{path}: a zip; unpack it and give its folder.")
    if path.is_file():
        return [{"name": source.image_title(path), "image": str(path)}]
    if not path.is_dir():
        raise InputError(
            f"{path}: no such file or folder. Point dataset_dir at a 4-D NIfTI cine, "
            "a study folder holding sa.nii.gz, frames/ or DICOM, or a folder of study folders."
        )
    folders = study_folders(path)
    studies = []
    whole = []
    for folder in folders:
        image = source.locate_cine(folder)
        if image is None:
            continue
        whole.append(folder)
        study: dict[str, object] = {"name": folder.name, "image": str(image)}
        side: dict[str, Any] = side_files(folder)
        study |= side
        studies.append(study)
        if others := _other_cines(folder, image):
            note = f"not read beside {image.name}: {', '.join(others)}"
            study["not_read"] = [*side.get("not_read", []), note]
    studies += [
        _bids_study(image) for image in bids_cines(path) if not set(whole) & {*image.parents}
    ]
    if not studies:
        raise InputError(
            f"{path}: no study folder with sa.nii.gz, frames/ or DICOM files found, and no "
            f"sub-*_cine.nii.gz (looked into {len(folders)} folders). See docs/data.md of the "
            "bundle."
        )
    return sorted(studies, key=lambda study: str(study["name"]))


def folders_without_cine(dataset_dir: str | Path | None) -> dict[str, str]:
    """Folders that :func:`find_studies` looks into and passes over.

    Args:
        dataset_dir: see :func:`find_studies`; None, a file or what is not there has none.

    Returns:
        What is missing, by the name of the folder. Folders of results are not among them.
    """
    path = None if dataset_dir is None else given_path(dataset_dir)
    if path is None or not path.is_dir():
        return {}
    return {
        folder.name: f"{folder}: no cine in it; one is sa.nii.gz, frames/ or DICOM files."
        for folder in study_folders(path)
        if source.locate_cine(folder) is None
        and not (folder / MARKER).exists()
        and not bids_cines(folder)
    }


def side_files(folder: Path) -> dict[str, object]:
    """Labels and ``info.json`` of a study folder, upper and lower case alike.

    Args:
        folder: of the study.

    Returns:
        ``label_ed``, ``label_es`` and ``info``, where they are there; ``not_read``, a list of
        sentences, where a file is nearly called so.

    Raises:
        InputError: if two files could be meant.
    """
    found: dict[str, object] = {}
    files = sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith("."))
    for key, names in SIDE_FILES.items():
        named = [p for p in files if p.name.lower() in names]
        if len(named) > 1:
            raise InputError(
                f"{folder}: {' and '.join(p.name for p in named)} may both be meant. Keep one."
            )
        if named:
            found[key] = str(named[0])
    known = {name for names in SIDE_FILES.values() for name in names}
    not_read = []
    for path in files:
        name = path.name.lower()
        if name in known or name.startswith("sa."):
            continue
        stem = name.split(".")[0]
        if stem in ("label_sa_ed", "label_sa_es"):
            if not name.endswith(BESIDE_ENDINGS):
                not_read.append(f"{path.name}: not read; did you mean {stem}.nii.gz?")
        elif name.endswith(LABEL_ENDINGS) and (near := nearest(name, known)):
            not_read.append(f"{path.name}: not read; did you mean {near}?")
    return {**found, "not_read": not_read} if not_read else found


def _bids_study(image: Path) -> dict[str, object]:
    """A study of one file; where it is alone in its folder, what every study may have is its."""
    study: dict[str, object] = {"name": source.image_title(image), "image": str(image)}
    if len([path for path in bids_cines(image.parent) if path.parent == image.parent]) == 1:
        study |= side_files(image.parent)
    return study | {key: str(path) for key, path in bids_labels(image).items()}


def _other_cines(folder: Path, image: Path) -> list[str]:
    """Names of files that are called as a cine and are not the one that is read."""
    own = source.image_files(image) if image.is_file() else [image]
    return sorted(
        path.name
        for path in folder.iterdir()
        if path.name.lower().startswith("sa.")
        and path.name.lower().endswith(LABEL_ENDINGS)
        and path not in own
    )


def study_folders(path: Path) -> list[Path]:
    """Folders that are a study each: the path itself, or those in it.

    A folder that holds ``sa.nii.gz``, ``frames/`` or DICOM files is a study. One with DICOM files
    in its subfolders alone is one too if a label or ``info.json`` lies in it, or if several
    subfolders are of the same StudyInstanceUID and none has a label or ``info.json`` of its own.

    Args:
        path: an existing folder.

    Returns:
        Folders to look into, sorted; in a data set of BIDS without those beside its subjects.
    """
    inside = sorted(
        p for p in path.iterdir() if p.is_dir() and not p.name.startswith(".") and not is_beside(p)
    )
    whole = [reader for reader in source.READERS if not reader.spread]
    spread = [reader for reader in source.READERS if reader.spread]
    files = [p for p in path.iterdir() if p.is_file()]
    if any(r.finds(path) for r in whole) or any(r.reads(f) for r in spread for f in files):
        return [path]
    if any(r.finds(folder) for r in whole for folder in inside):
        return inside
    parts = [(r, folder) for folder in inside for r in spread if r.finds(folder)]
    if parts and _has_side_files(path):
        return [path]
    if len(parts) < 2 or any(_has_side_files(folder) for folder in inside):
        return inside
    ids = {reader.study_id(folder) for reader, folder in parts}
    return [path] if len(ids) == 1 and None not in ids else inside


def _has_side_files(folder: Path) -> bool:
    return any(key in side_files(folder) for key in ("label_ed", "info"))
