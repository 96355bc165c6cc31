"""The range of intensities about the heart: what networks, measures and pictures scale by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from myomotion.analysis.grids import Slices
from myomotion.errors import InputError

# The top is that of a disc about the middle of the working grid, so that fat beside a coil, an
# annotation or a wrapped arm elsewhere in the square does not count.
RADIUS_MM = 50.0
TOP_PERCENTILE, BLOOD_PERCENTILE = 99.0, 90.0
BRIGHTEST_SHARE = 1.5  # of the blood: a small bright spot within the disc does not count either
DARK_PERCENTILE = 0.5  # of the whole square, which holds lung and air
# Where the dark end of magnitude images lies between no signal and the top: at 0.00 to 0.08 in 21
# of 24 real cines and 0.01 to 0.04 in virtual ones. No signal is placed by it, whatever the file
# says, so that a constant on all intensities changes nothing.
USUAL_SHARE = 0.04
# What is brighter than this, relative to the top, is cut: the brighter a patch beside the heart
# stays, the more of the motion it takes away.
LARGEST = 1.2


@dataclass(frozen=True)
class Intensities:
    """Intensities of a slice at end-diastole.

    Attributes:
        zero: what stands for no signal.
        dark: the dark end.
        top: the bright end about the heart.
    """

    zero: float
    dark: float
    top: float

    @property
    def extent(self) -> float:
        """From the dark to the bright end; never 0."""
        return max(self.top - self.dark, 1e-6)

    def scaled(self, frames: torch.Tensor) -> torch.Tensor:
        """Frames as networks see them: 0 for no signal, 1 for the bright end about the heart.

        Args:
            frames: in the intensities of the file, of any shape.

        Returns:
            The same shape, 0 to :data:`LARGEST`.
        """
        return ((frames - self.zero) / (self.top - self.zero)).clamp(0, LARGEST)


def intensities(slices: Slices, z: int) -> Intensities:
    """The range of intensities about the heart in a slice.

    Args:
        slices: the study.
        z: the slice.

    Returns:
        The range at end-diastole. Zero lies where the dark end has the usual share of the top, so
        that it moves with a constant on all intensities. A blank slice is all dark.

    Raises:
        InputError: if the slice is empty about the heart and not blank.
    """
    reference = slices.images[z, 0].numpy()
    axis = (np.arange(len(reference)) - (len(reference) - 1) / 2) * slices.spacing
    heart = reference[np.hypot(axis[:, None], axis[None]) <= RADIUS_MM]
    dark = float(np.percentile(reference, DARK_PERCENTILE))
    blood, top = (float(v) for v in np.percentile(heart, (BLOOD_PERCENTILE, TOP_PERCENTILE)))
    top = min(top, dark + BRIGHTEST_SHARE * (blood - dark)) if blood > dark else top
    zero = dark - USUAL_SHARE / (1 - USUAL_SHARE) * max(top - dark, 0.0)
    if top <= dark and z in slices.blank:
        return Intensities(zero=dark, dark=dark, top=dark + 1)
    if top <= dark:
        cine = slices.cine
        raise InputError(
            f"{cine.files.get('image', cine.name)}: slice {z} is empty around the heart at "
            f"end-diastole (its intensities end at {top:g}). Remove the slice."
        )
    return Intensities(zero, dark, top)
