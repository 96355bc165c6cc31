"""Volumes of ACDC at end-diastole and end-systole, on the grid of published tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import ResizeWithPadOrCrop, Spacing

from myomotion.errors import InputError, SettingError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.codes import CAVITY, LABEL_CODINGS, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.io.nifti import repaired_geometry
from tools.convert.acdc import find_acdc
from tools.convert.nifti import load_image, read_labels, values_of
from tools.convert.source import Source, first_file, folders
from tools.evaluate.scores import group_of

ACDC = LABEL_CODINGS["acdc"]
TISSUES = {"rv": RIGHT_VENTRICLE, "myo": MYOCARDIUM, "lv": CAVITY}
EDGE = 2  # voxels on each side of the grid that SDlogJ leaves out


@dataclass(frozen=True, kw_only=True)
class Frames:
    """End-diastole and end-systole of a heart.

    Attributes:
        images: ``(2, X, Y, Z)`` with their affine (RAS, mm), slices last.
        labels: the same in the internal coding.
        group: disease group, ``-`` if unknown.
        layout: how the files lie: ``release``, ``pair`` or ``study``.
    """

    images: MetaTensor
    labels: MetaTensor
    group: str = "-"
    layout: str

    @property
    def spacing(self) -> tuple[float, ...]:
        """Voxel size along each axis, mm."""
        return tuple(float(n) for n in np.linalg.norm(self.images.affine[:3, :3], axis=0))


@dataclass(frozen=True, kw_only=True)
class Grid:
    """Grid on which volumes are registered and compared.

    Attributes:
        spacing: voxel size in mm along the axes; the first two are equal.
        size: voxels along the axes, more than the :data:`EDGE` on both sides.

    Raises:
        SettingError: for another spacing or size.
    """

    spacing: tuple[float, float, float] = (1.8, 1.8, 10.0)
    size: tuple[int, int, int] = (128, 128, 16)

    def __post_init__(self) -> None:
        """Refuse grids on which nothing could be measured."""
        first, second, third = self.spacing
        if not (np.isfinite(self.spacing).all() and first == second > 0 < third):
            raise SettingError(
                f"spacing {first:g} {second:g} {third:g}: give three sizes above 0 mm, the first "
                "two equal."
            )
        if min(self.size) <= 2 * EDGE:
            raise SettingError(
                f"size {' '.join(map(str, self.size))}: give at least {2 * EDGE + 1} voxels along "
                f"each axis; SDlogJ leaves out {EDGE} on each side."
            )

    def __str__(self) -> str:
        size, spacing = (" x ".join(f"{n:g}" for n in v) for v in (self.size, self.spacing))
        return f"grid of {size} voxels of {spacing} mm"

    def of(self, frames: Frames) -> Frames:
        """Frames with the grid's voxels, cropped and filled up in plane about their middle.

        Too many slices are cropped as well; too few stay too few, for there is no picture beyond a
        stack that could be registered.
        """
        parts: list[MetaTensor] = []
        for volumes, mode in ((frames.images, "bilinear"), (frames.labels, "nearest")):
            there = Spacing(self.spacing, mode=mode, padding_mode="border")(volumes)
            fit = ResizeWithPadOrCrop([*self.size[:2], min(self.size[2], there.shape[-1])])
            parts.append(fit(there))  # type: ignore[arg-type]
        return replace(frames, images=parts[0], labels=parts[1])


def check_tissues(name: str, labels: np.ndarray, grid: Grid | None = None) -> None:
    """Refuse frames that lack a tissue, which no score could be given for.

    Args:
        name: of the subject, for messages.
        labels: ``(2, X, Y, Z)`` at end-diastole and end-systole, internal coding.
        grid: that they were brought to; None for the file's own.

    Raises:
        InputError: naming the tissues and the phase.
    """
    for phase, label in zip(("end-diastole", "end-systole"), labels, strict=True):
        if lacking := [t for t, code in TISSUES.items() if not (label == code).any()]:
            place = "" if grid is None else f" within the {grid}"
            raise InputError(
                f"{name}: no {' and no '.join(lacking)} labelled at {phase}{place}. The protocol "
                "compares the right ventricle, the wall and the cavity."
            )


def find_frames(folder: Path) -> dict[str, Callable[[], Frames]]:
    """Readers of every subject of a folder, by name.

    Three layouts are known: that of the public release (``patientNNN_frameNN.nii.gz`` and ``_gt``,
    ``patientNNN_4d.nii.gz``, ``Info.cfg``), pairs (``fixed``, ``moving``, each with ``_gt``), and
    study folders as inference takes them (``sa``, ``label_sa_ED``, ``label_sa_ES``).

    Args:
        folder: a subject, or a folder of subjects.

    Raises:
        InputError: if there is none.
    """
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder. Give the folder of the subjects.")
    found: dict[str, Callable[[], Frames]] = {
        name: partial(_of_release, reader) for name, reader in find_acdc(folder).items()
    }
    pairs = [f for f in folders(folder) if first_file(f, "fixed_gt.nii*")]
    found |= {pair.resolve().name: partial(_of_pair, pair) for pair in pairs}
    if not found:
        studies = [s for s in find_studies(folder) if "label_ed" in s and "label_es" in s]
        found = {str(s["name"]): partial(_of_study, s) for s in studies}
    if not found:
        raise InputError(f"{folder}: no subject with labels at end-diastole and end-systole.")
    return found


def _of_release(reader: Callable[[], Source]) -> Frames:
    source = reader()
    affine, _ = repaired_geometry(source.path, source.image)
    cine = values_of(source.path, source.image)
    images = [cine[..., frame] for frame in (source.ed_frame, source.es_frame)]
    labels = [source.label_ed.codes, source.label_es.codes]
    group = str(source.record.get("group", "-"))
    name = str(source.path.parent)
    return _frames(name, images, labels, affine, group=group, layout="release")


def _of_pair(folder: Path) -> Frames:
    """End-diastole is the volume with the larger cavity."""
    found = [_volume(folder, name) for name in ("fixed", "moving")]
    cavity = next(c for c, meaning in ACDC.items() if meaning == CAVITY)
    found.sort(key=lambda one: -int((one[1] == cavity).sum()))
    images, labels, affines = ([one[i] for one in found] for i in range(3))
    return _frames(str(folder), images, labels, affines[0], layout="pair")


def _volume(folder: Path, name: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Voxels, codes and affine of one volume."""
    path, label = first_file(folder, f"{name}.nii*"), first_file(folder, f"{name}_gt.nii*")
    if path is None or label is None:
        raise InputError(f"{folder}: needs {name}.nii.gz and {name}_gt.nii.gz. Add them.")
    image = load_image(path)
    return values_of(path, image), read_labels(label).codes, repaired_geometry(path, image)[0]


