"""Subjects as public data sets have them, drawn."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import nibabel as nib
import numpy as np

FRAMES, SLICES = 10, 8
AFFINE = np.array([[0, 1.25, 0, 10], [-1.25, 0, 0, 20], [0, 0, 8, 30], [0, 0, 0, 1.0]])
TO_ACDC = np.array([0, 3, 2, 1], np.uint8)


def make_heart(es: int, ed: int = 0, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cine int16 and labels (internal coding) ``(40, 36, Z, T)``, base first, empty end slices."""
    x, y = np.meshgrid(np.arange(40) - 20.0, np.arange(36) - 17.0, indexing="ij")
    labels = np.zeros((40, 36, SLICES, FRAMES), np.uint8)
    for z in range(1, SLICES - 1):
        for t in range(FRAMES):
            inner = 8.0 - 0.7 * z - (2.4 if t == es else 0 if t == ed else 1.2)
            radius = np.hypot(x, y)
            labels[:, :, z, t] = np.where(radius < inner, 1, np.where(radius < inner + 4, 2, 0))
            labels[2:6, 10:20, z, t] = 3
    noise = np.random.default_rng(seed).integers(0, 40, labels.shape)
    image = np.array([500, 900, 250, 800])[labels] + noise
    return image.astype(np.int16), labels


def save(path: Path, data: np.ndarray, affine: np.ndarray = AFFINE, step: float = 0.0) -> None:
    """Write NIfTI; ``step`` is the frame distance, its unit unknown as in most public data."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image = nib.Nifti1Image(data, affine)
    if step:
        image.header["pixdim"][4] = step
    nib.save(image, path)


def write_acdc(root: Path, name: str = "patient007", ed: int = 0, es: int = 4) -> Path:
    """One patient as ACDC has it: frames counted from 1."""
    image, labels = make_heart(es, ed)
    folder = root / "training" / name
    save(folder / f"{name}_4d.nii.gz", image)
    for frame in (ed, es):
        save(folder / f"{name}_frame{frame + 1:02d}.nii.gz", image[..., frame])
        save(folder / f"{name}_frame{frame + 1:02d}_gt.nii.gz", TO_ACDC[labels[..., frame]])
    (folder / "Info.cfg").write_text(f"ED: {ed + 1}\nES: {es + 1}\nGroup: DCM\nNbFrame: {FRAMES}\n")
    return folder


def write_mnms(root: Path, name: str = "A0S9V9", ed: int = 0, es: int = 4) -> Path:
    """One subject as M&Ms has it: frames counted from 0, 4-D labels at two frames."""
    image, labels = make_heart(es, ed)
    folder = root / "Training" / "Labeled" / name
    save(folder / f"{name}_sa.nii.gz", image)
    labels[..., [t for t in range(FRAMES) if t not in (ed, es)]] = 0
    save(folder / f"{name}_sa_gt.nii.gz", labels)
    table = root / "211230_M&Ms_Dataset_information_diagnosis_opendataset.csv"
    if not table.is_file():
        table.write_text(",External code,VendorName,Vendor,Centre,ED,ES,Pathology\n")
    with table.open("a") as stream:
        stream.write(f"0,{name},Siemens,A,1,{ed},{es},HCM\n")
    return folder


def write_ukbb(root: Path, name: str = "1000001", ed: int = 0, es: int = 4) -> Path:
    """One subject as ukbb_cardiac leaves it: predicted labels as float64, seconds a frame."""
    image, labels = make_heart(es, ed)
    folder = root / name
    save(folder / "sa.nii.gz", image, step=0.0312)
    for phase, frame in (("ED", ed), ("ES", es)):
        save(folder / f"sa_{phase}.nii.gz", image[..., frame])
        save(folder / f"seg_sa_{phase}.nii.gz", labels[..., frame].astype(np.float64))
    save(folder / "seg_sa.nii.gz", labels.astype(np.float64))
    return folder


def write_mnms2(root: Path, name: str = "007", ed: int = 0, es: int = 4) -> Path:
    """One subject as M&Ms-2 has it: a cine, two frames and their labels."""
    image, labels = make_heart(es, ed)
    folder = root / "dataset" / name
    save(folder / f"{name}_SA_CINE.nii.gz", image)
    for phase, frame in (("ED", ed), ("ES", es)):
        save(folder / f"{name}_SA_{phase}.nii.gz", image[..., frame])
        save(folder / f"{name}_SA_{phase}_gt.nii.gz", labels[..., frame])
    table = root / "dataset_information.csv"
    if not table.is_file():
        table.write_text("SUBJECT_CODE,DISEASE,VENDOR,SCANNER,FIELD\n")
    with table.open("a") as stream:
        stream.write(f"{int(name) if name.isdigit() else name},HCM,SIEMENS,Avanto,1.5\n")
    return folder


WRITERS: dict[str, Callable[..., Path]] = {
    "acdc": write_acdc,
    "mnms": write_mnms,
    "mnms2": write_mnms2,
    "ukbb": write_ukbb,
}
