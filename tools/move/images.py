"""Images and label maps, moved along: every frame pulls its voxels back to where they came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
from scipy.ndimage import map_coordinates

from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError
from myomotion.io.labels import whole_numbers
from tools.convert.nifti import load_image, values_of
from tools.move.motion import ResultMotion


def moved_image(
    path: Path, motion: ResultMotion, start: int, ends: list[int], labels: bool
) -> nib.Nifti1Image:
    """What an image of one frame looks like in others, on its own grid.

    A voxel of frame b shows the material that is there, which was at ``carried(x, b, start)`` in
    the image's frame. Labels are moved one by one with soft edges, and the largest share wins.

    Args:
        path: 3-D NIfTI, anywhere in the patient.
        motion: of the result.
        start: the frame that the image is of.
        ends: the frames that are wanted.
        labels: it is a label map.

    Returns:
        ``(X, Y, Z)`` for one frame, ``(X, Y, Z, T)`` for several, as far apart as in the result.

    Raises:
        InputError: if the file is no 3-D image or, for labels, does not hold whole numbers.
    """
    image = load_image(path)
    values = values_of(path, image)
    if values.ndim != 3:
        raise InputError(f"{path}: shape {values.shape}. Give a 3-D image of one frame.")
    values = whole_numbers(path, values) if labels else values
    affine = np.array(image.affine, float)
    affine[:3] = LPS_FROM_RAS @ affine[:3]
    index = np.indices(values.shape).reshape(3, -1).T
    points = index @ affine[:3, :3].T + affine[:3, 3]
    back = np.linalg.inv(affine)
    frames = []
    for end in ends:
        at = motion.carried(points, end, start)
        frames.append(_sampled(values, (at @ back[:3, :3].T + back[:3, 3]).T, labels))
    result = np.stack(frames, axis=-1) if len(frames) > 1 else frames[0]
    kind = _kind_of(values) if labels else np.dtype(np.float32)
    found = nib.Nifti1Image(result.astype(kind), image.affine, dtype=kind)
    if len(frames) > 1 and motion.frame_step is not None:
        step, unit = motion.frame_step
        found.header.set_zooms((*found.header.get_zooms()[:3], step))
        found.header.set_xyzt_units("mm", unit)
    return found


def _kind_of(codes: np.ndarray) -> np.dtype[Any]:
    """Type of a label map: the file's, the smallest for 64 bits, which few programs read."""
    if codes.dtype not in (np.int64, np.uint64):
        return codes.dtype
    return np.result_type(*(np.min_scalar_type(code) for code in (codes.min(), codes.max())))


def _sampled(values: np.ndarray, index: np.ndarray, labels: bool) -> np.ndarray:
    """Values ``(X, Y, Z)`` at voxel coordinates ``(3, N)``, in the shape of the values."""

    def linear(part: np.ndarray) -> np.ndarray:
        found = map_coordinates(part.astype(float), index, order=1, mode="nearest")
        return np.asarray(found).reshape(values.shape)

    if not labels:
        return linear(values)
    codes = np.unique(values)
    shares = np.stack([linear(values == code) for code in codes])
    return codes[shares.argmax(0)]