def _of_study(study: dict[str, object]) -> Frames:
    cine = read_cine(study)
    assert cine.label_ed is not None and cine.label_es is not None and cine.es_frame is not None
    images = [cine.image[..., frame] for frame in (cine.ed_frame, cine.es_frame)]
    own = {code: code for code in TISSUES.values()}
    labels = [cine.label_ed, cine.label_es]
    about: Any = {"group": group_of(cine), "layout": "study", "coding": own}
    return _frames(cine.name, images, labels, cine.affine, **about)


def _frames(
    name: str,
    images: list[np.ndarray],
    labels: list[np.ndarray],
    affine: np.ndarray,
    *,
    layout: str,
    group: str = "-",
    coding: Mapping[int, int] = ACDC,
) -> Frames:
    """Frames with labels in the internal coding, checked.

    Raises:
        InputError: if shapes differ, or a frame lacks a tissue.
    """
    shapes = {part.shape for part in (*images, *labels)}
    if len(shapes) != 1 or images[0].ndim != 3:
        raise InputError(f"{name}: volumes of shapes {sorted(shapes)}. Give all on one grid.")
    codes = np.zeros((2, *images[0].shape), np.uint8)
    for code, meaning in coding.items():
        codes[np.stack(labels) == code] = meaning
    check_tissues(name, codes)
    volumes = (np.stack(images).astype(np.float32), codes.astype(np.float32))
    made = [MetaTensor(torch.from_numpy(part), affine=torch.from_numpy(affine)) for part in volumes]
    return Frames(images=made[0], labels=made[1], group=group, layout=layout)
