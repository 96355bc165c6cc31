"""A drawn heart whose motion is known: a textured ring with a right ventricle that contracts."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np

SPACING = (1.8, 1.8, 8.0)
TILT = 0.4  # of the slices about two axes, radians


def draw_study(folder: Path, frames: int = 10, slices: int = 3, size: int = 80) -> None:
    """Write ``sa.nii.gz`` and ``label_sa_ED.nii.gz`` (internal coding), end-diastole first.

    Args:
        folder: to make.
        frames: of one cycle.
        slices: each narrower than the last.
        size: voxels along the first axis; eight less along the second unless it is 96.
    """
    folder.mkdir(parents=True, exist_ok=True)
    shape = (size, size if size == 96 else size - 8)
    x, y = np.indices(shape) - np.array(shape)[:, None, None] / 2
    x, y = x + 2, y
    radius, angle = np.hypot(x, y) * SPACING[0], np.arctan2(y, -x)
    texture = 60 * np.sin(6 * angle + 0.7) + 40 * np.sin(x / 2.1) * np.cos(y / 2.7)
    image = np.zeros((*shape, slices, frames), np.int16)
    label = np.zeros((*shape, slices), np.uint8)
    for z in range(slices):
        for t in range(frames):
            beat = np.sin(np.pi * t / frames)
            inner = 24 - 2 * z - 7 * beat
            outer = np.sqrt(inner**2 + 480 + 80 * beat)
            right = (radius > outer) & (radius < outer + 22) & (np.abs(angle) < 0.9)
            parts = np.select([radius < inner, radius < outer, right], [1, 2, 3], 0)
            tissue = np.stack([450 + texture, 0 * x + 900, 250 + texture / 2, 0 * x + 850])
            image[:, :, z, t] = np.take_along_axis(tissue, parts[None], 0)[0]
            if t == 0:
                label[..., z] = parts
    affine = oblique()
    nib.save(nib.Nifti1Image(image, affine), folder / "sa.nii.gz")
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ED.nii.gz")


def oblique() -> np.ndarray:
    """``(4, 4)``: slices that lie obliquely in the body."""
    c, s = np.cos(TILT), np.sin(TILT)
    affine = np.eye(4)
    affine[:3, :3] = np.array([[c, -0.8 * s, -0.6 * s], [s, 0.8 * c, 0.6 * c], [0, -0.6, 0.8]])
    affine[:3, :3] *= SPACING
    affine[:3, 3] = [10, -20, 30]
    return affine


def along_the_scanner() -> np.ndarray:
    """``(4, 4)``: slices along the axes of the scanner."""
    affine = np.diag([-SPACING[0], -SPACING[1], SPACING[2], 1.0])
    affine[:3, 3] = [60, 60, -20]
    return affine


def rounded() -> np.ndarray:
    """``(4, 4)``: oblique, the directions written with three digits."""
    affine = oblique()
    affine[:3, :3] = np.round(affine[:3, :3] / SPACING, 3) * SPACING
    return affine


def skewed() -> np.ndarray:
    """``(4, 4)``: oblique, each slice shifted against the one before."""
    affine = oblique()
    affine[:3, 2] += 0.8 * affine[:3, 0] / SPACING[0]
    affine[:3, 2] *= SPACING[2] / np.linalg.norm(affine[:3, 2])
    return affine
