"""Reading short-axis cines and their labels, and checking them before anything is computed."""

from __future__ import annotations

import json
import logging
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage

from .errors import InputError
from .frame_times import read_frame_times
from .nifti_geometry import repaired_geometry

LOG = logging.getLogger(__name__)
CAVITY, MYOCARDIUM, RIGHT_VENTRICLE = 1, 2, 3
STUDY_FILES = ("image", "label_ed", "label_es", "info")

LABEL_CODINGS: dict[str, dict[int, int]] = {
    "internal": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "myocardium": {1: MYOCARDIUM},
    "acdc": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
    "mnms": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "ukbb": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: RIGHT_VENTRICLE},
}


@dataclass(kw_only=True)
class Cine:
    """A short-axis cine with what is known about it.

    Attributes:
        name: name of the study.
        image: float32 ``(X, Y, Z, T)``.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        ed_frame: index of the end-diastolic (reference) frame.
        es_frame: index of the end-systolic frame, or None when unknown.
        label_ed: uint8 ``(X, Y, Z)`` in the internal coding, or None.
        label_es: the same at end-systole, or None.
        levels: name of each slice (basal, mid, apical, or slice00 ...).
        frame_times_ms: time of each frame in milliseconds, the first at 0, or None when unknown.
        files: where each part came from.
    """

    name: str
    image: np.ndarray
    affine: np.ndarray
    ed_frame: int
    es_frame: int | None = None
    label_ed: np.ndarray | None = None
    label_es: np.ndarray | None = None
    levels: list[str] = field(default_factory=list)
    frame_times_ms: np.ndarray | None = None
    files: dict[str, str] = field(default_factory=dict)

    @property
    def spacing(self) -> tuple[float, float]:
        """In-plane voxel size in millimetres."""
        norms = np.linalg.norm(self.affine[:3, :2], axis=0)
        return float(norms[0]), float(norms[1])


def find_studies(dataset_dir: str | Path) -> list[dict[str, object]]:
    """List the cines under a path.

    Args:
        dataset_dir: a 4-D NIfTI file, a study folder (``sa.nii.gz`` with ``label_sa_ED.nii.gz``,
            ``label_sa_ES.nii.gz`` and ``info.json`` beside it where known), or a folder of those.

    Returns:
        One dictionary a study, sorted by name: ``name``, ``image`` and, where present,
        ``label_ed``, ``label_es``, ``info`` (paths as strings).

    Raises:
        InputError: if nothing usable is there.
    """
    path = Path(dataset_dir).expanduser()
    if path.is_file():
        return [{"name": path.name.split(".")[0], "image": str(path)}]
    if not path.is_dir():
        raise InputError(
            f"{path}: no such file or folder. Point dataset_dir at a 4-D NIfTI cine, "
            "a study folder holding sa.nii.gz, or a folder of study folders."
        )
    folders = (
        [path]
        if _cine_file(path)
        else sorted(p for p in path.iterdir() if p.is_dir() and not p.name.startswith("."))
    )
    studies = []
    for folder in folders:
        image = _cine_file(folder)
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
            f"{path}: no study folder with sa.nii.gz found (looked into "
            f"{len(folders)} folders). See README, 'Your own data'."
        )
    return studies


