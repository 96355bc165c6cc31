"""Cines in DICOM, made from NIfTI studies and changed as scanners and users do."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
from pydicom.uid import JPEG2000Lossless
from scipy.spatial.transform import Rotation

from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.studies import write_study
from tools.convert.dicom import write_cine


def draw(folder: Path) -> Path:
    """A NIfTI study of five slices and ten frames that lie obliquely, at known times."""
    write_study(folder, frames=10, slices=5)
    place(folder, oblique())
    info = {"ed_frame": 0, "frame_times_ms": [38.5 * t for t in range(10)]}
    (folder / "info.json").write_text(json.dumps(info))
    return folder


def oblique() -> np.ndarray:
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [35, -50, 20], degrees=True).as_matrix()
    affine[:3, :3] *= [1.8, 1.5, 8.0]
    affine[:3, 3] = [-60.25, 31.5, 12.125]
    return affine


def place(folder: Path, affine: np.ndarray) -> None:
    for path in folder.glob("*.nii.gz"):
        nib.save(nib.Nifti1Image(np.asarray(nib.load(path).dataobj), affine), path)


def as_dicom(study: Path, target: Path, **options: object) -> Path:
    """The same study with its cine in DICOM, its labels as they are and no other times."""
    target.mkdir(parents=True)
    write_cine(study / "sa.nii.gz", target / "scan", **options)  # type: ignore[arg-type]
    for name in ("label_sa_ED.nii.gz", "label_sa_ES.nii.gz"):
        if (study / name).is_file():
            shutil.copy(study / name, target / name)
    return target


def read(folder: Path) -> Cine:
    studies = find_studies(folder)
    assert len(studies) == 1
    return read_cine(studies[0])


def edit(path: Path, **elements: object) -> None:
    dataset = pydicom.dcmread(path)
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    dataset.save_as(path)


def edit_all(folder: Path, **elements: object) -> None:
    for path in sorted(folder.rglob("*.dcm")):
        edit(path, **elements)


def scans(folder: Path) -> list[Path]:
    return sorted((folder / "scan").glob("*.dcm"))


def cut(path: Path, size: int) -> None:
    path.write_bytes(path.read_bytes()[:size])


def drop(paths: list[Path]) -> None:
    for path in paths:
        path.unlink()


def tilt(paths: list[Path]) -> None:
    for path in paths:
        old = np.array(pydicom.dcmread(path).ImageOrientationPatient, float).reshape(2, 3)
        turn = Rotation.from_rotvec(10 * old[0], degrees=True)
        edit(path, ImageOrientationPatient=[f"{v:.9f}" for v in turn.apply(old).ravel()])


def shift(paths: list[Path]) -> None:
    for path in paths:
        dataset = pydicom.dcmread(path)
        along = np.array(dataset.ImageOrientationPatient[:3], float)
        moved = np.array(dataset.ImagePositionPatient, float) + 14 * along
        edit(path, ImagePositionPatient=[f"{v:.6f}" for v in moved])


def compress_falsely(path: Path) -> None:
    dataset = pydicom.dcmread(path)
    dataset.PixelData = pydicom.encaps.encapsulate([dataset.PixelData[:500]])
    dataset["PixelData"].is_undefined_length = True
    dataset.file_meta.TransferSyntaxUID = JPEG2000Lossless
    dataset.save_as(path)
