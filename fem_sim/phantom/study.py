"""Read what animation needs of a real study: the end-diastolic frame and its labels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.geometry.labels import LabelSlice, label_membership, label_slices
from myomotion.errors import InputError
from myomotion.io.cine import Cine, read_cine
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE

USUAL_SEPTUM_DEG, SEPTUM_PREFERENCE = 160.0, 0.25
ISOTROPY = 0.01  # relative difference of the in-plane voxel sizes that passes as isotropic
SYSTOLE_SPACING_MM, SYSTOLE_SIZE = 1.0, 161  # grid on which end-systolic cavities are measured


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


def read_study(study: Mapping[str, object], *, coding: str = "auto") -> Study:
    """Read the end-diastolic frame, its labels and the measured cavity area ratios.

    Slices whose in-plane voxel sizes differ by more than 1 % are resampled to the smaller one, the
    image with cubic splines, labels by their linear membership.

    Args:
        study: from :func:`~myomotion.io.cine.find_studies`, with ``label_ed`` and, where known,
            ``label_es`` and ``info``; the end-diastolic frame alone will do as ``image``.
        coding: see :func:`~myomotion.io.cine.read_cine`.

    Returns:
        The slices with myocardium.

    Raises:
        InputError: for what :func:`~myomotion.io.cine.read_cine` refuses, missing labels, or an
            end-diastolic frame without contrast.
    """
    if not study.get("label_ed"):
        raise InputError(
            f"{study['image']}: no label_sa_ED.nii.gz beside it. Animation starts from the "
            "labelled end-diastolic frame; segment it and save the labels under this name."
        )
    cine = read_cine(study, coding, still=True)
    assert cine.label_ed is not None
    frame = cine.image[..., cine.ed_frame].astype(float)
    if np.ptp(frame) == 0:
        raise InputError(
            f"{study['image']}: frame {cine.ed_frame}, the end-diastolic one, is constant. Name "
            "another as ed_frame in info.json."
        )
    sizes = np.array(cine.spacing)
    isotropic = np.ptp(sizes) <= ISOTROPY * sizes.min()
    spacing = float(sizes.mean() if isotropic else sizes.min())
    step = np.ones(2) if isotropic else spacing / sizes
    count = np.floor((np.array(frame.shape[:2]) - 1) / step + 1e-6).astype(int) + 1
    half = int(count.max())
    parts = label_slices(
        cine.label_ed,
        cine.affine,
        cine.name,
        names=cine.levels,
        spacing=spacing,
        size=2 * half + 1,
    )
    if not parts:
        raise InputError(f"{study['label_ed']}: no voxel is myocardium. Animation moves the wall.")
    systole = _systolic_areas(cine)
    grid = np.stack(np.meshgrid(*(np.arange(n, dtype=float) for n in count), indexing="ij"))
    slices = []
    for part in parts:
        image = frame[:, :, part.index]
        if not isotropic:
            image = map_coordinates(image, grid * step[:, None, None], order=3, mode="nearest")
        diastole = float((part.labels == CAVITY).sum()) * spacing**2
        area = systole.get(part.index, 0.0)
        slices.append(
            StudySlice(
                index=part.index,
                level=part.level,
                image=image,
                labels=_on_image(part, grid, step, half),
                ratio=diastole / area if area > 0 and diastole > 0 else None,
            )
        )
    return Study(name=cine.name, spacing=spacing, slices=tuple(slices))


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
        right = np.argwhere(part.labels == RIGHT_VENTRICLE)
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


def _systolic_areas(cine: Cine) -> dict[int, float]:
    """Cavity area in mm^2 of each slice that has a label at end-systole."""
    if cine.label_es is None:
        return {}
    parts = label_slices(
        cine.label_es, cine.affine, cine.name, spacing=SYSTOLE_SPACING_MM, size=SYSTOLE_SIZE
    )
    pixel = SYSTOLE_SPACING_MM**2
    return {part.index: float((part.labels == CAVITY).sum()) * pixel for part in parts}


def _on_image(part: LabelSlice, grid: np.ndarray, step: np.ndarray, half: int) -> np.ndarray:
    """Labels of the centred grid that was read, back on the image's grid."""
    centre = (np.array(part.centre) / step)[:, None, None]
    return label_membership(part.labels, grid - centre + half)