def read_cine(study: Mapping[str, object], label_coding: str = "auto") -> Cine:
    """Read one study and check it.

    Args:
        study: ``image`` and optionally ``name``, ``label_ed``, ``label_es``, ``info``,
            ``ed_frame``, ``es_frame`` (the frames given here win over those in ``info``).
        label_coding: a key of :data:`LABEL_CODINGS`, or ``"auto"``: what ``info.json`` says, else
            ``myocardium`` where 1 is the only label, else ``internal``.

    Returns:
        The checked cine.

    Raises:
        InputError: for a missing or unreadable file, wrong dimensions, fewer than two frames, NaN
            or constant intensities, a frame index out of range, labels of another shape, unknown
            codes or no myocardium.
    """
    path = Path(str(study["image"]))
    image, affine = _read_nifti(path)
    if image.ndim != 4:
        raise InputError(
            f"{path}: expected a 4-D cine (x, y, z, t), found {image.ndim} dimensions "
            f"{image.shape}. Join the frames into one 4-D file."
        )
    if image.shape[3] < 2:
        raise InputError(f"{path}: {image.shape[3]} frame. Motion needs at least two frames.")
    if min(image.shape[:2]) < 16:
        raise InputError(
            f"{path}: slices of {image.shape[0]} x {image.shape[1]} voxels are too "
            "small to hold a heart (at least 16 x 16)."
        )
    bad = int(np.size(image) - np.isfinite(image).sum())
    if bad:
        raise InputError(f"{path}: {bad} voxels are NaN or infinite. Replace them before tracking.")
    if float(np.ptp(image)) == 0:
        raise InputError(f"{path}: every voxel is {image.flat[0]:g}. A cine needs contrast.")
    info = _read_info(study.get("info"))
    frames = image.shape[3]
    ed_frame = _frame_index(
        study.get("ed_frame", info.get("ed_frame", 0)), frames, "ed_frame", path
    )
    es_value = study.get("es_frame", info.get("es_frame"))
    es_frame = None if es_value is None else _frame_index(es_value, frames, "es_frame", path)
    coding = str(info.get("labels", "auto")) if label_coding == "auto" else label_coding
    labels = {
        key: read_label(str(study[key]), image.shape[:3], coding)
        for key in ("label_ed", "label_es")
        if study.get(key)
    }
    levels = [str(s.get("level", f"slice{i:02d}")) for i, s in enumerate(info.get("slices", []))]
    if len(levels) != image.shape[2]:
        levels = [f"slice{i:02d}" for i in range(image.shape[2])]
    return Cine(
        name=str(study.get("name", path.name.split(".")[0])),
        image=image,
        affine=affine,
        ed_frame=ed_frame,
        es_frame=es_frame,
        label_ed=labels.get("label_ed"),
        label_es=labels.get("label_es"),
        levels=levels,
        frame_times_ms=read_frame_times(path, frames, info),
        files={k: str(study[k]) for k in STUDY_FILES if k in study},
    )


def read_label(path: str | Path, shape: tuple[int, ...], coding: str = "auto") -> np.ndarray:
    """Read a label map into the internal coding; a missing cavity is the hole in the myocardium.

    Args:
        path: NIfTI file.
        shape: ``(X, Y, Z)`` it must have.
        coding: see :func:`read_cine`.

    Returns:
        uint8 ``(X, Y, Z)``: 0 background, 1 cavity, 2 myocardium, 3 right ventricle.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    path = Path(path)
    values, _ = _read_nifti(path)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.shape != tuple(shape):
        raise InputError(
            f"{path}: label of shape {values.shape} for a cine of {tuple(shape)}. "
            "Resample the label to the cine's grid."
        )
    if not np.isfinite(values).all():
        raise InputError(f"{path}: the label holds NaN or infinite values. Save integer labels.")
    codes = np.unique(values)
    if np.abs(codes - np.round(codes)).max() > 0:
        raise InputError(
            f"{path}: labels are not whole numbers (for example "
            f"{codes[codes != np.round(codes)][0]:g}). Save integer labels."
        )
    found = {int(c) for c in codes} - {0}
    if coding == "auto":
        coding = "myocardium" if found == {1} else "internal"
    if coding not in LABEL_CODINGS:
        raise InputError(
            f"label_coding: '{coding}' is unknown. Use one of {', '.join(LABEL_CODINGS)} or auto."
        )
    table = LABEL_CODINGS[coding]
    unknown = sorted(found - set(table))
    if unknown:
        raise InputError(
            f"{path}: label values {unknown} are not part of the coding '{coding}' "
            f"({table}). Set label_coding."
        )
    label: np.ndarray = np.zeros(values.shape, np.uint8)
    for code, meaning in table.items():
        label[values == code] = meaning
    if not (label == MYOCARDIUM).any():
        raise InputError(
            f"{path}: no voxel is myocardium in the coding '{coding}'; labels found: "
            f"{', '.join(str(c) for c in sorted(found | {0}))}. Set label_coding."
        )
    if not (label == CAVITY).any():
        for z in range(label.shape[2]):
            wall = label[..., z] == MYOCARDIUM
            label[..., z][ndimage.binary_fill_holes(wall) & ~wall] = CAVITY
    return label


def _cine_file(folder: Path) -> Path | None:
    return next((folder / n for n in ("sa.nii.gz", "sa.nii") if (folder / n).is_file()), None)


def _read_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    try:
        image: Any = nib.load(path)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError, zlib.error) as error:
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Export it again."
        ) from error
    affine, repair = repaired_geometry(path, image)
    if repair is not None:
        LOG.warning("%s: %s", path, repair)
    return values, affine


def _read_info(path: object) -> dict:
    if path is None:
        return {}
    try:
        info = json.loads(Path(str(path)).read_text())
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: not readable JSON ({error}).") from error
    if not isinstance(info, dict):
        raise InputError(f"{path}: expected a JSON object, found {type(info).__name__}.")
    return info


def _frame_index(value: object, frames: int, name: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < frames:
        raise InputError(f"{path}: {name} is {value!r}, but the cine has frames 0 to {frames - 1}.")
    return value
