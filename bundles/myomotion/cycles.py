"""Simulated motion cycles as training data: reading, drawing frames, augmenting."""

from __future__ import annotations

import json
import math
import zlib
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from monai.config import KeysCollection
from monai.transforms import MapTransform, Randomizable, Transform

from .cine import MYOCARDIUM
from .errors import InputError
from .flow import identity_coordinates, sample
from .plausibility import GradientPatch


def read_datalist(folder: str | Path, section: str, key: str) -> list[dict[str, str]]:
    """Read one section of ``datalist.json``, making the paths under ``key`` absolute.

    Args:
        folder: holds ``datalist.json``.
        section: name of the section.
        key: entry that holds a path relative to ``folder``.

    Returns:
        The entries.

    Raises:
        InputError: if the list or the section is missing or empty.
    """
    path = Path(folder) / "datalist.json"
    if not path.is_file():
        raise InputError(f"{path}: no such data list. Make one with python -m fem_sim.")
    try:
        entries = json.loads(path.read_text()).get(section, [])
    except ValueError as error:
        raise InputError(f"{path}: not readable JSON ({error}).") from error
    if not entries:
        raise InputError(f"{path}: no '{section}' entries. Simulate more subjects.")
    return [{**entry, key: str(path.parent / entry[key])} for entry in entries]


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


class RandCycleFramesd(Randomizable, Transform):
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


class EveryCycleFramed(Transform):
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


def rotation_matrices(batch: int, reflect: bool, like: torch.Tensor) -> torch.Tensor:
    """Random orthogonal matrices, half of them reflections if asked for.

    Args:
        batch: how many.
        reflect: include reflections.
        like: gives dtype and device.

    Returns:
        ``(batch, 2, 2)``.
    """
    angle = torch.rand(batch) * 2 * math.pi
    cosine, sine = torch.cos(angle), torch.sin(angle)
    sign = torch.where(torch.rand(batch) < 0.5, -1.0, 1.0) if reflect else torch.ones(batch)
    rows = [torch.stack([cosine, -sine * sign], 1), torch.stack([sine, cosine * sign], 1)]
    return torch.stack(rows, dim=1).to(like)


def transform_scalar(values: torch.Tensor, matrix: torch.Tensor, mode: str) -> torch.Tensor:
    """Turn pictures about the grid's centre: ``new(X) = old(Q^T X)``.

    Args:
        values: ``(B, C, H, W)``.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.
        mode: interpolation, ``"bilinear"`` or ``"nearest"``.

    Returns:
        ``(B, C, H, W)``.
    """
    grid = identity_coordinates(list(values.shape[-2:]), values)
    center = (values.new_tensor(values.shape[-2:]) - 1)[None, :, None, None] / 2
    turned = torch.einsum("bji,bjhw->bihw", matrix, (grid - center).expand(len(values), -1, -1, -1))
    return sample(values, turned + center, mode)


def transform_displacement(field: torch.Tensor, matrix: torch.Tensor) -> torch.Tensor:
    """Turn displacement fields with the picture: ``u'(X) = Q u(Q^T X)``.

    Args:
        field: ``(B, 2, H, W)``.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.

    Returns:
        ``(B, 2, H, W)``.
    """
    return torch.einsum("bij,bjhw->bihw", matrix, transform_scalar(field, matrix, "bilinear"))


def transform_patch(patch: GradientPatch, matrix: torch.Tensor) -> GradientPatch:
    """Turn displacement gradients with the picture: ``G'(X) = Q G(Q^T X) Q^T``.

    Args:
        patch: gradients and mask.
        matrix: orthogonal ``Q``, ``(B, 2, 2)``.

    Returns:
        The turned patch; the mask keeps the voxels whose source lies in the mask.
    """
    gradient = transform_scalar(patch.gradient, matrix, "bilinear").unflatten(1, (2, 2))
    turned = torch.einsum("bij,bjkhw,blk->bilhw", matrix, gradient, matrix).flatten(1, 2)
    return GradientPatch(turned, transform_scalar(patch.mask, matrix, "nearest"))
