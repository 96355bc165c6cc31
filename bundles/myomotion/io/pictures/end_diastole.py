"""Which frame is end-diastole where nobody says so: the first, if the pictures do not deny it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import ndimage

from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.io.pictures.moving import moving_center

FIRST = "assumed: the first frame"
NOT_GIVEN = "End-diastole was not given"  # how the warning begins
# How far below its best frame, in shares of the cycle's range, the first frame may lie and still
# pass for end-diastole. In 24 cines of two vendors the true one lies 0.00 to 0.23 below by its
# label (two of them more than 0.1), and 0.00 to 0.21 by brightness (one 0.65); frames in
# mid-diastole begin at 0.15.
FIT_GAP, BRIGHTNESS_GAP = 0.12, 0.3
SMOOTHING = (0.25, 0.5, 0.25)  # over frames, cyclic
FEWEST_VOXELS = 10  # of cavity and of wall in a slice that counts
HEART_RADIUS_MM = 30.0


@dataclass(frozen=True)
class EndDiastole:
    """The reference frame and how it was found.

    Attributes:
        frame: index in the order of the file.
        found: how, for the summary.
        warning: for the user, None where the first frame is as good as any.
    """

    frame: int
    found: str = FIRST
    warning: str | None = None


def find_end_diastole(
    image: np.ndarray, affine: np.ndarray, label_ed: np.ndarray | None = None
) -> EndDiastole:
    """Check that the first frame may be end-diastole, else take the frame that fits best.

    With a label, a frame fits the better the brighter the labelled cavity is against the labelled
    wall: when the heart contracts, dark wall moves into the cavity of end-diastole. Without one,
    the heart is brightest where it holds most blood (bright-blood cines).

    Args:
        image: ``(X, Y, Z, T)``.
        affine: ``(4, 4)``, voxel index to millimetres.
        label_ed: ``(X, Y, Z)`` in the internal coding, or None.

    Returns:
        The frame.
    """
    fit = None if label_ed is None else label_fit(image, label_ed)
    if fit is not None:
        how, allowed = "frame in which the end-diastolic label fits best", FIT_GAP
    else:
        fit, how = heart_brightness(image, affine), "frame of the brightest, fullest heart"
        allowed = BRIGHTNESS_GAP
    if len(fit) > 2:
        fit = ndimage.convolve1d(fit, np.array(SMOOTHING), mode="wrap")
    extent = float(np.ptp(fit))
    best = int(np.argmax(fit))
    if extent <= 0 or (fit[best] - fit[0]) / extent <= allowed:
        return EndDiastole(0)
    return EndDiastole(
        best,
        how,
        f"{NOT_GIVEN}, and frame 0 does not look like it: frame {best} was taken, "
        f"the {how}. Give ed_frame in info.json.",
    )


def label_fit(image: np.ndarray, label: np.ndarray) -> np.ndarray | None:
    """Brightness of the labelled cavity above that of the labelled wall, frame by frame.

    Args:
        image: ``(X, Y, Z, T)``.
        label: ``(X, Y, Z)`` in the internal coding.

    Returns:
        ``(T,)``, weighted by the cavity's size; None where no slice shows both.
    """
    total = np.zeros(image.shape[3])
    for z in range(image.shape[2]):
        cavity, wall = label[..., z] == CAVITY, label[..., z] == MYOCARDIUM
        if min(cavity.sum(), wall.sum()) >= FEWEST_VOXELS:
            frames = image[:, :, z]
            total += (frames[cavity].mean(0) - frames[wall].mean(0)) * cavity.sum()
    return total if total.any() else None


def heart_brightness(image: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Mean intensity of a disc about what moves most, frame by frame.

    Args:
        image: ``(X, Y, Z, T)``.
        affine: ``(4, 4)``, voxel index to millimetres.

    Returns:
        ``(T,)``.
    """
    center = moving_center(image)
    spacing = np.linalg.norm(affine[:3, :2], axis=0)
    offsets = np.meshgrid(
        *((np.arange(n) - c) * s for n, c, s in zip(image.shape, center, spacing, strict=False)),
        indexing="ij",
    )
    return image[np.hypot(*offsets) <= HEART_RADIUS_MM].mean(axis=(0, 1))
