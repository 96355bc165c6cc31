"""Measuring a tracked study and writing its results, all or nothing."""

from __future__ import annotations

import json
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Transform

from myomotion.analysis import function, quality, strain
from myomotion.analysis.motion import Motion, lps_vectors, tracked_labels
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.study import Study, analyse
from myomotion.files.outputs import PROGRAM, replaced_folder
from myomotion.files.paths import given_path
from myomotion.files.tables import write_table
from myomotion.io.cine import Cine
from myomotion.report.overview import overview_figure
from myomotion.report.page import report_page

STUDY_RESULT = "motion"  # kind of a result folder, see myomotion.files.outputs
NIFTI_INTENT_VECTOR = 1007
OVERVIEW_DPI = 80


class AnalyseMotion(Transform):
    """Set ``study`` to everything measured on a tracked cine (:class:`Study`).

    Args:
        control: judges the motion; None judges it without R_VAE.
        parameters: what the result depends on, noted in ``summary.json``.
    """

    def __init__(
        self,
        control: QualityControl | None = None,
        parameters: Mapping[str, Any] | None = None,
    ) -> None:
        self.control = control
        self.parameters = dict(parameters or {})

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure ``displacement`` and ``inverse`` (where given) on ``slices``."""
        field = torch.as_tensor(data["displacement"]).cpu().float()
        inverse = torch.as_tensor(data["inverse"]).cpu().float() if "inverse" in data else None
        study = analyse(data["slices"], field, inverse, self.control, self.parameters)
        return {**data, "study": study}


class SaveMotion(Transform):
    """Write a folder of results for the study (docs/outputs.md of the bundle).

    Args:
        output_dir: the folder ``output_dir/NAME`` is made or replaced as a whole.
        report: write ``report.html`` as well.
    """

    def __init__(self, output_dir: str | Path, report: bool = True) -> None:
        self.output_dir = given_path(output_dir)
        self.report = report

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write ``study``; adds ``output_folder`` to the item."""
        study: Study = data["study"]
        target = self.output_dir / study.cine.name
        write_study(target, study, self.report)
        return {**data, "output_folder": str(target)}


def write_study(target: Path, study: Study, report: bool = True) -> None:
    """Write everything about a study, all or nothing.

    Args:
        target: folder of the results; an older one is replaced as a whole.
        study: from :func:`~myomotion.analysis.study.analyse`.
        report: write ``report.html`` as well.

    Raises:
        OutputError: see :func:`~myomotion.files.outputs.replaced_folder`.
    """
    with replaced_folder(target, STUDY_RESULT, study.cine.files.values()) as folder:
        write_images(folder, study.cine, study.motion)
        if study.rows:
            write_table(folder / "strain.csv", strain.columns(), study.rows)
        if study.function is not None:
            rows = function.volume_rows(study.function, study.cine)
            write_table(folder / "function.csv", function.VOLUME_COLUMNS, rows)
            rows = function.area_rows(study.function.areas, study.cine)
            write_table(folder / "areas.csv", function.AREA_COLUMNS, rows)
        write_table(folder / "quality.csv", quality.columns(), study.quality.frames)
        overview_figure(study).savefig(
            folder / "motion.png", dpi=OVERVIEW_DPI, metadata={"Software": PROGRAM}
        )
        if report:
            (folder / "report.html").write_text(report_page(study), encoding="utf-8")
        (folder / "summary.json").write_text(json.dumps(study.summary, indent=2))


def write_images(folder: Path, cine: Cine, motion: Motion) -> None:
    """Write fields, warped frames, J and tracked labels as NIfTI on the grid of the cine's file.

    Args:
        folder: an existing folder.
        cine: the study.
        motion: its motion.
    """
    frames = cine.image.shape[3]
    for name, field_at in (
        ("displacement", motion.displacement_at),
        ("inverse", motion.inverse_at),
    ):
        (folder / name).mkdir()
        for t in range(frames):
            vectors = image_of(cine, lps_vectors(field_at(t), cine.itk_affine))
            vectors.header.set_intent(NIFTI_INTENT_VECTOR)
            nib.save(vectors, folder / name / f"frame_{t:03d}.nii.gz")
    for name, map_at in (("warped", motion.warped_at), ("jacobian", motion.jacobian_at)):
        volume = np.empty(cine.image.shape, np.float32)
        for t in range(frames):
            volume[..., t] = map_at(t).transpose(1, 2, 0)
        nib.save(image_of(cine, volume), folder / f"{name}.nii.gz")
    if cine.label_ed is not None:
        nib.save(image_of(cine, tracked_labels(cine, motion)), folder / "labels.nii.gz")


def image_of(cine: Cine, values: np.ndarray) -> nib.Nifti1Image:
    """Values on the grid of a cine as an image on the grid of its file.

    Args:
        cine: the study.
        values: ``(X, Y, Z, ...)``, axes as in memory.

    Returns:
        The image, axes as in the file.
    """
    image = nib.Nifti1Image(cine.storage.to_file(values), cine.forms.sform)
    cine.forms.write(image)
    return image
