"""Studies that cannot be used, each with what the error says."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np


def save(path: Path, values: np.ndarray) -> None:
    nib.save(nib.Nifti1Image(values, nib.load(path).affine), path)


def image_with(folder: Path, change: str) -> None:
    image = np.asarray(nib.load(folder / "sa.nii.gz").dataobj).copy()
    label = np.asarray(nib.load(folder / "label_sa_ED.nii.gz").dataobj).copy()
    if change == "missing":
        (folder / "sa.nii.gz").rename(folder / "sax.nii.gz")
    elif change == "truncated":
        content = (folder / "sa.nii.gz").read_bytes()
        (folder / "sa.nii.gz").write_bytes(content[: len(content) // 2])
    elif change == "nan":
        image[3, 4, 0, 1] = np.nan
        save(folder / "sa.nii.gz", image)
    elif change == "3-D":
        save(folder / "sa.nii.gz", image[..., 0])
    elif change == "one frame":
        save(folder / "sa.nii.gz", image[..., :1])
    elif change == "constant":
        save(folder / "sa.nii.gz", np.full_like(image, 7))
    elif change == "tiny":
        save(folder / "sa.nii.gz", image[:8, :8])
    elif change == "no myocardium":
        save(folder / "label_sa_ED.nii.gz", np.where(label == 2, 0, 0 * label))
    elif change == "float label":
        save(folder / "label_sa_ED.nii.gz", label * np.float32(0.7))
    elif change == "nan label":
        save(folder / "label_sa_ED.nii.gz", np.where(label == 2, np.nan, label))
    elif change == "unknown code":
        save(folder / "label_sa_ED.nii.gz", np.where(label == 2, 9, label))
    elif change == "label shape":
        save(folder / "label_sa_ED.nii.gz", np.pad(label[:-1], ((0, 0), (1, 0), (0, 0))))
    elif change == "frame index":
        (folder / "info.json").write_text('{"ed_frame": 12}')
    elif change == "broken info":
        (folder / "info.json").write_text("{")


BAD_INPUT = {
    "missing": "no study folder with sa.nii.gz",
    "truncated": r"sa.nii.gz: not a readable NIfTI",
    "nan": "sa.nii.gz: 1 voxels are NaN",
    "3-D": r"sa.nii.gz: expected a 4-D cine .* found 3 dimensions",
    "one frame": "sa.nii.gz: 1 frame. Motion needs at least two",
    "constant": "sa.nii.gz: every voxel is 7",
    "tiny": "sa.nii.gz: slices of 8 x 8 voxels are too small",
    "no myocardium": "label_sa_ED.nii.gz: no voxel is myocardium or cavity.*labels found: 0",
    "float label": "label_sa_ED.nii.gz: labels are not whole numbers",
    "nan label": "label_sa_ED.nii.gz: the label holds NaN",
    "unknown code": r"label_sa_ED.nii.gz: label values \[9\] are not part of the coding",
    "label shape": "label_sa_ED.nii.gz: the label does not lie on the cine's grid",
    "frame index": "sa.nii.gz: ed_frame is 12, but the cine has frames 0 to 3",
    "broken info": "info.json: not readable JSON",
}
