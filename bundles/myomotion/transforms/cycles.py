"""Simulated motion cycles as training data: reading, drawing frames, augmenting."""

from __future__ import annotations

import zlib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, Transform

from myomotion.errors import InputError
from myomotion.io.codes import MYOCARDIUM


class LoadCycled(MapTransform):
    """Read a simulated cycle (``.npz``): displacement in millimetres and the myocardium.

    Adds ``displacement`` ``(T, 2, H, W)`` float32, ``mask`` ``(1, H, W)`` float32.

    Args:
        keys: entry that holds the path.
    """

    def __init__(self, keys: KeysCollection = "cycle") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Hashable, Any]) -> dict[Hashable, Any]:
        """Read the file; raises :class:`InputError` naming it when it cannot be used."""
        item = dict(data)
        for key in self.key_iterator(item):
            path = Path(str(item[key]))
            try:
                with np.load(path, allow_pickle=False) as archive:
                    field = archive["displacement"].astype(np.float32)
                    labels = archive["labels"]
            except (OSError, KeyError, ValueError, BadZipFile, zlib.error) as error:
                raise InputError(f"{path}: not a simulated cycle ({error}).") from error
            if field.ndim != 4 or field.shape[1] != 2 or field.shape[2:] != labels.shape:
                raise InputError(
                    f"{path}: displacement {field.shape} and labels {labels.shape} do "
                    "not fit (T, 2, H, W) and (H, W)."
                )
            if not np.isfinite(field).all():
                raise InputError(f"{path}: the displacement holds NaN or infinite values.")
            mask = labels == MYOCARDIUM
            if not mask.any():
                raise InputError(f"{path}: no voxel has label {MYOCARDIUM} (myocardium).")
            item["displacement"] = torch.from_numpy(field)
            item["mask"] = torch.from_numpy(mask[None].astype(np.float32))
        return item


class RandCycleFrames(Randomizable, Transform):
    """Draw frames of a cycle, end-diastole (which does not move) left out.

    Args:
        num: frames to draw.
    """

    def __init__(self, num: int) -> None:
        self.num = num

    def __call__(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return ``num`` items with ``displacement`` ``(2, H, W)`` and ``mask`` ``(1, H, W)``."""
        frames = self.R.randint(1, data["displacement"].shape[0], self.num)
        return [{"displacement": data["displacement"][t], "mask": data["mask"]} for t in frames]


class EveryCycleFrame(Transform):
    """Take every ``step``-th frame of a cycle, counted back from end-systole.

    Args:
        step: distance between frames.
    """

    def __init__(self, step: int = 1) -> None:
        self.step = step

    def __call__(self, data: Mapping[str, Any]) -> list[dict[str, Any]]:
        """Return one item a frame, end-diastole left out."""
        frames = range(data["displacement"].shape[0] - 1, 0, -self.step)
        return [{"displacement": data["displacement"][t], "mask": data["mask"]} for t in frames]
