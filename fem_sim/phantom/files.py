"""Write a virtual cine in the same layout as real cines, with its truth beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from fem_sim.files import CINE
from fem_sim.phantom.render import VirtualCine
from myomotion.files.outputs import WRITTEN_BY, replaced_folder
from myomotion.files.tables import json_text

SLICE_SPACING_MM = 25.0


def write_cine(
    folder: Path,
    cine: VirtualCine,
    record: dict[str, Any],
    distance: float = SLICE_SPACING_MM,
) -> None:
    """Write the folder, whole or not at all.

    Files: `sa.nii.gz` int16 (x, y, z, t); `label_sa_ED.nii.gz`, `label_sa_ES.nii.gz` uint8
    (x, y, z), 1 LV cavity, 2 LV myocardium, 3 RV cavity; `truth.npz` with `displacement` float32
    (T, Z, 2, X, Y) in mm along the array axes on the ED grid, `labels` uint8 (T, Z, X, Y) of the
    tissue and `seen`, the same as a reader sees it; `info.json`. The distance of the slices in the
    header, mm, is nominal where none is given.

    Raises:
        OutputError: the folder cannot be written; nothing half-written is left.
    """
    affine = np.diag([cine.spacing, cine.spacing, distance, 1.0])
    info = {
        **WRITTEN_BY,
        "patient": folder.name,
        "ed_frame": 0,
        "es_frame": cine.es_frame,
        "n_frames": cine.images.shape[3],
        "slices": [
            {"level": level, "source_slice_index": z} for z, level in enumerate(cine.levels)
        ],
        "in_plane_spacing_mm": cine.spacing,
        "labels": "internal",
        "label": "1 = LV cavity, 2 = LV myocardium, 3 = RV cavity",
        "truth": "truth.npz: displacement (T, Z, 2, X, Y) in mm, x_t = X + u(X), ED grid",
        **record,
        **cine.record,
    }
    with replaced_folder(folder, CINE) as part:
        _save(part / "sa.nii.gz", cine.images, affine)
        for phase, frame in (("ED", 0), ("ES", cine.es_frame)):
            labels = np.moveaxis(cine.labels[frame], 0, -1)
            _save(part / f"label_sa_{phase}.nii.gz", labels, affine)
        with (part / "truth.npz").open("wb") as stream:
            np.savez_compressed(
                stream, displacement=cine.displacement, labels=cine.labels, seen=cine.seen
            )
        (part / "info.json").write_text(json_text(info, indent=1) + "\n", encoding="utf-8")


def _save(path: Path, data: np.ndarray, affine: np.ndarray) -> None:
    image = nib.Nifti1Image(np.ascontiguousarray(data), affine)
    image.header.set_xyzt_units("mm", "sec")
    image.set_qform(affine, code=1)
    image.set_sform(affine, code=1)
    nib.save(image, path)


def is_finished(folder: Path) -> bool:
    """True when a cine folder is there: it appears only when whole."""
    return (folder / "info.json").is_file() and (folder / "truth.npz").is_file()
