"""Tracking as MONAI dictionary transforms, for pipelines of one's own."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from tempfile import TemporaryDirectory
from typing import Any

import nibabel as nib
import numpy as np
import torch
from monai.config import KeysCollection
from monai.data import MetaTensor
from monai.data.utils import to_affine_nd
from monai.transforms import MapTransform

from myomotion.analysis.study import Study
from myomotion.errors import InputError
from myomotion.io.label_grid import says_nothing
from myomotion.io.readers.frames import GRID_TOLERANCE, same_grid
from myomotion.transforms.study_tensors import PARTS, study_tensor

STUDY = "study"
TrackStudy = Callable[[Mapping[str, object]], Study]


class TrackMotiond(MapTransform):
    """Track cines: ``KEY_displacement`` and other results of the image under ``KEY``.

    Images are :class:`~monai.data.MetaTensor` ``(T, X, Y, Z)``, frames in the place of channels, as
    ``LoadImaged`` with ``ensure_channel_first`` gives a 4-D file; their affine says where they lie.
    Motion is that of ``myomotion.track`` on the same image in a file.

    Args:
        keys: of the cines.
        tracker: :class:`myomotion.tracker.Tracker`; its settings, such as ``refine_steps``, are
            the settings of this transform.
        label_key: of the end-diastolic label ``(1, X, Y, Z)``, which the affine of a MetaTensor
            places as that of a file does; None leaves contours to the tracker.
        ed_frame: end-diastolic frame; None finds it.
        outputs: names of :func:`~myomotion.transforms.study_tensors.study_tensor`, and ``study``
            for everything that was measured (it does not collate to batches).
        allow_missing_keys: pass over keys that are not there.

    Examples:
        >>> Compose([
        ...     LoadImaged(["image", "label"], ensure_channel_first=True),
        ...     TrackMotiond("image", Tracker(refine_steps=15), label_key="label"),
        ... ])({"image": "sa.nii.gz", "label": "label_sa_ED.nii.gz"})["image_displacement"]
    """

    def __init__(
        self,
        keys: KeysCollection,
        tracker: TrackStudy,
        label_key: str | None = None,
        ed_frame: int | None = None,
        outputs: Sequence[str] = ("displacement", "labels"),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.tracker = tracker
        self.label_key = label_key
        self.ed_frame = ed_frame
        self.outputs = _known(outputs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the outputs of every key.

        Raises:
            InputError: for an image without an affine or that cannot be tracked.
        """
        item = dict(data)
        frames = {} if self.ed_frame is None else {"ed_frame": self.ed_frame}
        for key in self.key_iterator(item):
            study = track_tensor(item[key], self.tracker, str(key), self._label(item), frames)
            item.update(_results(study, str(key), self.outputs))
        return item

    def _label(self, item: Mapping[Hashable, Any]) -> torch.Tensor | None:
        return None if self.label_key is None else item[self.label_key]


