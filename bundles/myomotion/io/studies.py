"""Listing the studies under a path."""

from __future__ import annotations

from pathlib import Path

from myomotion.errors import InputError
from myomotion.io.dicom.files import looks_like_dicom, study_uid
from myomotion.io.source import cine_place, file_title, first_dicom, nifti_place

SIDE_FILES = ("label_sa_ED.nii.gz", "label_sa_ED.nii", "info.json")


def find_studies(dataset_dir: str | Path) -> list[dict[str, object]]:
    """List the cines under a path.

    Args:
        dataset_dir: a 4-D NIfTI file, a study folder (``sa.nii.gz``, a folder ``frames`` of 3-D
            NIfTI files or DICOM files, with ``label_sa_ED.nii.gz``, ``label_sa_ES.nii.gz`` and
            ``info.json`` beside them where known), a multi-frame DICOM file, or a folder of those.

    Returns:
        One dictionary a study, sorted by name: ``name``, ``image`` and, where present,
        ``label_ed``, ``label_es``, ``info`` (paths as strings).

    Raises:
        InputError: if nothing usable is there.
    """
    path = Path(dataset_dir).expanduser()
    if path.is_file():
        return [{"name": file_title(path), "image": str(path)}]
    if not path.is_dir():
        raise InputError(
            f"{path}: no such file or folder. Point dataset_dir at a 4-D NIfTI cine, "
            "a study folder holding sa.nii.gz, frames/ or DICOM, or a folder of study folders."
        )
    folders = study_folders(path)
    studies = []
    for folder in folders:
        image = cine_place(folder)
        if image is None:
            continue
        study: dict[str, object] = {"name": folder.name, "image": str(image)}
        for key, stem in (("label_ed", "label_sa_ED"), ("label_es", "label_sa_ES")):
            for suffix in (".nii.gz", ".nii"):
                if (folder / f"{stem}{suffix}").is_file():
                    study[key] = str(folder / f"{stem}{suffix}")
        if (folder / "info.json").is_file():
            study["info"] = str(folder / "info.json")
        studies.append(study)
    if not studies:
        raise InputError(
            f"{path}: no study folder with sa.nii.gz, frames/ or DICOM files found (looked into "
            f"{len(folders)} folders). See README, 'Track your own cines'."
        )
    return studies


def study_folders(path: Path) -> list[Path]:
    """Folders that are a study each: the path itself, or those in it.

    A folder that holds ``sa.nii.gz``, ``frames/`` or DICOM files is a study. One with DICOM files
    in its subfolders alone is one too if a label or ``info.json`` lies in it, or if several
    subfolders are of the same StudyInstanceUID and none has a label or ``info.json`` of its own.

    Args:
        path: an existing folder.

    Returns:
        Folders to look into, sorted.
    """
    inside = sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    if nifti_place(path) or any(looks_like_dicom(p) for p in path.iterdir()):
        return [path]
    if any(nifti_place(folder) for folder in inside):
        return inside
    first = [found for folder in inside if (found := first_dicom(folder)) is not None]
    if first and _has_side_files(path):
        return [path]
    if len(first) < 2 or any(_has_side_files(folder) for folder in inside):
        return inside
    uids = [study_uid(file) for file in first]
    return [path] if uids[0] is not None and len(set(uids)) == 1 else inside


def _has_side_files(folder: Path) -> bool:
    return any((folder / name).is_file() for name in SIDE_FILES)
