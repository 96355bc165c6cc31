"""Motion of a study on its grids: frames are in the order of the file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.motion import source_motion
from myomotion.core.flow import compose
from tests.support.cines.ring import WALL, beat, contraction, ring_cine


def test_way_back_is_that_of_each_frame_wherever_end_diastole_lies() -> None:
    shares, ed_frame = beat(last=0.6), 3
    cine = ring_cine(shares)
    cine = replace(cine, image=np.roll(cine.image, ed_frame, axis=-1), ed_frame=ed_frame)
    motion = source_motion(working_slices(cine), contraction(shares))
    there, back = (
        torch.from_numpy(fields[:, 0]) / motion.slices.spacing
        for fields in (motion.working_displacement, motion.working_inverse)
    )
    assert back[ed_frame].abs().max() == 0
    assert (back.norm(dim=1)[:, WALL].amax(1) > 0.5).sum() == len(shares) - 1
    assert compose(there, back).norm(dim=1)[:, WALL].max() < 0.2  # voxels
