"""Changes to the files of a study: ``sa.nii.gz`` and ``label_sa_ED.nii.gz`` in a folder."""

from __future__ import annotations

import gzip
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

Change = Callable[[Path], Any]
COPIED = {"image": "sa.nii.gz", "label_ed": "label_sa_ED.nii.gz", "info": "info.json"}


def copy_study(study: Mapping[str, object], folder: Path) -> None:
    """Cine, end-diastolic label and info.json of a study in NIfTI; users have no more.

    Args:
        study: from :func:`~myomotion.io.cine.find_studies`.
        folder: to make.
    """
    folder.mkdir(parents=True)
    for key, name in COPIED.items():
        if key in study:
            shutil.copy(str(study[key]), folder / name)


def cine_of(folder: Path) -> tuple[np.ndarray, np.ndarray]:
    """The cine ``(X, Y, Z, T)`` and its affine."""
    image = nib.Nifti1Image.from_filename(folder / "sa.nii.gz")
    return np.asarray(image.dataobj).copy(), image.affine.copy()


def label_of(folder: Path) -> np.ndarray:
    """The end-diastolic label ``(X, Y, Z)``."""
    return np.asarray(nib.Nifti1Image.from_filename(folder / "label_sa_ED.nii.gz").dataobj).copy()


def save(folder: Path, image: np.ndarray, affine: np.ndarray | None = None) -> None:
    """Write the cine; with the affine that it has, unless another is given."""
    affine = cine_of(folder)[1] if affine is None else affine
    nib.save(nib.Nifti1Image(image, affine), folder / "sa.nii.gz")


def save_label(folder: Path, label: np.ndarray, affine: np.ndarray | None = None) -> None:
    """Write the label; with the affine of the cine, unless another is given."""
    affine = cine_of(folder)[1] if affine is None else affine
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ED.nii.gz")


def voxels(size: float | list[float]) -> Change:
    """Write the cine with another in-plane voxel size."""

    def change(folder: Path) -> None:
        image, affine = cine_of(folder)
        scale = np.ones(2) * size / np.linalg.norm(affine[:3, :2], axis=0)
        affine[:3, :2] *= scale
        save(folder, image, affine)

    return change


def made_square(folder: Path) -> None:
    """Zeros about the pictures, cine and label alike."""
    (image, affine), label = cine_of(folder), label_of(folder)
    side = max(image.shape[:2]) + 80
    before = [(side - n) // 2 for n in image.shape[:2]]
    width = [(b, side - n - b) for b, n in zip(before, image.shape[:2], strict=True)]
    affine[:3, 3] -= affine[:3, :2] @ before
    save(folder, np.pad(image, [*width, (0, 0), (0, 0)]), affine)
    save_label(folder, np.pad(label, [*width, (0, 0)]), affine)


def header(**fields: Any) -> Change:
    """Overwrite fields of the cine's header as they are stored in the file."""

    def change(folder: Path) -> None:
        raw = bytearray(gzip.decompress((folder / "sa.nii.gz").read_bytes()))
        stored = nib.Nifti1Header(bytes(raw[:348]), check=False)
        for name, value in fields.items():
            stored[name] = value
        raw[:348] = stored.binaryblock
        (folder / "sa.nii.gz").write_bytes(gzip.compress(bytes(raw)))

    return change
