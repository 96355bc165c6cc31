"""The motion in a folder of results, at any point of the patient.

Fields are those of the result folder, in the field's one direction: ``displacement/frame_t`` lives
on the end-diastolic grid, ``x_t = X + u_t(X)``; ``inverse/frame_t`` lives on the points of frame t,
``X = x_t + v_t(x_t)``. Points are LPS millimetres, as ITK has them.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from scipy.ndimage import map_coordinates

from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError
from myomotion.inferers.studies import read_summary
from myomotion.io.storage import slice_axis
from tools.convert.nifti import load_image

EDGE = 0.5  # voxels beyond the middle of the last one that still belong to it


@dataclass(frozen=True)
class ResultMotion:
    """Fields of a study that inference has tracked.

    Attributes:
        folder: of the results.
        reference: end-diastolic frame, on whose grid displacements live.
        frames: how many there are.
    """

    folder: Path
    reference: int
    frames: int

    @cached_property
    def affine(self) -> np.ndarray:
        """``(4, 4)``, voxel index to LPS millimetres."""
        affine = np.array(load_image(self._file("displacement", self.reference)).affine, float)
        affine[:3] = LPS_FROM_RAS @ affine[:3]
        return affine

    @cached_property
    def shape(self) -> tuple[int, int, int]:
        """Voxels along each axis of the cine's file."""
        first, second, third = load_image(self._file("displacement", self.reference)).shape[:3]
        return int(first), int(second), int(third)

    @property
    def frame_step(self) -> tuple[float, str] | None:
        """Distance of frames and its NIfTI unit, as the result's frames have it; None without."""
        path = self.folder / "warped.nii.gz"
        if not path.is_file():
            return None
        header = load_image(path).header
        return float(header.get_zooms()[3]), str(header.get_xyzt_units()[1])

    @property
    def slice_normal(self) -> np.ndarray:
        """Unit vector ``(3,)`` from slice to slice, LPS, whichever axis of the file counts them."""
        across = self.affine[:3, slice_axis(self.shape, self.affine)]
        return np.asarray(across / np.linalg.norm(across))

    def inside(self, points: np.ndarray) -> np.ndarray:
        """Which points lie in a voxel of the cine, ``(N,)`` of truths.

        Args:
            points: ``(N, 3)``, LPS millimetres.
        """
        index = self._index(points)
        return np.asarray(((index >= -EDGE) & (index <= np.array(self.shape) - 1 + EDGE)).all(1))

    def carried(self, points: np.ndarray, start: int, end: int) -> np.ndarray:
        """Where material points of one frame are in another.

        Args:
            points: ``(N, 3)`` in frame ``start``, LPS millimetres.
            start: the frame that they are given in.
            end: the frame that they are wanted in.

        Returns:
            ``(N, 3)``: back to end-diastole by the inverse of ``start``, then on by the
            displacement of ``end``. Interpolated linearly; points outside the cine stay.

        Raises:
            InputError: if a frame is not there.
        """
        if start == end:
            return points.copy()
        at_ed = points if start == self.reference else self._moved("inverse", start, points)
        return at_ed if end == self.reference else self._moved("displacement", end, at_ed)

    def _moved(self, kind: str, frame: int, points: np.ndarray) -> np.ndarray:
        field = np.asarray(load_image(self._file(kind, frame)).dataobj)[:, :, :, 0]
        index = self._index(points).T
        move = [map_coordinates(field[..., c], index, order=1, mode="nearest") for c in range(3)]
        return points + np.where(self.inside(points)[:, None], np.stack(move, axis=1), 0.0)

    def _index(self, points: np.ndarray) -> np.ndarray:
        inverse = np.linalg.inv(self.affine)
        return np.asarray(points @ inverse[:3, :3].T + inverse[:3, 3])

    def _file(self, kind: str, frame: int) -> Path:
        path = self.folder / kind / f"frame_{frame:03d}.nii.gz"
        if not 0 <= frame < self.frames or not path.is_file():
            raise InputError(
                f"{path}: not there; the result has frames 0 to {self.frames - 1}. Give one of "
                "them, or track the study again."
            )
        return path


def read_motion(folder: Path) -> ResultMotion:
    """The motion of a result folder; fields stay on disk until they are used.

    Args:
        folder: of one study that inference wrote (``OUTPUT_DIR/NAME``).

    Raises:
        InputError: if it is none.
    """
    summary = read_summary(folder)
    fields = sorted((folder / "displacement").glob("frame_*.nii.gz"))
    if summary is None or not fields:
        raise InputError(
            f"{folder}: no summary.json with displacement/frame_000.nii.gz beside it. Give the "
            "folder of one study that inference wrote (OUTPUT_DIR/NAME)."
        )
    return ResultMotion(folder, int(summary["reference_frame"]), len(fields))
