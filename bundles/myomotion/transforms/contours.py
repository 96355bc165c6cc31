"""From a cine to contours of its ventricles: what the bundle of the segmentation does."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from myomotion.analysis.provenance import input_hashes, study_parameters, versions
from myomotion.analysis.segmentation import at_fullest
from myomotion.analysis.summary import NOTICE
from myomotion.analysis.ventricles import (
    UNSURE,
    Drawn,
    VentricleSegmenter,
    drawn_on,
    whole_pictures,
)
from myomotion.core.working_grid import WorkingGrid
from myomotion.errors import InputError
from myomotion.files.outputs import PROGRAM, WRITTEN_BY, replaced_folder
from myomotion.files.paths import given_path
from myomotion.files.tables import json_text
from myomotion.io.cine import Cine, read_cine
from myomotion.report.contours import contour_figure
from myomotion.transforms.save_motion import image_of

RESULT = "contours"  # kind of a result folder, see myomotion.files.outputs
NOTHING = (
    "no left ventricle was found at end-diastole (frame {frame}). Is it a stack of short-axis "
    "slices? Give ed_frame in info.json where another frame is end-diastole."
)


def without_labels(study: Mapping[Any, Any]) -> dict[str, Any]:
    """A study as one sees it who is to draw its labels."""
    return {str(k): v for k, v in study.items() if k not in ("label_ed", "label_es")}


class LoadStack(Transform):
    """Read a cine and show its end-diastolic frame to the network, whole slices.

    Sets ``image`` to float32 ``(Z, size, size)`` on a square grid of the network's voxel size,
    ``cine`` to the study without its labels, and ``grid`` to the grid.

    Args:
        spacing: voxel size in millimetres.
    """

    def __init__(self, spacing: float = 1.5) -> None:
        self.spacing = spacing

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Read; raises :class:`InputError` for what is no cine."""
        cine = read_cine(without_labels(data), still=True)
        volume = cine.image[..., cine.ed_frame]
        grid, pictures = whole_pictures(volume, cine.spacing, self.spacing)
        return {**data, "image": pictures, "cine": cine, "grid": grid}


class DrawContours(Transform):
    """Set ``contours`` to the labels of end-diastole and end-systole.

    They are the frames that the study names, else those with the largest and the smallest cavity
    (the first where it is nearly the largest).

    Args:
        segmenter: draws further frames; None draws end-diastole alone.
    """

    def __init__(self, segmenter: VentricleSegmenter | None = None) -> None:
        self.segmenter = segmenter

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Draw.

        Args:
            data: ``cine`` and ``grid`` from :class:`LoadStack`, and ``pred``
                ``(Z, 5, size, size)`` from :class:`~myomotion.analysis.drawing.looks.TwoLooks`.

        Returns:
            The item with ``contours``: phase to frame of the file and :class:`Drawn`.

        Raises:
            InputError: where no left ventricle is found.
        """
        cine: Cine = data["cine"]
        grid: WorkingGrid = data["grid"]
        drawn = drawn_on(grid, torch.as_tensor(data["pred"]).cpu().float())
        if drawn is None:
            raise InputError(f"{cine.files['image']}: {NOTHING.format(frame=cine.ed_frame)}")
        second = None
        if self.segmenter is not None and cine.image.shape[3] > 1:
            curve = np.empty(0)
            if cine.ed_found != "given" or cine.es_frame is None:
                curve = self.segmenter.cavity_curve(cine.image, drawn, cine.spacing)
            if cine.ed_found != "given" and cine.image.shape[3] > 2:
                cine, drawn = at_fullest(cine, drawn, curve, self.segmenter)
            frame = int(curve.argmin()) if cine.es_frame is None else cine.es_frame
            cine = replace(cine, es_frame=frame)
            second = self.segmenter(
                cine.image[..., frame], cine.spacing, rings=False, center=drawn.center
            )
        contours = {"ED": (cine.ed_frame, drawn)}
        if second is not None and cine.es_frame is not None:
            contours["ES"] = (cine.es_frame, second)
        return {**data, "cine": cine, "contours": contours}


class SaveContours(Transform):
    """Write a folder of contours for the study.

    ``label_sa_ED.nii.gz`` and ``label_sa_ES.nii.gz`` in the internal coding on the cine's own grid,
    as a study folder holds them, ``contours.png`` and ``summary.json``.

    Args:
        output_dir: the folder ``output_dir/NAME`` is made or replaced as a whole.
        parameters: what the result depends on, noted in ``summary.json``.
    """

    def __init__(self, output_dir: str | Path, parameters: Mapping[str, Any] | None = None) -> None:
        self.output_dir = given_path(output_dir)
        self.parameters = dict(parameters or {})

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Write ``contours``; adds ``output_folder`` to the item."""
        cine: Cine = data["cine"]
        contours: dict[str, tuple[int, Drawn]] = data["contours"]
        target = self.output_dir / cine.name
        files = {phase: f"label_sa_{phase}.nii.gz" for phase in contours}
        with replaced_folder(target, RESULT, cine.files.values(), files.values()) as folder:
            for phase, (_, drawn) in contours.items():
                nib.save(image_of(cine, drawn.label), folder / files[phase])
            labels = {phase: (frame, drawn.label) for phase, (frame, drawn) in contours.items()}
            figure = contour_figure(cine, labels)
            figure.savefig(folder / "contours.png", dpi=100, metadata={"Software": PROGRAM})
            summary = contour_summary(cine, contours, study_parameters(self.parameters, data))
            (folder / "summary.json").write_text(json_text(summary, indent=2))
        return {**data, "output_folder": str(target)}


