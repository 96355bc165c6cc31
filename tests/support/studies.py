"""Small studies written to disk."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np


def write_study(folder: Path, frames: int = 4, slices: int = 2) -> None:
    """Write ``sa.nii.gz`` and ``label_sa_ED.nii.gz`` of a shrinking ring on a rotated grid."""
    folder.mkdir(parents=True, exist_ok=True)
    x, y = np.meshgrid(np.arange(80) - 38.0, np.arange(72) - 36.0, indexing="ij")
    radius = np.hypot(x * 1.8, y * 1.8)
    image = np.zeros((80, 72, slices, frames), np.float32)
    label = np.zeros((80, 72, slices), np.uint8)
    for z in range(slices):
        for t in range(frames):
            inner = 24 - 2 * z - 2.5 * np.sin(np.pi * t / frames)
            outer = np.sqrt(inner**2 + 480)
            image[:, :, z, t] = np.where(radius < inner, 900, np.where(radius < outer, 250, 500))
        label[..., z] = np.where(radius < 24 - 2 * z, 1, np.where(radius < outer, 2, 0))
    angle = np.deg2rad(25)
    affine = np.eye(4)
    affine[:2, :2] = [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    affine[:3, :3] *= [1.8, 1.8, 8.0]
    affine[:3, 3] = [10, -20, 30]
    nib.save(nib.Nifti1Image(image, affine), folder / "sa.nii.gz")
    nib.save(nib.Nifti1Image(label, affine), folder / "label_sa_ED.nii.gz")
