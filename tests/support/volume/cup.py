"""A small stack of rings as a study on disk, and its motion."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import nibabel as nib
import numpy as np
import torch

from myomotion.analysis.study import Study, analyse
from myomotion.core.stack_order import TOWARDS_APEX
from myomotion.io.cine import find_studies
from myomotion.transforms.load_cine import LoadCine

RADII = (13.0, 17.0, 20.0, 22.0, 22.0)  # of the cavity from apex to base, mm
WALL, SPACING, SIZE, FRAMES = 9.0, 1.5, 72, 3
SHRINK = -0.1


def cup(
    folder: Path,
    *,
    distance: float = 10.0,
    slices: int = 5,
    shifted: int | None = None,
    radii: Sequence[float] = RADII,
    affine: np.ndarray | None = None,
    unlabelled: Sequence[int] = (),
) -> Path:
    """A study of rings, end-diastole first; along the scanner's axes without an affine."""
    folder.mkdir(parents=True)
    axis = np.arange(SIZE) * SPACING
    x, y = np.meshgrid(axis, axis, indexing="ij")
    middle = (SIZE - 1) / 2 * SPACING
    label = np.zeros((SIZE, SIZE, slices), np.uint8)
    for z, radius in enumerate(radii[:slices]):
        way = np.hypot(x - middle - (9.0 if z == shifted else 0.0), y - middle)
        label[way < radius + WALL, z] = 2
        label[way < radius, z] = 1
    image = np.choose(label, (60, 200, 90)).astype(np.int16)
    noise = np.random.default_rng(0).integers(0, 9, (*image.shape, FRAMES))
    affine = np.diag([SPACING, SPACING, distance, 1.0]) if affine is None else affine
    nib.save(
        nib.Nifti1Image((image[..., None] + noise).astype(np.int16), affine), folder / "sa.nii.gz"
    )
    label[..., list(unlabelled)] = 0
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ED.nii.gz")
    (folder / "info.json").write_text(
        json.dumps({"ed_frame": 0, "es_frame": 1, "labels": "internal"})
    )
    return folder


def lying(distance: float = 10.0) -> np.ndarray:
    """Affine of slices from apex to base as they lie in a body, RAS."""
    towards_base = -TOWARDS_APEX / np.linalg.norm(TOWARDS_APEX)
    first = np.cross(towards_base, [0.0, 0.0, 1.0])
    first /= np.linalg.norm(first)
    affine = np.eye(4)
    affine[:3, 0], affine[:3, 1] = SPACING * first, SPACING * np.cross(towards_base, first)
    affine[:3, 2] = distance * towards_base
    return affine


def tracked(folder: Path, volume: bool = True) -> Study:
    """The study with a motion that draws every ring together."""
    item = LoadCine()(find_studies(folder)[0])
    depth, frames, size = item["image"].shape[:3]
    axis = torch.arange(float(size)) - (size - 1) / 2
    field = SHRINK * 1.5 * torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    share = torch.sin(torch.pi * torch.arange(frames) / frames)[:, None, None, None]
    motion = (share * field)[None].expand(depth, -1, -1, -1, -1)
    return analyse(item["slices"], motion.contiguous(), volume=volume)
