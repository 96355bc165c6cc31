"""Virtual slices as training data of the segmentation."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from monai.transforms import MapTransform

from myomotion.core.scale_picture import scaled_picture
from myomotion.errors import InputError
from myomotion.io.codes import NAMES


class LoadSliced(MapTransform):
    """Read a slice (``.npz``) that :func:`fem_sim.stills.dataset.make_stills` has drawn.

    Adds ``image`` float32 ``(1, H, W)``, 0 to 1, and ``label`` ``(1, H, W)`` in the internal
    coding.

    Args:
        keys: entry that holds the path.
    """

    def __init__(self, keys: str = "slice") -> None:
        super().__init__(keys)

    def __call__(self, data: Mapping[Any, Any]) -> dict[Any, Any]:
        """Read the file; raises :class:`InputError` naming it when it cannot be used."""
        item = dict(data)
        for key in self.key_iterator(item):
            path = Path(str(item.pop(key)))
            try:
                with np.load(path, allow_pickle=False) as archive:
                    image, label = archive["image"], archive["label"]
            except (OSError, EOFError, KeyError, ValueError, BadZipFile, zlib.error) as error:
                raise InputError(f"{path}: not a drawn slice ({error}). Draw it again.") from error
            if image.ndim != 2 or image.shape != label.shape:
                raise InputError(
                    f"{path}: image {image.shape} and label {label.shape} are not one slice."
                )
            if unknown := sorted(set(np.unique(label).tolist()) - set(NAMES.values())):
                raise InputError(f"{path}: label codes {unknown}; expected 0 to 3.")
            item["image"] = scaled_picture(torch.from_numpy(image.astype(np.float32))[None])
            item["label"] = torch.from_numpy(label.astype(np.float32))[None]
        return item
