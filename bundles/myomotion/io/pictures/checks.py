"""Refusing pictures that are no cine of a heart that can be tracked."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from myomotion.io.pictures.padding import blank_slices

LARGEST = 1e15  # intensity of which single-precision arithmetic can take squares and their sums
MANY_SLICES, FRAMES_DIFFER = 5, 1.2  # see check_order


def check_dimensions(path: Path, image: np.ndarray) -> None:
    """Refuse what is no series of stacks.

    Args:
        path: of the cine.
        image: its values as the file has them.

    Raises:
        InputError: unless they have four dimensions.
    """
    if image.ndim != 4:
        raise InputError(
            f"{path}: expected a 4-D cine (x, y, z, t), found {image.ndim} dimensions "
            f"{image.shape}. Join the frames into one 4-D file."
        )


def check_order(path: Path, values: np.ndarray) -> None:
    """Refuse frames in the place of slices: neighbours in time are alike, those in depth are not.

    In 24 cines frames differ 0.03 to 0.68 times as much as slices do.

    Args:
        path: of the cine.
        values: ``(x, y, z, t)`` as the file has them.

    Raises:
        InputError: if the fourth axis looks like depth and the third like time.
    """
    slices, frames = values.shape[2:]
    if slices < MANY_SLICES or not 2 < frames < slices:  # two are end-diastole and end-systole
        return
    across, over_time = (float(np.abs(np.diff(values, axis=axis)).mean()) for axis in (2, 3))
    if over_time > FRAMES_DIFFER * across:
        raise InputError(
            f"{path}: looks stored as (x, y, t, z): its shape is {values.shape}, and neighbours "
            f"along the fourth axis differ {over_time / max(across, 1e-9):.1f} times as much as "
            "along the third. Exchange the last two axes."
        )


def check_frames(path: Path, image: np.ndarray, fewest: int) -> None:
    """Refuse what is no cine of a heart that can be tracked.

    Args:
        path: of the cine.
        image: ``(X, Y, Z, T)``.
        fewest: frames.

    Raises:
        InputError: for fewer frames, slices too small for a heart, intensities that are not finite
            or too large to compute with, and pictures without contrast.
    """
    if image.shape[3] < fewest:
        raise InputError(f"{path}: {image.shape[3]} frame. Motion needs at least two frames.")
    if min(image.shape[:2]) < 16:
        raise InputError(
            f"{path}: slices of {image.shape[0]} x {image.shape[1]} voxels are too "
            "small to hold a heart (at least 16 x 16)."
        )
    bad = int(np.size(image) - np.isfinite(image).sum())
    if bad:
        raise InputError(f"{path}: {bad} voxels are NaN or infinite. Replace them before tracking.")
    largest = max(float(image.max()), -float(image.min()))
    if largest > LARGEST:
        raise InputError(
            f"{path}: intensities reach {largest:.3g}; numbers up to {LARGEST:g} can be computed "
            "with. Scale them down."
        )
    if float(np.ptp(image)) == 0:
        raise InputError(f"{path}: every voxel is {image.flat[0]:g}. A cine needs contrast.")
    if len(blank_slices(image)) == image.shape[2]:
        raise InputError(f"{path}: every slice holds one value. A cine needs contrast.")
