"""Writing the results of a study, all or nothing."""

from __future__ import annotations

import csv
import json
from collections.abc import Hashable, Mapping, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Transform

from myomotion.analysis import quality
from myomotion.analysis import strain as strain_table
from myomotion.analysis.motion import (
    Motion,
    lps_vectors,
    source_motion,
    tracked_labels,
)
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.strain import slice_regions, strain_rows
from myomotion.analysis.summary import study_summary
from myomotion.files import replaced_folder
from myomotion.io.cine import Cine
from myomotion.report.motion_picture import save_motion_picture
from myomotion.report.page import report_page
from myomotion.transforms.load_cine import reopen

NIFTI_INTENT_VECTOR = 1007


class SaveMotiond(Transform):
    """Write a folder of results for the study (names in README, 'What you get').

    Args:
        output_dir: the folder ``output_dir/NAME`` is made or replaced as a whole.
        spacing: voxel size of the working grid in millimetres.
        report: write ``report.html`` as well.
        control: judges the motion; None judges it without R_VAE.
        parameters: what the result depends on, noted in ``summary.json``.
    """

    def __init__(
        self,
        output_dir: str | Path,
        spacing: float = 1.5,
        report: bool = True,
        control: QualityControl | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.output_dir = Path(output_dir)
        self.spacing = spacing
        self.report = report
        self.control = control or QualityControl()
        self.parameters = dict(parameters or {})

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write; adds ``output_folder`` to the item."""
        cine = reopen(data["study"])
        field = torch.as_tensor(data["displacement"]).cpu().float()
        inverse = torch.as_tensor(data["inverse"]).cpu().float() if "inverse" in data else None
        motion = source_motion(cine, field, self.spacing, inverse)
        target = self.output_dir / cine.name
        with replaced_folder(target) as folder:
            self._write(folder, cine, motion)
        return {**data, "output_folder": str(target)}

    def _write(self, folder: Path, cine: Cine, motion: Motion) -> None:
        regions = slice_regions(cine, motion)
        judged = self.control(cine, motion, regions)
        rows = strain_rows(cine, motion, regions, judged.plausibility())
        missing = self.control.warnings if rows else []
        summary = study_summary(
            cine, motion, regions, rows, judged, self.parameters, warnings=missing
        )
        write_images(folder, cine, motion)
        if rows:
            write_table(folder / "strain.csv", strain_table.COLUMNS, rows)
        write_table(folder / "quality.csv", quality.COLUMNS, judged.frames)
        whole = [row for row in rows if row["segment"] == 0]
        save_motion_picture(folder / "motion.png", cine, motion, whole)
        if self.report:
            page = report_page(cine, motion, regions, rows, judged, summary)
            (folder / "report.html").write_text(page, encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(summary, indent=2))


def write_images(folder: Path, cine: Cine, motion: Motion) -> None:
    """Write fields, warped frames, J and tracked labels as NIfTI.

    Args:
        folder: an existing folder.
        cine: the study.
        motion: its motion.
    """
    for name, fields in (("displacement", motion.displacement), ("inverse", motion.inverse)):
        (folder / name).mkdir()
        for t, field in enumerate(fields):
            vectors = nib.Nifti1Image(lps_vectors(field, cine.affine), cine.affine)
            vectors.header.set_intent(NIFTI_INTENT_VECTOR)
            vectors.header.set_xyzt_units("mm", "sec")
            nib.save(vectors, folder / name / f"frame_{t:03d}.nii.gz")
    for name, values in (("warped", motion.warped), ("jacobian", motion.jacobian)):
        volume = np.ascontiguousarray(values.transpose(2, 3, 1, 0), dtype=np.float32)
        nib.save(nib.Nifti1Image(volume, cine.affine), folder / f"{name}.nii.gz")
    if cine.label_ed is not None:
        labels = nib.Nifti1Image(tracked_labels(cine, motion), cine.affine)
        nib.save(labels, folder / "labels.nii.gz")


def write_table(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, Any]]) -> None:
    """Write rows as comma-separated values; None becomes an empty field.

    Args:
        path: file to write.
        columns: names and order of the columns.
        rows: the values.
    """
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(columns))
        writer.writeheader()
        writer.writerows(rows)
