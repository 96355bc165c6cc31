"""Read what animation needs of a real study: the end-diastolic frame and its labels."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.geometry.labels import CAVITY, MYOCARDIUM, LabelError, LabelSlice, read_label_slices

LEVELS = ("basal", "mid", "apical")
USUAL_SEPTUM_DEG, SEPTUM_PREFERENCE = 160.0, 0.25
ISOTROPY = 0.01  # relative difference of the in-plane voxel sizes that passes as isotropic


class StudyError(ValueError):
    """A study that cannot be animated; the message names the file, the value and the fix."""


@dataclass(frozen=True)
class StudySlice:
    """One slice with myocardium.

    Attributes:
        index: its number in the source.
        level: basal, mid or apical.
        image: ``(X, Y)`` end-diastolic frame, in the source's intensities.
        labels: ``(X, Y)`` uint8, internal codes.
        ratio: cavity area ED / ES where end-systolic labels lie beside the study, else None.
    """

    index: int
    level: str
    image: np.ndarray
    labels: np.ndarray
    ratio: float | None


@dataclass(frozen=True)
class Study:
    """The end-diastole of a study, on a grid that is isotropic in plane (spacing in mm)."""

    name: str
    spacing: float
    slices: tuple[StudySlice, ...]


def find_study_folders(sources: Path) -> list[Path]:
    """A study folder (it holds ``sa.nii.gz``) itself, or those inside a folder, by name.

    Raises:
        StudyError: there is none.
    """
    if not sources.is_dir():
        raise StudyError(f"{sources}: no such folder. Give a study folder or a folder of them.")
    if _file(sources, "sa") is not None:
        return [sources]
    found = sorted(p for p in sources.iterdir() if p.is_dir() and _file(p, "sa") is not None)
    if not found:
        raise StudyError(f"{sources}: neither it nor a folder in it holds sa.nii.gz.")
    return found


def read_study(folder: Path, *, coding: str = "auto") -> Study:
    """Read the end-diastolic frame, its labels and the measured cavity area ratios.

    Slices whose in-plane voxel sizes differ by more than 1 % are resampled to the smaller one, the
    image with cubic splines, labels by their linear membership.

    Args:
        folder: holds ``sa.nii.gz`` (4-D, or the end-diastolic frame alone), ``label_sa_ED.nii.gz``
            and, where known, ``label_sa_ES.nii.gz`` and ``info.json`` (``ed_frame``, ``slices``,
            ``labels``).
        coding: key of :data:`fem_sim.geometry.labels.CODINGS`, or ``auto``: what ``info.json``
            says, else ``myocardium`` where 1 is the only label, else ``internal``.

    Raises:
        StudyError: a missing or unreadable image, another shape, no finite contrast, sheared or
            transposed axes.
        LabelError: missing or unusable labels.
    """
    path = _file(folder, "sa")
    if path is None:
        raise StudyError(f"{folder}: no sa.nii.gz. A study folder holds the cine under this name.")
    label = _file(folder, "label_sa_ED")
    if label is None:
        raise LabelError(
            f"{folder}: no label_sa_ED.nii.gz. Animation starts from the labelled end-diastolic "
            "frame; segment it and save the labels under this name."
        )
    info = _read_info(folder / "info.json")
    frame, sizes = _read_frame(path, info)
    codes = _read_values(label)
    shape = codes.shape[:3]
    if shape != frame.shape:
        raise LabelError(
            f"{label}: labels of shape {shape} for an image of {frame.shape}. "
            "Resample the labels to the image's grid."
        )
    coding = _coding(codes, str(info.get("labels", "auto")) if coding == "auto" else coding)
    spacing = float(sizes.mean() if np.ptp(sizes) <= ISOTROPY * sizes.min() else sizes.min())
    step = np.ones(2) if np.ptp(sizes) <= ISOTROPY * sizes.min() else spacing / sizes
    count = np.floor((np.array(frame.shape[:2]) - 1) / step + 1e-6).astype(int) + 1
    half = int(count.max())
    parts = read_label_slices(
        label, coding, phase="ED", subject=folder.name, spacing=spacing, size=2 * half + 1
    )
    levels = [s.get("level") for s in info.get("slices", []) if isinstance(s, dict)]
    named = len(levels) == frame.shape[2] and all(level in LEVELS for level in levels)
    systole = _cavity_areas(_file(folder, "label_sa_ES"), coding)
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in count), indexing="ij"))
    slices = []
    for part in parts:
        image = frame[:, :, part.index]
        if np.any(step != 1):
            image = map_coordinates(image, grid * step[:, None, None], order=3, mode="nearest")
        diastole = float((part.labels == CAVITY).sum()) * spacing**2
        area = systole.get(part.index, 0.0)
        slices.append(
            StudySlice(
                index=part.index,
                level=str(levels[part.index]) if named else part.level,
                image=image,
                labels=_on_image(part, grid, step, half),
                ratio=diastole / area if area > 0 and diastole > 0 else None,
            )
        )
    return Study(name=folder.name, spacing=spacing, slices=tuple(slices))


def label_membership(labels: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Label with the largest linear share at fractional indices ``(2, ...)``; 0 outside."""
    share = [
        map_coordinates((labels == code).astype(np.float32), index, order=1, cval=float(code == 0))
        for code in range(4)
    ]
    return np.argmax(share, axis=0).astype(np.uint8)


