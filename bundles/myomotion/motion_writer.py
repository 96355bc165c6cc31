"""Writing the results of a study, all or nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Transform

from . import __version__
from .cine import Cine
from .cine_transforms import reopen
from .files import replaced_folder
from .motion import Motion, lps_vectors, source_motion, strain_rows
from .motion_picture import save_motion_picture
from .registration_loss import FieldIntegrator

NIFTI_INTENT_VECTOR = 1007


class OutputToDisplacementd(Transform):
    """Integrate the network's output: ``pred`` in voxels to ``displacement`` in millimetres.

    Args:
        integrator: turns output into displacement.
        spacing: voxel size of the working grid in millimetres.
    """

    def __init__(self, integrator: FieldIntegrator, spacing: float = 1.5) -> None:
        self.integrator = integrator
        self.spacing = spacing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Set ``displacement`` ``(Z, T, 2, H, W)`` from ``pred`` of the same shape."""
        output = torch.as_tensor(data["pred"]).float()
        with torch.no_grad():
            field = self.integrator(output.flatten(0, 1)) * self.spacing
        return {**data, "displacement": field.unflatten(0, output.shape[:2])}


class SaveMotiond(Transform):
    """Write a folder of results for the study (names in README, 'What you get').

    Args:
        output_dir: the folder ``output_dir/NAME`` is made or replaced as a whole.
        spacing: voxel size of the working grid in millimetres.
    """

    def __init__(self, output_dir: str | Path, spacing: float = 1.5) -> None:
        self.output_dir = Path(output_dir)
        self.spacing = spacing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write; adds ``output_folder`` to the item."""
        cine = reopen(data["study"])
        field = torch.as_tensor(data["displacement"]).cpu().float()
        motion = source_motion(cine, field, self.spacing)
        target = self.output_dir / cine.name
        with replaced_folder(target) as folder:
            write_motion(folder, cine, motion)
        return {**data, "output_folder": str(target)}


def write_motion(folder: Path, cine: Cine, motion: Motion) -> None:
    """Write the files of one study.

    Args:
        folder: an existing folder.
        cine: the study.
        motion: its motion.
    """
    (folder / "displacement").mkdir()
    for t, field in enumerate(motion.displacement):
        vectors = nib.Nifti1Image(lps_vectors(field, cine.affine), cine.affine)
        vectors.header.set_intent(NIFTI_INTENT_VECTOR)
        vectors.header.set_xyzt_units("mm", "sec")
        nib.save(vectors, folder / "displacement" / f"frame_{t:03d}.nii.gz")
    for name, values in (("warped", motion.warped), ("jacobian", motion.jacobian)):
        volume = np.ascontiguousarray(values.transpose(2, 3, 1, 0), dtype=np.float32)
        nib.save(nib.Nifti1Image(volume, cine.affine), folder / f"{name}.nii.gz")
    rows = strain_rows(cine, motion)
    if rows:
        with (folder / "strain.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(rows[0]))
            writer.writeheader()
            writer.writerows(rows)
    save_motion_picture(folder / "motion.png", cine, motion, rows)
    summary = {
        "name": cine.name,
        "files": cine.files,
        "reference_frame": cine.ed_frame,
        "es_frame": motion.es_frame,
        "es_frame_from": motion.es_found,
        "strain": "Green-Lagrange, percent, reference end-diastole"
        if rows
        else "not computed: no end-diastolic myocardium label",
        "at_end_systole": [row for row in rows if row["frame"] == motion.es_frame],
        "version": __version__,
        "notice": "Research use only.",
    }
    (folder / "summary.json").write_text(json.dumps(summary, indent=2))
