"""MONAI transforms from a study to the pairs of frames that networks are trained on."""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from typing import Any

import torch
from monai.transforms import Randomizable, Transform

from myomotion.losses.plausibility import dilate
from myomotion.transforms.load_cine import check_guide

LOG = logging.getLogger(__name__)
AROUND_WALL = 12  # voxels around the wall that reach over cavity and right ventricle


def pair(item: Mapping[Any, Any], z: int, t: int, guide: float = 0.0) -> dict[str, Any]:
    """Network input of one slice and frame.

    Args:
        item: from :class:`LoadCine`.
        z: slice.
        t: frame after rolling.
        guide: share of the drawn frames in ``image``, where the item has them.

    Returns:
        ``image`` ``(2, H, W)`` (moving, reference), ``mask`` ``(1, H, W)``, ``mask_moving``
        ``(1, H, W)``, zero where the moving frame has no label (it is not end-systole), and
        ``truth`` ``(2, H, W)`` where the item has it; ``plain_share`` ``(1, 1, 1)``, what ``image``
        has left of the frames as they are.
    """
    frames, moving = item["image"][z], item["mask_es"][z]
    truth = {"truth": item["truth"][z, t]} if "truth" in item else {}
    image = torch.stack([frames[t], frames[0]])
    if "drawn" in item:
        drawn = item["drawn"][z]
        image = torch.lerp(image, torch.stack([drawn[t], drawn[0]]), guide)
    return {
        "image": image,
        "mask": item["mask"][z],
        "plain_share": image.new_full((1, 1, 1), 1.0 - guide if "drawn" in item else 1.0),
        "mask_moving": moving if t == item["es_index"] else torch.zeros_like(moving),
        **truth,
    }


class RandFramePairs(Randomizable, Transform):
    """Draw pairs of a random frame and end-diastole from slices that show myocardium.

    Args:
        num: pairs to draw from a study.
        labelled_share: probability that the frame is end-systole, where that is known; for losses
            that use its label.
        guide: share of the drawn frames; each pair draws its own from 0 to twice
            this (at most 1), so that a network works with and without them.
    """

    def __init__(self, num: int, labelled_share: float = 0.0, guide: float = 0.0) -> None:
        self.num = num
        self.guide = check_guide(guide)
        self.labelled_share = labelled_share

    def __call__(self, data: Mapping[Any, Any]) -> list[dict[str, Any]]:
        """Return ``num`` pairs, see :func:`pair`."""
        slices = slices_with_heart(data)
        return [
            pair(data, slices[self.R.randint(len(slices))], self._frame(data), self._share())
            for _ in range(self.num)
        ]

    def _share(self) -> float:
        return float(self.R.uniform(0, min(1.0, 2 * self.guide))) if self.guide else 0.0

    def _frame(self, data: Mapping[Any, Any]) -> int:
        systole = int(data["es_index"])
        if self.labelled_share and systole > 0 and self.R.random_sample() < self.labelled_share:
            return systole
        return int(self.R.randint(1, data["image"].shape[1]))


class EndSystolicPairs(Transform):
    """The fixed validation pairs: end-systole to end-diastole, one a slice with myocardium.

    Args:
        guide: share of the drawn frames.
    """

    def __init__(self, guide: float = 0.0) -> None:
        self.guide = check_guide(guide)

    def __call__(self, data: Mapping[Any, Any]) -> list[dict[str, Any]]:
        """Return the pairs, of the frame :func:`systolic_frame`."""
        frame = systolic_frame(data)
        if data["es_index"] < 0:
            note = "%s: end-systole is unknown; the frame %d after end-diastole differs most"
            LOG.info(note, data["source"], frame)
        return [pair(data, z, frame, self.guide) for z in slices_with_heart(data)]


def systolic_frame(item: Mapping[Any, Any]) -> int:
    """End-systole, or what looks like it where the study does not say.

    Args:
        item: from :class:`LoadCine`.

    Returns:
        ``es_index``; where that is unknown, the frame whose squared difference from end-diastole
        about the heart (:data:`AROUND_WALL`) is largest over all slices.
    """
    if item["es_index"] >= 0:
        return int(item["es_index"])
    slices = list(slices_with_heart(item))
    frames = item["image"][slices]
    heart = dilate(item["mask"][slices], AROUND_WALL).to(frames)
    squares = (frames[:, 1:] - frames[:, :1]) ** 2
    weights = heart if bool(heart.any()) else torch.ones_like(heart)
    return 1 + int((squares * weights).sum((0, 2, 3)).argmax())


def slices_with_heart(item: Mapping[Any, Any]) -> Sequence[int]:
    """Slices whose end-diastolic mask is not empty; all of them where the study has no label.

    Args:
        item: from :class:`LoadCine`.

    Returns:
        Slice indices.
    """
    labelled = [z for z in range(len(item["mask"])) if bool((item["mask"][z] > 0.5).any())]
    return labelled or list(range(len(item["mask"])))
