"""Read short-axis label maps (NIfTI) onto the working grid, with internal label codes."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from pathlib import Path

import nibabel as nib
import numpy as np
from scipy import ndimage

from myomotion.errors import InputError
from myomotion.io.nifti import repaired_geometry

LOG = logging.getLogger(__name__)

CAVITY, MYOCARDIUM, RIGHT_VENTRICLE = 1, 2, 3

#: File code -> internal code (0 background, 1 LV cavity, 2 LV myocardium, 3 RV cavity).
CODINGS: dict[str, dict[int, int]] = {
    "internal": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "acdc": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
    "mnms": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "ukbb": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: RIGHT_VENTRICLE},
    "myocardium": {1: MYOCARDIUM},
}


class LabelError(ValueError):
    """A label map that cannot be used; the message names the file, the value and the fix."""


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
        LabelError: nothing found.
    """
    source = Path(source)
    if source.is_file():
        return [(_stem(source), source)]
    if not source.is_dir():
        raise LabelError(f"{source}: no such file or folder. Give a NIfTI label map or a folder.")
    files = sorted(p for p in source.rglob("*.nii*") if p.name.endswith((".nii", ".nii.gz")))
    named = [p for p in files if re.fullmatch(rf"label_sa_{phase}\.nii(\.gz)?", p.name)]
    if named:
        return [(p.parent.name, p) for p in named]
    if any(p.name.startswith("label_sa_") for p in files):
        raise LabelError(f"{source}: no file label_sa_{phase}.nii.gz. Ask for the other phase.")
    truth = [p for p in files if _stem(p).endswith("_gt")] or files
    if not truth:
        raise LabelError(f"{source}: holds no NIfTI file (*.nii, *.nii.gz). Check the folder.")
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
    volumes = []
    for path in paths:
        image = _load(path)
        codes = _recode(np.asanyarray(image.dataobj), path, coding)
        volumes.append(int(np.sum(codes == CAVITY)))
    order = np.argsort(volumes)
    return paths[int(order[0] if phase == "ES" else order[-1])]


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
    slice axis is the one with clearly the largest voxel size, else the third. Of a 4-D map the
    labelled frame with the smallest (ES) or largest (ED) cavity is taken.

    Args:
        path: NIfTI file, 2-D, 3-D or 4-D.
        coding: key of CODINGS.
        phase: 'ES' or 'ED'.
        subject: name for the results (default: the file's stem).
        spacing: working grid spacing, mm.
        size: working grid side, voxels.

    Raises:
        LabelError: unreadable file, NaN, non-integer or unknown codes, no myocardium.
    """
    path = Path(path)
    image = _load(path)
    codes = _recode(np.asanyarray(image.dataobj), path, coding)
    codes = _pick_frame(codes, path, phase)
    affine = _affine(path, image)[:3, :3]
    codes, affine = _slices_last(codes, affine)
    if coding == "myocardium":
        codes = _fill_cavity(codes)
    if not np.any(codes == MYOCARDIUM):
        wanted = [k for k, v in CODINGS[coding].items() if v == MYOCARDIUM]
        raise LabelError(
            f"{path}: no voxel has label {wanted[0]} (myocardium in coding '{coding}'). "
            "Choose the coding that fits the file."
        )
    subject = subject or _stem(path)
    covered = np.flatnonzero(np.any(codes == MYOCARDIUM, axis=(0, 1)))
    levels = _levels(codes, covered)
    return [
        LabelSlice(
            name=f"{subject}_z{z:02d}",
            subject=subject,
            level=levels[int(z)],
            labels=_to_working_grid(codes[:, :, z], affine, spacing, size),
            index=int(z),
            centre=_centre_voxel(codes[:, :, z]),
        )
        for z in covered
    ]


def _load(path: Path) -> nib.spatialimages.SpatialImage:
    try:
        return nib.load(path)  # type: ignore[return-value]
    except (nib.filebasedimages.ImageFileError, OSError, EOFError) as error:
        raise LabelError(f"{path}: not a readable NIfTI file ({error}).") from error


def _affine(path: Path, image: nib.spatialimages.SpatialImage) -> np.ndarray:
    try:
        affine, repair = repaired_geometry(path, image)
    except InputError as error:
        raise LabelError(str(error)) from error
    if repair is not None:
        LOG.warning("%s: %s", path, repair)
    return affine


def _recode(values: np.ndarray, path: Path, coding: str) -> np.ndarray:
    """File codes to internal codes, uint8."""
    if coding not in CODINGS:
        raise LabelError(f"coding '{coding}' is unknown; use one of: {', '.join(CODINGS)}.")
    if values.dtype.kind == "f":
        bad = int(np.sum(~np.isfinite(values)))
        if bad:
            raise LabelError(f"{path}: {bad} voxels are NaN or infinite. Write integer labels.")
        off = np.abs(values - np.rint(values))
        if off.max(initial=0.0) > 1e-3:
            value = values.flat[int(np.argmax(off))]
            raise LabelError(
                f"{path}: label value {value:g} is no integer; labels must be resampled with "
                "nearest-neighbour interpolation."
            )
        values = np.rint(values).astype(np.int64)
    elif values.dtype.kind not in "iub":
        raise LabelError(f"{path}: data type {values.dtype} is no label type; use integers.")
    table = CODINGS[coding]
    found = sorted(int(v) for v in np.unique(values))
    unknown = [v for v in found if v != 0 and v not in table]
    if unknown:
        raise LabelError(
            f"{path}: label codes {unknown} are not in coding '{coding}' "
            f"({', '.join(map(str, sorted(table)))}); labels found: "
            f"{', '.join(map(str, found))}. Choose another coding ({', '.join(CODINGS)})."
        )
    result = np.zeros(values.shape, np.uint8)
    for code, internal in table.items():
        result[values == code] = internal
    return result


def _pick_frame(codes: np.ndarray, path: Path, phase: str) -> np.ndarray:
    """Reduce a 2-D, 3-D or 4-D map to (x, y, z)."""
    if codes.ndim == 2:
        return codes[:, :, None]
    if codes.ndim == 3:
        return codes
    if codes.ndim != 4:
        raise LabelError(f"{path}: {codes.ndim} dimensions; expected 2, 3 or 4.")
    labelled = [t for t in range(codes.shape[3]) if np.any(codes[..., t] == MYOCARDIUM)]
    if not labelled:
        raise LabelError(f"{path}: no frame holds myocardium. Choose the coding that fits.")
    volume = [int(np.sum(codes[..., t] == CAVITY)) for t in labelled]
    best = int(np.argmin(volume) if phase == "ES" else np.argmax(volume))
    return codes[..., labelled[best]]


def _slices_last(codes: np.ndarray, affine: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Move the through-plane axis (clearly the largest voxel size) to the end."""
    sizes = np.linalg.norm(affine, axis=0)
    axis = int(np.argmax(sizes))
    others = np.delete(sizes, axis)
    if axis == 2 or codes.shape[2] == 1 or sizes[axis] < 1.5 * others.max():
        return codes, affine
    order = [a for a in range(3) if a != axis] + [axis]
    return codes.transpose(order), affine[:, order]


def _fill_cavity(codes: np.ndarray) -> np.ndarray:
    """Label the hole of each slice's myocardium as cavity."""
    codes = codes.copy()
    for z in range(codes.shape[2]):
        wall = codes[:, :, z] == MYOCARDIUM
        codes[:, :, z][ndimage.binary_fill_holes(wall) & ~wall] = CAVITY
    return codes


def _levels(codes: np.ndarray, covered: np.ndarray) -> dict[int, str]:
    """Thirds of the covered slices, the base at the end with the larger cross-section."""
    areas = [
        int(np.sum((codes[:, :, z] == CAVITY) | (codes[:, :, z] == MYOCARDIUM))) for z in covered
    ]
    half = max(1, len(covered) // 2)
    ordered = covered if sum(areas[:half]) >= sum(areas[-half:]) else covered[::-1]
    names = ("basal", "mid", "apical")
    if len(ordered) == 1:
        return {int(ordered[0]): "mid"}
    return {int(z): names[3 * k // len(ordered)] for k, z in enumerate(ordered)}


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
    members = [
        ndimage.map_coordinates((codes == k).astype(np.float32), index, order=1, cval=float(k == 0))
        for k in range(4)
    ]
    return np.argmax(members, axis=0).astype(np.uint8)


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