def septal_angle(study: Study) -> float:
    """Direction from the left to the right ventricle, radians from array axis 0 to axis 1.

    Where the right ventricle is labelled, towards its middle; else towards the brightest sector
    just outside the myocardium: the mean over 80 degrees, 3 to 18 mm off the epicardium, of
    intensities up to that of the blood (fat is brighter), with a preference for the usual side of
    short-axis images. It is a guess: it only decides where the surroundings move with the heart.
    """
    angles = np.deg2rad(np.arange(0.0, 360.0, 5.0))
    bright, towards = np.zeros(len(angles)), np.zeros(2)
    for part in study.slices:
        heart = np.isin(part.labels, (CAVITY, MYOCARDIUM))
        center = np.argwhere(heart).mean(axis=0)
        right = np.argwhere(part.labels == 3)
        if right.size:
            towards += len(right) * (right.mean(axis=0) - center)
        radius = np.sqrt(heart.sum() / np.pi) + np.arange(3.0, 18.0) / study.spacing
        ray = np.stack([np.cos(angles), np.sin(angles)])[:, :, None] * radius
        profile = map_coordinates(part.image, center[:, None, None] + ray, order=1, mode="nearest")
        inside = part.image[part.labels == CAVITY]
        blood = float(np.median(inside)) if inside.size else float(profile.max())
        bright += np.minimum(profile, blood).mean(axis=1) / max(abs(blood), 1e-9)
    if towards.any():
        return float(np.arctan2(towards[1], towards[0]))
    window = np.exp(1j * np.angle(np.exp(1j * angles))).real > np.cos(np.deg2rad(40.0))
    smooth = np.fft.irfft(np.fft.rfft(bright) * np.fft.rfft(window.astype(float)), len(angles))
    usual = 1 + SEPTUM_PREFERENCE * np.cos(angles - np.deg2rad(USUAL_SEPTUM_DEG))
    return float(angles[int(np.argmax(smooth * usual))])


def _on_image(part: LabelSlice, grid: np.ndarray, step: np.ndarray, half: int) -> np.ndarray:
    """Labels of the centred grid that was read, back on the image's grid."""
    centre = (np.array(part.centre) / step)[:, None, None]
    return label_membership(part.labels, grid - centre + half)


def _cavity_areas(path: Path | None, coding: str) -> dict[int, float]:
    """Cavity area in mm^2 of each slice of an end-systolic label map."""
    if path is None:
        return {}
    parts = read_label_slices(path, coding, phase="ES", spacing=1.0, size=161)
    return {part.index: float((part.labels == CAVITY).sum()) for part in parts}


def _coding(codes: np.ndarray, coding: str) -> str:
    if coding == "auto":
        return "myocardium" if set(np.unique(codes).tolist()) <= {0, 1} else "internal"
    return coding


def _read_values(path: Path) -> np.ndarray:
    try:
        return np.asarray(nib.load(path).dataobj)  # type: ignore[attr-defined]
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise LabelError(f"{path}: not a readable NIfTI file ({error}). Save it again.") from error


def _read_frame(path: Path, info: dict[str, Any]) -> tuple[np.ndarray, np.ndarray]:
    """End-diastolic frame ``(X, Y, Z)`` and in-plane voxel sizes in mm."""
    try:
        image = nib.load(path)
        values = np.asarray(image.dataobj).astype(float)  # type: ignore[attr-defined]
        affine = np.array(image.affine)[:3, :3].astype(float)  # type: ignore[attr-defined]
    except (nib.filebasedimages.ImageFileError, OSError, EOFError, ValueError) as error:
        raise StudyError(
            f"{path}: not a readable NIfTI file ({error}). Export it again."
        ) from error
    if values.ndim not in (3, 4):
        raise StudyError(f"{path}: {values.ndim} dimensions; expected (x, y, z, t) or (x, y, z).")
    if values.ndim == 4:
        number = info.get("ed_frame", 0)
        if not isinstance(number, int) or not 0 <= number < values.shape[3]:
            raise StudyError(
                f"{path}: ed_frame is {number!r} in info.json, but the cine has frames 0 to "
                f"{values.shape[3] - 1}."
            )
        values = values[..., number]
    if not np.isfinite(values).all() or np.ptp(values) == 0:
        raise StudyError(f"{path}: the end-diastolic frame is constant or holds NaN or infinity.")
    sizes = np.linalg.norm(affine, axis=0)
    if np.argmax(sizes) != 2 and values.shape[2] > 1 and sizes.max() > 1.5 * np.median(sizes):
        raise StudyError(
            f"{path}: voxels of {' x '.join(f'{s:g}' for s in sizes)} mm say that slices lie along "
            f"axis {int(np.argmax(sizes))}. Transpose the image so that slices lie along axis 2."
        )
    cosine = float(np.dot(affine[:, 0], affine[:, 1]) / (sizes[0] * sizes[1]))
    if abs(cosine) > 0.01:
        raise StudyError(
            f"{path}: in-plane axes are sheared (cosine {cosine:.3f}). Resample the image to "
            "perpendicular axes."
        )
    return values, sizes[:2]


def _read_info(path: Path) -> dict[str, Any]:
    if not path.is_file():
        return {}
    try:
        info = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise StudyError(f"{path}: not readable JSON ({error}).") from error
    if not isinstance(info, dict):
        raise StudyError(f"{path}: expected a JSON object, found {type(info).__name__}.")
    return info


def _file(folder: Path, stem: str) -> Path | None:
    names = (f"{stem}.nii.gz", f"{stem}.nii")
    return next((folder / n for n in names if (folder / n).is_file()), None)