class ServedContours(Transform):
    """Set ``pred`` to the label of end-diastole on the image's own grid, for a server."""

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace ``pred`` by uint8 ``(1, X, Y, Z)``; ``result`` says what the codes mean."""
        cine: Cine = data["cine"]
        drawn: Drawn = data["contours"]["ED"][1]
        label = cine.storage.to_file(drawn.label)[None]
        pred = MetaTensor(torch.from_numpy(np.ascontiguousarray(label)))
        pred.affine = torch.from_numpy(cine.storage.affine)  # labels are written as they lie
        result = {
            "content": "ventricles of reference_frame: 1 LV cavity, 2 LV myocardium, 3 RV cavity",
            "reference_frame": cine.ed_frame,
        }
        return {**data, "pred": pred, "result": result, "result_dtype": "uint8"}


def contour_summary(
    cine: Cine, contours: Mapping[str, tuple[int, Drawn]], parameters: Mapping[str, Any]
) -> dict[str, Any]:
    """Content of ``summary.json``: what was drawn where, and what to look at.

    Args:
        cine: the study.
        contours: from :class:`DrawContours`.
        parameters: what the result depends on.

    Returns:
        JSON object.
    """
    phases = {}
    warnings = list(cine.warnings)
    for phase, (frame, drawn) in contours.items():
        without = [z for z, value in enumerate(drawn.unsure) if np.isnan(value)]
        unsure = [z for z, value in enumerate(drawn.unsure) if value > UNSURE]
        phases[phase] = {
            "frame": frame,
            "unsure_share": [None if np.isnan(v) else round(float(v), 4) for v in drawn.unsure],
            "slices_without_ring": without,
        }
        if unsure:
            named = ", ".join(cine.levels[z] for z in unsure)
            warnings.append(f"{phase}: the network is unsure of {named}. Check these contours.")
    return {
        **WRITTEN_BY,
        "name": cine.name,
        "files": cine.files,
        "input_sha256": input_hashes(cine.files),
        "reference_frame": cine.ed_frame,
        "reference_frame_from": cine.ed_found,
        "es_frame": cine.es_frame,
        "contours": phases,
        "warnings": warnings,
        "parameters": dict(parameters),
        "versions": versions(),
        "notice": NOTICE,
    }
