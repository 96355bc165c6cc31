"""Whether a cine shows a whole cycle: whether its last frame is near the first again."""

from __future__ import annotations

import torch
import torch.nn.functional as F

FEWEST_FRAMES = 5  # pairs and triples of frames show no course over time
BLUR = 5  # voxels, against noise
# The last frame's difference from the first, relative to the largest from it and to the largest
# from one frame to the next. Slices of ten whole cycles reach 0.37 and 1.19; cut after two thirds,
# where a vigorous heart is nearly full again, they begin at 0.44 and 1.47.
NEAR, STEPS = 0.40, 1.4


def cycle_closes(frames: torch.Tensor) -> bool:
    """Decide by the picture whether the heart comes back to where it began.

    Cines that are triggered prospectively end in diastole, and pairs of frames at end-systole.

    Args:
        frames: ``(..., T, H, W)`` in the order of the cycle; leading axes are taken together.

    Returns:
        True if the last frame differs little from the first, and no more than frames that follow
        each other do.
    """
    count = frames.shape[-3]
    if count < FEWEST_FRAMES:
        return False
    flat = frames.reshape(-1, 1, *frames.shape[-2:]).float()
    blurred = F.avg_pool2d(F.avg_pool2d(flat, (BLUR, 1), stride=1), (1, BLUR), stride=1)
    smooth = blurred.flatten(1).unflatten(0, (-1, count))
    change = (smooth - smooth[:, :1]).square().mean((0, 2)).sqrt()
    steps = smooth.diff(dim=1).square().mean((0, 2)).sqrt()
    return bool(change[-1] <= min(NEAR * change.max(), STEPS * steps.max()))