class RegisterPaird(MapTransform):
    """Register moving images to a fixed one, slice by slice.

    Adds ``KEY_displacement`` ``(3, X, Y[, Z])``, on the grid of the fixed image: from a point of it
    to where that point is in the moving one, ``x = X + u(X)``, millimetres along the axes; and
    ``KEY_warped``, the moving image pulled back, which looks like the fixed one.

    Args:
        keys: of the moving images, :class:`~monai.data.MetaTensor` ``(1, X, Y[, Z])``.
        key_fixed: of the fixed image, on the same grid.
        tracker: :class:`myomotion.tracker.Tracker`, with ``refine_steps`` for a refinement.
        label_key: of a label of the fixed image; None leaves contours to the tracker.
        outputs: of those of :class:`TrackMotiond`.
        allow_missing_keys: pass over keys that are not there.

    Examples:
        >>> register = RegisterPaird("systole", "diastole", Tracker(refine_steps=15))
        >>> register({"systole": es, "diastole": ed})["systole_warped"]
    """

    def __init__(
        self,
        keys: KeysCollection,
        key_fixed: str,
        tracker: TrackStudy,
        label_key: str | None = None,
        outputs: Sequence[str] = ("displacement", "warped"),
        allow_missing_keys: bool = False,
    ) -> None:
        super().__init__(keys, allow_missing_keys)
        self.key_fixed = key_fixed
        self.tracker = tracker
        self.label_key = label_key
        self.outputs = _known(outputs)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Add the outputs of every key.

        Raises:
            InputError: for images that differ in shape or affine, lack one or cannot be tracked.
        """
        item = dict(data)
        fixed = item[self.key_fixed]
        label = None if self.label_key is None else item[self.label_key]
        for key in self.key_iterator(item):
            moving = item[key]
            if moving.shape != fixed.shape or len(moving) != 1:
                raise InputError(
                    f"{key}: its shape is {tuple(moving.shape)}, that of {self.key_fixed} is "
                    f"{tuple(fixed.shape)}. Give both as (1, X, Y) or (1, X, Y, Z) on one grid."
                )
            affine = _affine(fixed, self.key_fixed)
            _refuse_elsewhere(moving, fixed, key, self.key_fixed)
            pair = MetaTensor(torch.cat([torch.as_tensor(fixed), moving]), affine=affine)
            phases = {"ed_frame": 0, "es_frame": 1}
            study = track_tensor(pair, self.tracker, str(key), label, phases)
            for name, value in _results(study, str(key), self.outputs).items():
                moved = value[1] if isinstance(value, MetaTensor) else value
                scalar = isinstance(value, MetaTensor) and value.ndim == 4
                moved = moved[None] if scalar else moved
                flat = isinstance(value, MetaTensor) and fixed.ndim == 3
                item[name] = moved[..., 0] if flat else moved
        return item


def track_tensor(
    image: torch.Tensor,
    tracker: TrackStudy,
    name: str,
    label: torch.Tensor | None = None,
    frames: Mapping[str, int] | None = None,
) -> Study:
    """Track a cine that is a tensor, by the way of a file: there is one reader of cines.

    Args:
        image: :class:`~monai.data.MetaTensor` ``(T, X, Y[, Z])``.
        tracker: tracks a study.
        name: of the study, for messages.
        label: end-diastolic label ``(1, X, Y[, Z])``. The affine of a MetaTensor says how it lies,
            as that of a file does; a plain tensor lies voxel on voxel.
        frames: ``ed_frame``, ``es_frame`` where known.

    Returns:
        The study.

    Raises:
        InputError: if the image has no affine or cannot be tracked.
    """
    affine = _affine(image, name).numpy()
    with TemporaryDirectory(prefix="myomotion-") as folder:
        study: dict[str, object] = {"name": name, "image": f"{folder}/sa.nii", **(frames or {})}
        values = np.moveaxis(_volumes(image, name), 0, -1).astype(np.float32)
        nib.save(nib.Nifti1Image(values, affine), str(study["image"]))
        if label is not None:
            study["label_ed"] = f"{folder}/label_sa_ED.nii"
            codes = _volumes(label, f"label of {name}")[0].astype(np.int16)
            own = _affine(label, name).numpy() if isinstance(label, MetaTensor) else affine
            nib.save(nib.Nifti1Image(codes, own), str(study["label_ed"]))
        try:
            return tracker(study)
        except InputError as error:
            said = str(error).replace(f"{folder}/", "")
            raise InputError(f"{name}: {said}") from error


def _affine(image: torch.Tensor, name: Hashable) -> torch.Tensor:
    """``(4, 4)``, voxel index to RAS millimetres."""
    if not isinstance(image, MetaTensor):
        raise InputError(
            f"{name}: a plain {type(image).__name__}, whose voxel size is not known. Give a "
            "monai.data.MetaTensor with its affine."
        )
    return torch.as_tensor(to_affine_nd(3, image.affine.cpu().numpy()))


def _refuse_elsewhere(
    moving: torch.Tensor, fixed: torch.Tensor, key: Hashable, key_fixed: str
) -> None:
    """Refuse a moving image that lies elsewhere than the fixed one by the affines of both."""
    if not isinstance(moving, MetaTensor):
        return
    own, affine = _affine(moving, key).numpy(), _affine(fixed, key_fixed).numpy()
    shape = _volumes(moving, str(key)).shape[1:]
    if not (says_nothing(own) or says_nothing(affine)) and not same_grid(own, affine, shape):
        raise InputError(
            f"{key}: lies elsewhere than {key_fixed}: the affine's corners differ by more than "
            f"{GRID_TOLERANCE:g} voxels. Bring both to one grid, as by ResampleToMatchd."
        )


def _volumes(image: torch.Tensor, name: str) -> np.ndarray:
    """``(C, X, Y, Z)``; a single slice has one more axis."""
    values = torch.as_tensor(image).detach().cpu().numpy()
    if values.ndim not in (3, 4):
        raise InputError(f"{name}: shape {values.shape}. Give (T, X, Y) or (T, X, Y, Z).")
    return values[..., None] if values.ndim == 3 else values


def _known(outputs: Sequence[str]) -> tuple[str, ...]:
    for name in outputs:
        if name not in (*PARTS, STUDY):
            raise InputError(
                f"outputs: {name!r} is unknown. Give some of {', '.join((*PARTS, STUDY))}."
            )
    return tuple(outputs)


def _results(study: Study, key: str, outputs: Sequence[str]) -> dict[str, Any]:
    """Outputs by the name that they get."""
    lacking = {"labels"} if study.cine.label_ed is None else set()
    return {
        f"{key}_{name}": study if name == STUDY else study_tensor(study, name)
        for name in outputs
        if name not in lacking
    }
