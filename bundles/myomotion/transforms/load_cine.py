"""MONAI transforms from a study on disk to what networks see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from myomotion.analysis.grids import check_reach, myocardium_mask, working_grids
from myomotion.core.working_grid import WorkingGrid
from myomotion.errors import InputError
from myomotion.io.cine import Cine, read_cine
from myomotion.io.segmentation import with_ed_label

STUDY_KEYS = ("name", "image", "label_ed", "label_es", "info", "ed_frame", "es_frame")
NORMALISING_PERCENTILE = 99.5


class LoadCined(Transform):
    """Read a study and bring it to the working grid, the reference frame first.

    Sets ``image`` to float32 ``(Z, T, size, size)``: frames rolled so that end-diastole is frame 0
    and divided by that frame's 99.5th percentile, slice by slice; ``mask`` and ``mask_es`` to the
    myocardium at end-diastole and end-systole ``(Z, 1, size, size)``, 0 to 1, zero where there is
    no label; ``es_index`` to the end-systolic frame after rolling, -1 if unknown; ``study`` to a
    JSON text from which the study can be read again. With ``with_truth``, ``truth`` is set to the
    true displacement ``(Z, T, 2, size, size)`` in millimetres where ``truth.npz`` lies beside the
    cine (virtual cines), and to NaN elsewhere.

    Args:
        size: voxels along each axis of the working grid.
        spacing: its voxel size in millimetres.
        label_coding: see :func:`~myomotion.io.cine.read_cine`.
        need_mask: refuse studies without an end-diastolic label (training with a regulariser).
        with_truth: read the true motion of virtual cines as well.
        segmentation_bundle: see :func:`~myomotion.io.segmentation.with_ed_label`.
    """

    def __init__(
        self,
        size: int = 96,
        spacing: float = 1.5,
        label_coding: str = "auto",
        need_mask: bool = False,
        with_truth: bool = False,
        segmentation_bundle: str | None = None,
    ) -> None:
        self.segmentation_bundle = segmentation_bundle
        self.with_truth = with_truth
        self.size = size
        self.spacing = spacing
        self.label_coding = label_coding
        self.need_mask = need_mask

    def __call__(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Read and resample; raises :class:`InputError` for input that cannot be used."""
        study = {k: data[k] for k in STUDY_KEYS if k in data}
        study["label_coding"] = self.label_coding
        study["segmentation_bundle"] = self.segmentation_bundle
        cine = reopen(json.dumps(study))
        if self.need_mask and cine.label_ed is None:
            raise InputError(
                f"{study['image']}: no label_sa_ED.nii.gz beside it. Training with a "
                "regulariser on the myocardium needs an end-diastolic label."
            )
        grids = working_grids(cine, self.size, self.spacing)
        check_reach(cine, grids)
        item = {**data, "study": json.dumps(study)}
        item["image"] = torch.stack([self._frames(cine, z, grid) for z, grid in enumerate(grids)])
        for key, label in (("mask", cine.label_ed), ("mask_es", cine.label_es)):
            item[key] = torch.stack(
                [myocardium_mask(label, z, grid) for z, grid in enumerate(grids)]
            )
        frames = cine.image.shape[3]
        es_frame = cine.es_frame
        item["es_index"] = -1 if es_frame is None else (es_frame - cine.ed_frame) % frames
        if self.with_truth:
            item["truth"] = _truth(cine, grids)
        return item

    @staticmethod
    def _frames(cine: Cine, z: int, grid: WorkingGrid) -> torch.Tensor:
        frames = np.roll(cine.image[:, :, z], -cine.ed_frame, axis=2).transpose(2, 0, 1)
        working = grid.to_working(torch.from_numpy(np.ascontiguousarray(frames))[:, None])[:, 0]
        # Magnitude images are not negative; where a rescaled one is, its dark end becomes zero.
        lowest = torch.quantile(working[0], 1 - NORMALISING_PERCENTILE / 100)
        working = working - lowest.clamp(max=0)
        scale = torch.quantile(working[0], NORMALISING_PERCENTILE / 100)
        if scale <= 0:
            raise InputError(
                f"{cine.files.get('image', cine.name)}: slice {z} is empty around the heart at "
                f"end-diastole (99.5th percentile {float(scale):g}). Remove the slice."
            )
        return working / scale


def _truth(cine: Cine, grids: Sequence[WorkingGrid]) -> torch.Tensor:
    frames, size = cine.image.shape[3], grids[0].size
    path = Path(cine.files["image"]).with_name("truth.npz")
    if not path.is_file():
        return torch.full((len(grids), frames, 2, size, size), torch.nan)
    with np.load(path, allow_pickle=False) as archive:
        field = torch.from_numpy(np.roll(archive["displacement"], -cine.ed_frame, axis=0))
    return torch.stack([grid.to_working(field[:, z]) for z, grid in enumerate(grids)])


def reopen(study: str) -> Cine:
    """Read again the study that :class:`LoadCined` noted.

    Args:
        study: JSON text under ``study``.

    Returns:
        The study on its source grid.
    """
    entry = json.loads(study)
    cine = read_cine(entry, entry.get("label_coding", "auto"))
    return with_ed_label(cine, entry.get("segmentation_bundle"))
