"""Measuring a tracked study and writing its results, all or nothing."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.transforms import Transform

from myomotion.analysis.drawing.over_time import contour_labels
from myomotion.analysis.intervals.calibration import Calibration
from myomotion.analysis.motion import lps_vectors
from myomotion.analysis.provenance import study_parameters
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.study import Study, analyse
from myomotion.analysis.tables.study import study_tables
from myomotion.core.frames_together import workers
from myomotion.files.nifti_writer import NiftiWriter
from myomotion.files.outputs import PROGRAM, replaced_folder
from myomotion.files.paths import given_path
from myomotion.files.tables import json_text, write_table
from myomotion.io.cine import Cine
from myomotion.report.dicom.write import WriteDicom
from myomotion.report.overview import overview_figure
from myomotion.report.page import report_page
from myomotion.transforms.save_volume import wall_displacement, write_volume

STUDY_RESULT = "motion"  # kind of a result folder, see myomotion.files.outputs
LABEL_ED = "label_sa_ED.nii.gz"  # where the network has drawn it
NIFTI_INTENT_VECTOR = 1007
OVERVIEW_DPI = 80
PNG_LEVEL = 1  # a file of a fifth more in half the time


class AnalyseMotion(Transform):
    """Set ``study`` to everything measured on a tracked cine (:class:`Study`).

    Args:
        control: judges the motion; None judges it without R_VAE.
        parameters: what the result depends on, noted in ``summary.json``.
        calibration: makes intervals of ``repeats``; None for none.
        volume: lift the slices' motion into space.
    """

    def __init__(
        self,
        control: QualityControl | None = None,
        parameters: Mapping[str, Any] | None = None,
        calibration: Calibration | None = None,
        volume: bool = False,
    ) -> None:
        self.control = control
        self.parameters = dict(parameters or {})
        self.calibration = calibration
        self.volume = volume

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Measure ``displacement``, and ``inverse`` and ``repeats`` where given, on ``slices``."""
        field = torch.as_tensor(data["displacement"]).cpu().float()
        inverse = torch.as_tensor(data["inverse"]).cpu().float() if "inverse" in data else None
        study = analyse(
            data["slices"],
            field,
            inverse,
            self.control,
            study_parameters(self.parameters, data),
            repeats=data.get("repeats"),
            calibration=self.calibration,
            volume=self.volume,
        )
        return {**data, "study": study}


