"""How pictures are scaled for the segmentation."""

from __future__ import annotations

import numpy as np
import torch

DARK, BRIGHT = 0.01, 0.99  # quantiles that become 0 and 1


def scaled_picture(picture: torch.Tensor) -> torch.Tensor:
    """A picture from 0 to 1 by its quantiles, in training as in use.

    What MONAI's ``ScaleIntensityRangePercentiles`` gives with ``clip``, bit for bit. That one sorts
    every picture twice, which took a third of the time that the segmentation spends on a cine.

    Args:
        picture: float32, any shape; without contrast it is shifted alone.

    Returns:
        The same shape.
    """
    values = picture.cpu().numpy().ravel()
    ranks = torch.tensor([DARK, BRIGHT]) * (len(values) - 1)
    below, above = ranks.floor().long(), ranks.ceil().long()
    places = torch.cat([below, above])
    found = torch.from_numpy(np.partition(values, places.numpy())[places.numpy()])
    dark, bright = found[:2].lerp(found[2:], ranks - below).to(picture.device)
    if bright == dark:
        return picture - dark
    return ((picture - dark) / (bright - dark)).clamp(0, 1)
