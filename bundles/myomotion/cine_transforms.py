"""MONAI transforms from a study on disk to what networks see."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from monai.transforms import Randomizable, Transform
from scipy import ndimage

from .cine import CAVITY, MYOCARDIUM, Cine, read_cine
from .errors import InputError
from .segmentation import labelled
from .working_grid import WorkingGrid

STUDY_KEYS = ("name", "image", "label_ed", "label_es", "info", "ed_frame", "es_frame")
NORMALISING_PERCENTILE = 99.5
MOVING_SHARE = 98.0  # percentile of temporal deviation above which a voxel counts as heart


def working_grids(cine: Cine, size: int = 96, spacing: float = 1.5) -> list[WorkingGrid]:
    """One working grid a slice, centred on the left ventricle.

    The centre is the centroid of the labelled ventricle (cavity and myocardium) at end-diastole;
    without a label, that of the voxels whose intensity varies most over the cycle, all slices taken
    together.

    Args:
        cine: the study.
        size: voxels along each axis.
        spacing: voxel size in millimetres.

    Returns:
        A grid for each slice.
    """
    depth = cine.image.shape[2]
    common: Sequence[float] = _moving_center(cine.image)
    ventricle = None
    if cine.label_ed is not None:
        ventricle = np.isin(cine.label_ed, (CAVITY, MYOCARDIUM))
        where = np.argwhere(ventricle.any(2))
        common = tuple(float(c) for c in where.mean(0))
    grids = []
    for z in range(depth):
        center = common
        if ventricle is not None and ventricle[..., z].any():
            center = tuple(float(c) for c in ndimage.center_of_mass(ventricle[..., z]))
        grids.append(
            WorkingGrid(
                source_size=(cine.image.shape[0], cine.image.shape[1]),
                source_spacing=cine.spacing,
                center=(center[0], center[1]),
                size=size,
                spacing=spacing,
            )
        )
    return grids


def check_reach(cine: Cine, grids: Sequence[WorkingGrid]) -> None:
    """Refuse a labelled ventricle that does not fit on the working grid.

    Args:
        cine: the study.
        grids: from :func:`working_grids`.

    Raises:
        InputError: naming the label, how far it reaches and the size that is needed.
    """
    if cine.label_ed is None:
        return
    for z, grid in enumerate(grids):
        where = np.argwhere(np.isin(cine.label_ed[..., z], (CAVITY, MYOCARDIUM)))
        if not len(where):
            continue
        reach = float((np.abs(where - grid.center) * grid.source_spacing).max())
        if reach > (grid.size - 1) / 2 * grid.spacing:
            needed = 16 * int(np.ceil((2 * reach / grid.spacing + 1) / 16))
            raise InputError(
                f"{cine.files.get('label_ed', cine.name)}: the ventricle reaches {reach:.0f} mm "
                f"from its middle in slice {z}; the working grid of {grid.size} voxels of "
                f"{grid.spacing:g} mm ends at {(grid.size - 1) / 2 * grid.spacing:.0f} mm. Correct "
                f"the label or the voxel size, or set size to {needed}."
            )


def _moving_center(image: np.ndarray) -> tuple[float, float]:
    deviation = image.std(axis=3).max(axis=2)
    deviation = np.where(deviation >= np.percentile(deviation, MOVING_SHARE), deviation, 0.0)
    center = ndimage.center_of_mass(deviation)
    return float(center[0]), float(center[1])


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
        label_coding: see :func:`~myomotion.cine.read_cine`.
        need_mask: refuse studies without an end-diastolic label (training with a regulariser).
        with_truth: read the true motion of virtual cines as well.
        segmentation_bundle: see :func:`~myomotion.segmentation.labelled`.
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


def myocardium_mask(label: np.ndarray | None, z: int, grid: WorkingGrid) -> torch.Tensor:
    """Myocardium of a slice on the working grid, soft at its border; zero without a label.

    Args:
        label: ``(X, Y, Z)`` in the internal coding, or None.
        z: slice.
        grid: working grid of the slice.

    Returns:
        ``(1, size, size)``, 0 to 1.
    """
    if label is None:
        return torch.zeros(1, grid.size, grid.size)
    wall = torch.from_numpy((label[..., z] == MYOCARDIUM).astype(np.float32))
    return grid.to_working(wall[None, None])[0]


def reopen(study: str) -> Cine:
    """Read again the study that :class:`LoadCined` noted.

    Args:
        study: JSON text under ``study``.

    Returns:
        The study on its source grid.
    """
    entry = json.loads(study)
    cine = read_cine(entry, entry.get("label_coding", "auto"))
    return labelled(cine, entry.get("segmentation_bundle"))


def pair(item: Mapping[Any, Any], z: int, t: int) -> dict[str, Any]:
    """Network input of one slice and frame.

    Args:
        item: from :class:`LoadCined`.
        z: slice.
        t: frame after rolling.

    Returns:
        ``image`` ``(2, H, W)`` (moving, reference), ``mask`` ``(1, H, W)``, ``mask_moving``
        ``(1, H, W)``, zero where the moving frame has no label (it is not end-systole), and
        ``truth`` ``(2, H, W)`` where the item has it.
    """
    frames, moving = item["image"][z], item["mask_es"][z]
    truth = {"truth": item["truth"][z, t]} if "truth" in item else {}
    return {
        "image": torch.stack([frames[t], frames[0]]),
        "mask": item["mask"][z],
        "mask_moving": moving if t == item["es_index"] else torch.zeros_like(moving),
        **truth,
    }


class RandFramePairsd(Randomizable, Transform):
    """Draw pairs of a random frame and end-diastole from slices that show myocardium.

    Args:
        num: pairs to draw from a study.
        labelled_share: probability that the frame is end-systole, where that is known; for losses
            that use its label.
    """

    def __init__(self, num: int, labelled_share: float = 0.0) -> None:
        self.num = num
        self.labelled_share = labelled_share

    def __call__(self, data: Mapping[Any, Any]) -> list[dict[str, Any]]:
        """Return ``num`` pairs, see :func:`pair`."""
        slices = slices_with_heart(data)
        return [
            pair(data, slices[self.R.randint(len(slices))], self._frame(data))
            for _ in range(self.num)
        ]

    def _frame(self, data: Mapping[Any, Any]) -> int:
        systole = int(data["es_index"])
        if self.labelled_share and systole > 0 and self.R.random_sample() < self.labelled_share:
            return systole
        return int(self.R.randint(1, data["image"].shape[1]))


class EndSystolicPairsd(Transform):
    """The fixed validation pairs: end-systole to end-diastole, one a slice with myocardium."""

    def __call__(self, data: Mapping[Any, Any]) -> list[dict[str, Any]]:
        """Return the pairs; raises :class:`InputError` if end-systole is unknown."""
        if data["es_index"] < 0:
            raise InputError(
                f"{json.loads(data['study'])['image']}: end-systole is unknown. Give es_frame in "
                "info.json to validate on this study."
            )
        return [pair(data, z, data["es_index"]) for z in slices_with_heart(data)]


def slices_with_heart(item: Mapping[Any, Any]) -> Sequence[int]:
    """Slices whose end-diastolic mask is not empty; all of them where the study has no label.

    Args:
        item: from :class:`LoadCined`.

    Returns:
        Slice indices.
    """
    labelled = [z for z in range(len(item["mask"])) if bool((item["mask"][z] > 0.5).any())]
    return labelled or list(range(len(item["mask"])))