class SaveMotion(Transform):
    """Write a folder of results for the study (docs/outputs.md of the bundle).

    Args:
        output_dir: the folder ``output_dir/NAME`` is made or replaced as a whole.
        report: write ``report.html`` as well.
        dicom: from :func:`~myomotion.report.dicom.write.load_dicom_writer`; None writes no DICOM.
    """

    def __init__(
        self, output_dir: str | Path, report: bool = True, dicom: WriteDicom | None = None
    ) -> None:
        self.output_dir = given_path(output_dir)
        self.report = report
        self.dicom = dicom

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write ``study``; adds ``output_folder`` to the item."""
        study: Study = data["study"]
        target = self.output_dir / study.cine.name
        write_study(target, study, self.report, self.dicom)
        return {**data, "output_folder": str(target)}


def write_study(
    target: Path, study: Study, report: bool = True, dicom: WriteDicom | None = None
) -> None:
    """Write everything about a study, all or nothing.

    Args:
        target: folder of the results; an older one is replaced as a whole.
        study: from :func:`~myomotion.analysis.study.analyse`.
        report: write ``report.html`` as well.
        dicom: writes DICOM objects.

    Raises:
        OutputError: see :func:`~myomotion.files.outputs.replaced_folder`.
    """
    inputs = study.cine.files.values()
    with (
        replaced_folder(target, STUDY_RESULT, inputs, [LABEL_ED]) as folder,
        NiftiWriter() as writer,
    ):

        def images() -> None:
            write_images(folder, study, writer)
            if study.volume is not None:
                write_volume(folder, study.volume, study.cine)
                in_space = wall_displacement(study.volume, study.cine)
                write_vectors(folder / "volume" / "displacement", study.cine, in_space, writer)

        # Drawing is Python's work, images are made and compressed meanwhile.
        with workers() as run:
            _, page = run(
                lambda write: write(), (images, lambda: _write_pages(folder, study, report))
            )
        if dicom is not None:
            dicom(folder, study, page)
        (folder / "summary.json").write_text(json_text(study.summary, indent=2))


def _write_pages(folder: Path, study: Study, report: bool) -> str | None:
    """Write tables, the overview and the report, which is returned."""
    for name, (columns, rows) in study_tables(study).items():
        write_table(folder / f"{name}.csv", columns, rows)
    overview_figure(study).savefig(
        folder / "motion.png",
        dpi=OVERVIEW_DPI,
        metadata={"Software": PROGRAM},
        pil_kwargs={"compress_level": PNG_LEVEL},
    )
    if not report:
        return None
    page = report_page(study)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return page


def write_images(folder: Path, study: Study, writer: NiftiWriter) -> None:
    """Write fields, warped frames, J and contours as NIfTI on the grid of the cine's file.

    Args:
        folder: an existing folder.
        study: what was measured.
        writer: writes the files.
    """
    cine, motion = study.cine, study.motion
    maps = [motion.on_window(z) for z in range(cine.image.shape[2])]
    volume = np.array(cine.image, order="F")
    for z, part in enumerate(maps):
        volume[:, :, z][part.window] = part.warped.transpose(1, 2, 0)
    writer.write(image_of(cine, volume), folder / "warped.nii.gz")
    volume[:] = 1
    for z, part in enumerate(maps):
        volume[:, :, z][part.window] = part.jacobian.transpose(1, 2, 0)
    writer.write(image_of(cine, volume), folder / "jacobian.nii.gz")
    del volume
    if cine.label_ed is not None:
        labels = contour_labels(cine, maps, study.contours)
        writer.write(image_of(cine, labels), folder / "labels.nii.gz")
        if cine.label_drawn:  # to be corrected, and given back under this name
            writer.write(image_of(cine, cine.label_ed), folder / LABEL_ED)
    for name, fields in (
        ("displacement", [part.displacement for part in maps]),
        ("inverse", [part.inverse for part in maps]),
    ):
        (folder / name).mkdir()
        vectors = [lps_vectors(field, cine.itk_affine) for field in fields]
        header = None  # of the first frame, made once: forms take longer than a copy
        for t in range(cine.image.shape[3]):
            whole = np.zeros((*cine.image.shape[:3], 1, 3), np.float32, order="F")
            for z, part in enumerate(maps):
                whole[(*part.window, z)] = vectors[z][:, :, t]
            image = image_of(cine, whole, header)
            header = image.header
            header.set_intent(NIFTI_INTENT_VECTOR)
            writer.write(image, folder / name / f"frame_{t:03d}.nii.gz", sparse=True)


def write_vectors(folder: Path, cine: Cine, field: np.ndarray, writer: NiftiWriter) -> None:
    """Write vectors of every frame as ``frame_TTT.nii.gz``.

    Args:
        folder: to make.
        cine: the study.
        field: ``(T, X, Y, Z, 3)`` in LPS mm.
        writer: writes the files.
    """
    folder.mkdir()
    for t, vectors in enumerate(field):
        image = image_of(cine, np.asfortranarray(vectors[:, :, :, None]))
        image.header.set_intent(NIFTI_INTENT_VECTOR)
        writer.write(image, folder / f"frame_{t:03d}.nii.gz", sparse=True)


def image_of(
    cine: Cine, values: np.ndarray, header: nib.Nifti1Header | None = None
) -> nib.Nifti1Image:
    """Values on the grid of a cine as an image on the grid of its file.

    Args:
        cine: the study.
        values: ``(X, Y, Z, ...)``, axes as in memory.
        header: of an earlier image of the cine, of the same shape and type, to be copied.

    Returns:
        The image, axes as in the file.
    """
    if header is not None:
        return nib.Nifti1Image(cine.storage.to_file(values), None, header)
    image = nib.Nifti1Image(cine.storage.to_file(values), cine.forms.sform)
    cine.forms.write(image)
    return image
