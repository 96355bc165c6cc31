"""Find short-axis label maps and bring their slices to the working grid."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy import ndimage

from myomotion.core.segments import slice_levels
from myomotion.errors import InputError
from myomotion.io.info import slice_name
from myomotion.io.label_geometry import label_order
from myomotion.io.labels import CAVITY, MYOCARDIUM, internal_codes, with_filled_cavity
from myomotion.io.nifti import read_nifti
from myomotion.io.storage import slice_axis

LOG = logging.getLogger(__name__)


@dataclass(frozen=True)
class LabelSlice:
    """One slice on the working grid.

    `labels` is uint8 (size, size), internal codes, LV centroid within a voxel of the centre;
    `level` is 'basal', 'mid' or 'apical' by thirds of the covered slices; `index` is the slice's
    number in the file and `centre` its voxel that the grid point (size - 1) // 2 lies on.
    """

    name: str
    subject: str
    level: str
    labels: np.ndarray
    index: int = 0
    centre: tuple[int, int] = (0, 0)


def find_label_files(source: Path, phase: str, coding: str) -> list[tuple[str, Path]]:
    """Label files of one phase as (subject, path), one per subject, sorted by subject.

    Knows `patientNNN_frameFF_gt.nii.gz` (ACDC; the phase from Info.cfg, else by cavity volume),
    `NAME_gt.nii.gz` (M&Ms, 4-D) and `NAME/label_sa_ED|ES.nii.gz` (UK Biobank and cine folders);
    a single file stands for itself; a folder without such names gives all its NIfTI files.

    Raises:
        InputError: nothing found.
    """
    source = Path(source)
    if source.is_file():
        return [(_stem(source), source)]
    if not source.is_dir():
        raise InputError(f"{source}: no such file or folder. Give a NIfTI label map or a folder.")
    files = sorted(p for p in source.rglob("*.nii*") if p.name.endswith((".nii", ".nii.gz")))
    named = [p for p in files if re.fullmatch(rf"label_sa_{phase}\.nii(\.gz)?", p.name)]
    if named:
        return [(p.parent.name, p) for p in named]
    if any(p.name.startswith("label_sa_") for p in files):
        raise InputError(f"{source}: no file label_sa_{phase}.nii.gz. Ask for the other phase.")
    truth = [p for p in files if _stem(p).endswith("_gt")] or files
    if not truth:
        raise InputError(f"{source}: holds no NIfTI file (*.nii, *.nii.gz). Check the folder.")
    by_subject: dict[str, list[Path]] = {}
    for path in truth:
        subject = re.sub(r"(_frame\d+)?(_gt)?$", "", _stem(path))
        by_subject.setdefault(subject, []).append(path)
    return [(s, _pick_phase(paths, phase, coding)) for s, paths in sorted(by_subject.items())]


def _stem(path: Path) -> str:
    return re.sub(r"\.nii(\.gz)?$", "", path.name)


def _pick_phase(paths: list[Path], phase: str, coding: str) -> Path:
    """The file of the wanted phase: from Info.cfg, else smallest (ES) or largest (ED) cavity."""
    if len(paths) == 1:
        return paths[0]
    config = paths[0].parent / "Info.cfg"
    if config.is_file():
        match = re.search(rf"^{phase}\s*:\s*(\d+)", config.read_text(), re.MULTILINE)
        for path in paths:
            if match and re.search(rf"_frame0*{match.group(1)}_gt$", _stem(path)):
                return path
    volumes: dict[Path, int] = {}
    for path in paths:
        try:
            volumes[path] = int(np.sum(_read_map(path, coding, phase)[0] == CAVITY))
        except InputError as error:
            LOG.warning("%s", error)
    if not volumes:
        return paths[0]  # whoever reads it says why it cannot be used
    return (min if phase == "ES" else max)(volumes, key=lambda path: volumes[path])


def read_label_slices(
    path: Path,
    coding: str,
    *,
    phase: str = "ES",
    subject: str | None = None,
    spacing: float = 1.5,
    size: int = 96,
) -> list[LabelSlice]:
    """Read every slice that holds myocardium.

    In-plane lengths come from the affine's columns (rotation, anisotropy and shear included); the
    slices lie along :func:`~myomotion.io.storage.slice_axis`. A map without a
    cavity gets the hole in its myocardium as one. Of a 4-D map the labelled frame with the smallest
    (ES) or largest (ED) cavity is taken.

    Args:
        path: NIfTI file, 2-D, 3-D or 4-D.
        coding: see :func:`~myomotion.io.cine.read_cine`.
        phase: 'ES' or 'ED'.
        subject: name for the results (default: the file's stem).
        spacing: working grid spacing, mm.
        size: working grid side, voxels.

    Raises:
        InputError: unreadable file, NaN, non-integer or unknown codes, no myocardium.
    """
    path = Path(path)
    codes, affine = _read_map(path, coding, phase)
    return label_slices(codes, affine, subject or _stem(path), spacing=spacing, size=size)


def label_slices(
    codes: np.ndarray,
    affine: np.ndarray,
    subject: str,
    *,
    names: Sequence[str] | None = None,
    spacing: float = 1.5,
    size: int = 96,
) -> list[LabelSlice]:
    """Every slice of a label map that holds myocardium.

    Args:
        codes: ``(x, y, z)``, internal codes.
        affine: ``(3, 3)`` or ``(4, 4)``, voxel steps to mm.
        subject: whose map it is.
        names: of the slices, which may be those of levels (see
            :func:`~myomotion.core.segments.slice_levels`).
        spacing: working grid spacing, mm.
        size: working grid side, voxels.
    """
    wall = (codes == MYOCARDIUM).sum(axis=(0, 1))
    names = [slice_name(z) for z in range(len(wall))] if names is None else names
    levels = slice_levels(names, wall.tolist(), label_order(names, codes, affine).base_first)
    return [
        LabelSlice(
            name=f"{subject}_z{z:02d}",
            subject=subject,
            level=level,
            labels=_to_working_grid(codes[:, :, z], affine[:3, :3], spacing, size),
            index=z,
            centre=_centre_voxel(codes[:, :, z]),
        )
        for z, level in enumerate(levels)
        if level is not None
    ]


def _read_map(path: Path, coding: str, phase: str) -> tuple[np.ndarray, np.ndarray]:
    """Internal codes ``(x, y, z)`` of a phase, slices last, and the affine ``(3, 3)`` of them."""
    image = read_nifti(path)
    if image.repair is not None:
        LOG.warning("%s: %s", path, image.repair)
    values = image.values[:, :, None] if image.values.ndim == 2 else image.values
    if values.ndim not in (3, 4):
        raise InputError(f"{path}: {values.ndim} dimensions; a label map has 2, 3 or 4.")
    across = slice_axis(values.shape, image.affine)
    codes = internal_codes(path, np.moveaxis(values, across, 2), coding)
    frames = [codes] if codes.ndim == 3 else list(np.moveaxis(codes, 3, 0))
    if not (codes == CAVITY).any():
        frames = [with_filled_cavity(frame) for frame in frames]
    labelled = [frame for frame in frames if (frame == MYOCARDIUM).any()]
    if not labelled:
        raise InputError(f"{path}: no voxel is myocardium. A ring of muscle is what is simulated.")
    volume = [int((frame == CAVITY).sum()) for frame in labelled]
    chosen = labelled[int(np.argmin(volume) if phase == "ES" else np.argmax(volume))]
    plane = [axis for axis in range(3) if axis != across]
    return chosen, image.affine[:3, [*plane, across]]


def _to_working_grid(
    codes: np.ndarray, affine: np.ndarray, spacing: float, size: int
) -> np.ndarray:
    """Resample one slice to the isotropic grid, each label by its linear membership.

    One grid point is laid on a voxel centre, so a slice of the same spacing is copied unchanged.
    """
    metric = _in_plane_metric(affine)
    offset = (np.arange(size) - (size - 1) // 2) * spacing
    grid = np.stack(np.meshgrid(offset, offset, indexing="ij"))
    centre = np.array(_centre_voxel(codes))[:, None, None]
    index = np.tensordot(np.linalg.inv(metric), grid, axes=1) + centre
    return label_membership(codes, index)


def label_membership(labels: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Label with the largest linear share at fractional indices ``(2, ...)``; 0 outside."""
    share = [
        ndimage.map_coordinates(
            (labels == code).astype(np.float32), index, order=1, cval=float(code == 0)
        )
        for code in range(4)
    ]
    return np.argmax(share, axis=0).astype(np.uint8)


def _centre_voxel(codes: np.ndarray) -> tuple[int, int]:
    """Voxel at the middle of the cavity, of the myocardium where there is no cavity."""
    heart = np.argwhere(codes == CAVITY)
    if heart.size == 0:
        heart = np.argwhere(codes == MYOCARDIUM)
    first, second = np.floor(heart.mean(axis=0)).astype(int)
    return int(first), int(second)


def _in_plane_metric(affine: np.ndarray) -> np.ndarray:
    """Upper triangular (2, 2) matrix from voxel steps to in-plane mm (Gram-Schmidt)."""
    first, second = affine[:, 0], affine[:, 1]
    length = np.linalg.norm(first)
    along = float(first @ second / length)
    across = np.linalg.norm(second - along * first / length)
    return np.array([[length, along], [0.0, across]])
