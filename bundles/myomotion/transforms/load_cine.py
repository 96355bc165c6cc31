"""From a study on disk to what networks see."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Transform

from myomotion.analysis.drawing.closed import kept_open
from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.intensity import intensities
from myomotion.analysis.segmentation import Contours
from myomotion.analysis.ventricles import TissueShares
from myomotion.errors import InputError, SettingError
from myomotion.io.cine import read_cine
from myomotion.io.labels import MYOCARDIUM

#: Of cavity, wall and right ventricle in drawn frames, on the scale of :func:`normalised`.
BRIGHTNESS = (0.9, 0.25, 0.9)


class LoadCine(Transform):
    """Read a study and bring it to the working grid, the reference frame first.

    Sets ``image`` to float32 ``(Z, T, size, size)``: frames with end-diastole first, scaled
    by that frame's intensities about the heart
    (:func:`~myomotion.analysis.intensity.intensities`), slice by slice; ``mask`` and ``mask_es`` to
    the myocardium at end-diastole and end-systole ``(Z, 1, size, size)``, 0 to 1, zero where there
    is no label; ``es_index`` to the end-systolic frame counted from end-diastole, -1 if unknown;
    ``source`` to the file or folder of the cine; and ``slices`` to the study itself on its working
    grids (:class:`~myomotion.analysis.grids.Slices`), from which results are made. With
    ``with_truth``, ``truth`` is set to the true displacement ``(Z, T, 2, size, size)`` in
    millimetres where ``truth.npz`` lies beside the cine (virtual cines), and to NaN elsewhere.
    Where tissues are looked for, ``drawn`` is set to the frames with those tissues drawn in
    (:func:`drawn`); with a ``guide``, ``plain`` to the frames as they are, and ``image`` lies
    between the two.

    Args:
        size: voxels along each axis of the working grid.
        spacing: its voxel size in millimetres.
        label_coding: see :func:`~myomotion.io.cine.read_cine`.
        need_mask: refuse studies without a labelled myocardium at end-diastole (training with a
            regulariser).
        with_truth: read the true motion of virtual cines as well.
        contours: where the end-diastolic label comes from; the study's own by default.
        tissues: looks at every frame for the tissues in it; None leaves that out.
        guide: share of ``drawn`` in ``image``, 0 to 1, the rest is ``plain``; of no effect where no
            tissues are known.
        tensors_only: leave ``slices`` out, so that a training keeps the working grids only.
    """

    def __init__(
        self,
        size: int = 96,
        spacing: float = 1.5,
        label_coding: str = "auto",
        need_mask: bool = False,
        with_truth: bool = False,
        contours: Contours | None = None,
        tissues: TissueShares | None = None,
        guide: float = 0.0,
        tensors_only: bool = False,
    ) -> None:
        self.size = size
        self.spacing = spacing
        self.label_coding = label_coding
        self.need_mask = need_mask
        self.with_truth = with_truth
        self.contours = contours or Contours()
        self.tissues = tissues
        self.guide = check_guide(guide)
        self.tensors_only = tensors_only

    def __call__(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Read and resample; raises :class:`InputError` for input that cannot be used.

        ``label`` stands for ``label_ed``: a server calls so what is sent along with a request.
        """
        study = {"label_ed": data["label"], **data} if data.get("label") else data
        cine = self.contours(read_cine(study, self.label_coding))
        if self.need_mask and (cine.label_ed is None or not (cine.label_ed == MYOCARDIUM).any()):
            lacks = (
                f"{data['image']}: no label_sa_ED.nii.gz beside it"
                if cine.label_ed is None
                else f"{cine.files['label_ed']}: no myocardium in it, the cavity alone"
            )
            raise InputError(
                f"{lacks}. Training with a regulariser on the myocardium needs an end-diastolic "
                "label of it."
            )
        slices = working_slices(cine, self.size, self.spacing)
        if self.tissues is not None:
            slices = replace(slices, tissues=self.tissues(slices))
        es_frame, frames = cine.es_frame, cine.image.shape[3]
        item = {
            **data,
            "source": str(data["image"]),
            **network_frames(slices, self.guide),
            "mask": slices.soft[MYOCARDIUM][:, None],
            "mask_es": slices.soft_es[MYOCARDIUM][:, None],
            "es_index": -1 if es_frame is None else (es_frame - cine.ed_frame) % frames,
        }
        if self.with_truth:
            item["truth"] = _truth(slices)
        return item if self.tensors_only else {**item, "slices": slices}


def network_frames(slices: Slices, guide: float) -> dict[str, torch.Tensor]:
    """What a registration network is shown of a study.

    Args:
        slices: the study, with its tissues where they are known.
        guide: share of the drawn frames.

    Returns:
        ``image``, ``drawn`` and ``plain``, see :class:`LoadCine`, each ``(Z, T, size, size)``.

    Raises:
        InputError: if a slice is empty.
    """
    plain = normalised(slices)
    if slices.tissues is None:
        return {"image": plain}
    frames = {"image": plain, "drawn": drawn(plain, kept_open(slices.tissues))}
    if guide:
        frames |= {"image": torch.lerp(plain, frames["drawn"], guide), "plain": plain}
    return frames


def normalised(slices: Slices) -> torch.Tensor:
    """Frames from 0 (no signal) to 1 (the bright end about the heart at end-diastole), and above.

    Args:
        slices: the study.

    Returns:
        ``(Z, T, size, size)``.

    Raises:
        InputError: if a slice is empty.
    """
    return torch.stack(
        [intensities(slices, z).scaled(frames) for z, frames in enumerate(slices.images)]
    )


def drawn(image: torch.Tensor, tissues: torch.Tensor) -> torch.Tensor:
    """Frames with the tissues drawn in that a network sees, each in one brightness.

    Papillary muscles, trabeculae, flow and noise are gone from them, and the wall ends where
    readers of such pictures would draw it, in every frame by the same rule.

    Args:
        image: frames ``(Z, T, H, W)``, 0 to 1.
        tissues: shares of cavity, wall and right ventricle ``(Z, T, 3, H, W)``, 0 to 1.

    Returns:
        As ``image``; where no tissue is seen it stays as it is.
    """
    shares = tissues.to(image)
    levels = shares.new_tensor(BRIGHTNESS)[:, None, None]
    return image * (1 - shares.sum(2)) + (levels * shares).sum(2)


def check_guide(guide: float) -> float:
    """A share of the drawn frames, refused if it is none.

    Raises:
        SettingError: if it is no number from 0 to 1.
    """
    number = isinstance(guide, int | float) and not isinstance(guide, bool)
    if not number or not 0 <= guide <= 1:
        raise SettingError(f"guide: {guide!r} is no share. Give 0 (plain frames) to 1.")
    return guide


def _truth(slices: Slices) -> torch.Tensor:
    path = Path(slices.cine.files["image"]).with_name("truth.npz")
    if not path.is_file():
        return torch.full((*slices.images.shape[:2], 2, *slices.images.shape[2:]), torch.nan)
    with np.load(path, allow_pickle=False) as archive:
        cine = slices.cine
        truth = cine.storage.vectors_to_memory(archive["displacement"])
        field = torch.from_numpy(cine.from_ed(truth, axis=0))
    return torch.stack([grid.to_working(field[:, z]) for z, grid in enumerate(slices.grids)])
