"""Reading short-axis cines and their labels, and checking them before anything is computed."""

from __future__ import annotations

import json
import logging
import os
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy import ndimage

from myomotion.errors import InputError
from myomotion.io.frame_times import given_frame_times, read_frame_times
from myomotion.io.image import CineImage
from myomotion.io.label_grid import on_grid
from myomotion.io.nifti import check_plane, check_voxels, repaired_geometry
from myomotion.io.source import file_title, is_nifti_file, read_other
from myomotion.io.studies import find_studies as find_studies

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
        ed_found: how ``ed_frame`` came to be known.
        label_found: where ``label_ed`` comes from, None without one.
        source: what the frames were read from, see :class:`~myomotion.io.image.CineImage`.
        warnings: what the user should know about the input.
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
    ed_found: str = "given"
    label_found: str | None = None
    source: dict[str, Any] = field(default_factory=dict)
    warnings: list[str] = field(default_factory=list)

    @property
    def spacing(self) -> tuple[float, float]:
        """In-plane voxel size in millimetres."""
        norms = np.linalg.norm(self.affine[:3, :2], axis=0)
        return float(norms[0]), float(norms[1])

    def from_ed(self, frames: np.ndarray, axis: int = 0) -> np.ndarray:
        """Frames in the order of the file, begun at end-diastole."""
        return np.roll(frames, -self.ed_frame, axis=axis)

    def to_file(self, frames: np.ndarray, axis: int = 0) -> np.ndarray:
        """Frames that begin at end-diastole, in the order of the file."""
        return np.roll(frames, self.ed_frame, axis=axis)


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
    info = _read_info(study.get("info"))
    nifti = is_nifti_file(path)
    source = _nifti_source(path) if nifti else read_other(path, info)
    image, affine = source.values, source.affine
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
    frames = image.shape[3]
    ed_value = study.get("ed_frame", info.get("ed_frame"))
    ed_frame = _frame_index(0 if ed_value is None else ed_value, frames, "ed_frame", path)
    es_value = study.get("es_frame", info.get("es_frame"))
    es_frame = None if es_value is None else _frame_index(es_value, frames, "es_frame", path)
    coding = str(info.get("labels", "auto")) if label_coding == "auto" else label_coding
    labels = {
        key: read_label(str(study[key]), image.shape[:3], coding, affine)
        for key in ("label_ed", "label_es")
        if study.get(key)
    }
    levels = [str(s.get("level", f"slice{i:02d}")) for i, s in enumerate(info.get("slices", []))]
    if len(levels) != image.shape[2]:
        levels = [f"slice{i:02d}" for i in range(image.shape[2])]
    times = read_frame_times(path, frames, info) if nifti else source.frame_times_ms
    if not nifti and "frame_times_ms" in info:
        times = given_frame_times(Path(str(study["info"])), frames, info)
    return Cine(
        name=str(study.get("name", file_title(path))),
        image=image,
        affine=affine,
        ed_frame=ed_frame,
        es_frame=es_frame,
        label_ed=labels.get("label_ed"),
        label_es=labels.get("label_es"),
        levels=levels,
        frame_times_ms=times,
        files={k: str(study[k]) for k in STUDY_FILES if k in study},
        ed_found="assumed: the first frame" if ed_value is None else "given",
        label_found="given" if "label_ed" in labels else None,
        source=source.record,
        warnings=source.warnings,
    )


def read_label(
    path: str | Path,
    shape: tuple[int, ...],
    coding: str = "auto",
    affine: np.ndarray | None = None,
) -> np.ndarray:
    """Read a label map into the internal coding; a missing cavity is the hole in the myocardium.

    Args:
        path: NIfTI file.
        shape: ``(X, Y, Z)`` it must have.
        coding: see :func:`read_cine`.
        affine: of the cine; where given, the label must lie on its grid, and its axes are brought
            into the cine's order and direction; a label saved without geometry (unit voxels at the
            origin) is taken voxel by voxel.

    Returns:
        uint8 ``(X, Y, Z)``: 0 background, 1 cavity, 2 myocardium, 3 right ventricle.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    path = Path(path)
    values, own_affine = _read_nifti(path)
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    placeholder = np.allclose(np.abs(own_affine), np.eye(4))  # a file saved without geometry
    if affine is not None and not placeholder and not np.allclose(own_affine, affine, atol=1e-3):
        values = on_grid(path, values, own_affine, shape, affine)
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


def _nifti_source(path: Path) -> CineImage:
    values, affine = _read_nifti(path)
    check_plane(path, affine)
    return CineImage(values=values, affine=affine, record={"format": "NIfTI"})


def _read_nifti(path: Path) -> tuple[np.ndarray, np.ndarray]:
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: permission to read it is denied. Change its permissions.")
    try:
        image: Any = nib.load(path)
        check_voxels(path, image)
        values = np.asarray(image.dataobj, dtype=np.float32)
    except InputError:
        raise
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
    slices = info.get("slices", [])
    if not isinstance(slices, list) or not all(isinstance(entry, dict) for entry in slices):
        raise InputError(
            f"{path}: slices is {str(slices)[:60]}, expected one object a slice, such as "
            '{"level": "mid"}.'
        )
    return info


def _frame_index(value: object, frames: int, name: str, path: Path) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < frames:
        raise InputError(f"{path}: {name} is {value!r}, but the cine has frames 0 to {frames - 1}.")
    return value
