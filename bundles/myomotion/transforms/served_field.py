"""The answer of a server that is asked about one image."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Any

import numpy as np
import torch
from monai.data import MetaTensor
from monai.transforms import Transform

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import end_systole, lps_vectors
from myomotion.analysis.study import analyse
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError

#: Of ``summary.json``: what an answer with numbers holds.
NUMBERS = (
    "label_ed_from",
    "es_frame",
    "lv_ef_percent",
    "seen_lv_ef_percent",
    "mean_of_slices_at_end_systole",
    "warnings",
)


class DisplacementOfFrame(Transform):
    """Set ``pred`` to the displacement from end-diastole to one frame, on the image's own grid.

    The frame is what the request calls ``frame``, else end-systole as ``summary.json`` has it;
    frames are counted as in the file. The values are those of ``displacement/frame_TTT.nii.gz``.
    Where the request has ``numbers``, strain and ejection fraction are measured, too.

    Args:
        axes_as_rows: MONAI Label 0.8.5 writes row i of the affine as the direction of axis i,
            where column i belongs; give it an affine that comes out right.
    """

    def __init__(self, axes_as_rows: bool = False) -> None:
        self.axes_as_rows = axes_as_rows

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Replace ``pred``.

        Args:
            data: ``slices`` from :class:`~myomotion.transforms.load_cine.LoadCine`,
                ``displacement`` ``(Z, T, 2, H, W)`` in millimetres, end-diastole first, and
                optionally ``frame`` and ``numbers``, true for :data:`NUMBERS`.

        Returns:
            The item with ``pred``, float32 ``(3, X, Y, Z)`` in LPS millimetres; ``result``, which
            frames it joins; ``result_extension`` and ``result_dtype``, how to write it.

        Raises:
            InputError: for a frame that the cine does not have.
        """
        slices: Slices = data["slices"]
        cine, displacement = slices.cine, torch.as_tensor(data["displacement"]).cpu().float()
        frame = chosen_frame(slices, displacement, data.get("frame"))
        index = (frame - cine.ed_frame) % displacement.shape[1]
        field = torch.stack(
            [
                grid.to_source(part[index : index + 1])[0]
                for grid, part in zip(slices.grids, displacement, strict=True)
            ]
        )
        own = cine.storage.affine
        vectors = cine.storage.to_file(lps_vectors(field.numpy(), cine.affine)[:, :, :, 0])
        vectors = np.moveaxis(vectors, -1, 0)
        affine = rows_as_axes(own) if self.axes_as_rows else own
        pred = MetaTensor(torch.from_numpy(np.ascontiguousarray(vectors)))
        pred.affine = torch.from_numpy(affine).double()
        result = {
            "content": "displacement from reference_frame to frame, LPS millimetres",
            "reference_frame": cine.ed_frame,
            "frame": frame,
        }
        if data.get("numbers"):
            summary = analyse(slices, displacement).summary
            result["numbers"] = {name: summary[name] for name in NUMBERS}
        return {
            **data,
            "pred": pred,
            "result": result,
            "result_extension": ".nrrd",
            "result_dtype": "float32",
        }


def chosen_frame(slices: Slices, displacement: torch.Tensor, wanted: object) -> int:
    """The frame a request is about.

    Args:
        slices: the study on its working grids.
        displacement: ``(Z, T, 2, H, W)`` in millimetres, end-diastole first.
        wanted: frame of the file, or None.

    Returns:
        Frame of the file: ``wanted``, else end-systole
        (:func:`~myomotion.analysis.motion.end_systole`).

    Raises:
        InputError: for a frame that the cine does not have.
    """
    cine, frames = slices.cine, displacement.shape[1]
    if wanted is None:
        return end_systole(slices, displacement)[0]
    whole = isinstance(wanted, int) and not isinstance(wanted, bool)
    if not (whole and 0 <= wanted < frames):  # type: ignore[operator]
        raise InputError(
            f"{cine.files.get('image', cine.name)}: frame is {wanted!r}, but the cine has "
            f"frames 0 to {frames - 1}."
        )
    return int(wanted)  # type: ignore[call-overload]


def rows_as_axes(affine: np.ndarray) -> np.ndarray:
    """The RAS affine whose LPS rows are the LPS columns of ``affine``, with the same origin.

    Args:
        affine: ``(4, 4)``, voxel index to RAS millimetres.

    Returns:
        ``(4, 4)``; its own inverse operation.
    """
    swapped = np.array(affine, dtype=float)
    swapped[:3, :3] = LPS_FROM_RAS @ (LPS_FROM_RAS @ swapped[:3, :3]).T
    return swapped
