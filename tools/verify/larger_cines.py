"""A real cine repeated to more slices, frames and voxels, where no cine of a size is at hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from myomotion.files.tables import json_text
from myomotion.io.cine import find_studies, read_cine


def larger_cine(
    study: Mapping[str, object], folder: Path, slices: int, frames: int, side: int | None = None
) -> dict[str, object]:
    """Write a study whose slices repeat those of another, with its end-diastolic label.

    Args:
        study: from :func:`~myomotion.io.cine.find_studies`.
        folder: receives the files.
        slices: of the new cine.
        frames: of the new cine, the nearest of the old one in the cycle.
        side: voxels along both axes, the old ones in the middle; as they are if None.

    Returns:
        The new study.
    """
    cine = read_cine(study)
    depth, count = cine.image.shape[2:]
    z, t = np.arange(slices) % depth, np.arange(frames) * count // frames
    image = _framed(cine.image[:, :, z][..., t], side, "edge")
    folder.mkdir(parents=True)
    _save(folder / "sa.nii.gz", np.rint(image).astype(np.int16), cine.affine)
    if cine.label_ed is not None:
        label = _framed(cine.label_ed[..., z], side, "constant")
        _save(folder / "label_sa_ED.nii.gz", label, cine.affine)
    info = {"ed_frame": int(np.abs(t - cine.ed_frame).argmin()), "labels": "internal"}
    (folder / "info.json").write_text(json_text(info), encoding="utf-8")
    return find_studies(folder)[0]


def _framed(values: np.ndarray, side: int | None, mode: Any) -> np.ndarray:
    """Cut or filled along the first two axes to ``side`` voxels."""
    for axis in (0, 1) if side is not None else ():
        spare = values.shape[axis] - side
        if spare > 0:
            values = values.take(range(spare // 2, spare // 2 + side), axis)
        elif spare < 0:
            widths = [(0, 0)] * values.ndim
            widths[axis] = (-spare // 2, -spare - -spare // 2)
            values = np.pad(values, widths, mode)
    return values


def _save(path: Path, values: np.ndarray, affine: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(values, affine), path)
