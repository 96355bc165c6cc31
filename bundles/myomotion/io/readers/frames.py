"""A cine as a folder of 3-D NIfTI files, one a frame: ``NAME/frames/*.nii.gz``."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from myomotion.io.forms import header_forms
from myomotion.io.frame_times import mean_step
from myomotion.io.image import CineImage
from myomotion.io.info import StudyInfo
from myomotion.io.nifti import NiftiImage, check_plane, read_nifti
from myomotion.io.readers.base import CineReader

FRAMES = "frames"
SUFFIXES = (".nii.gz", ".nii")
GRID_TOLERANCE = 0.05  # of a voxel: how far corners of frames on one grid may lie apart


class NiftiFrames(CineReader):
    """A folder ``frames`` of 3-D NIfTI files, one a frame, each with its number in the name."""

    def finds(self, folder: Path) -> Path | None:
        """``frames`` in a study folder, where it has NIfTI files."""
        inside = sorted(folder.iterdir()) if folder.is_dir() else []
        return next((place for place in (folder / FRAMES, *inside) if self.reads(place)), None)

    def reads(self, place: Path) -> bool:
        """Whether a place is a folder of this name, in any case, with NIfTI files."""
        return place.name.lower() == FRAMES and place.is_dir() and bool(frame_files(place))

    def read(self, place: Path, info: StudyInfo) -> CineImage:
        """Join the frames; they lie where the first one does."""
        image, files = read_frames(place), frame_files(place)
        step = mean_step(info.frame_times(len(files)))  # no frame says it
        forms = header_forms(files[0], image.header, image.affine)
        return CineImage(
            values=image.values,
            affine=image.affine,
            record={"format": "NIfTI frames", "files": [p.name for p in files]},
            forms=replace(forms, step=step, unit="msec" if step > 0 else "sec"),
            placed=image.placed,
        )

    def files(self, place: Path) -> list[Path]:
        """The frames in their order."""
        return frame_files(place)

    def title(self, place: Path) -> str:
        """Name of the study folder."""
        return place.resolve().parent.name


def frame_files(folder: Path) -> list[Path]:
    """NIfTI files of a folder in the order of the last number in their names.

    Args:
        folder: an existing folder.

    Returns:
        Files; those without a number come last.
    """
    files = [p for p in folder.iterdir() if p.name.lower().endswith(SUFFIXES)]
    files = [p for p in files if not p.name.startswith(".")]
    return sorted(files, key=lambda p: (_number(p) is None, _number(p) or 0, p.name))


def read_frames(folder: Path) -> NiftiImage:
    """Join the frames of a folder.

    Args:
        folder: holds one 3-D NIfTI file a frame, each with its number in the name.

    Returns:
        float32 ``(X, Y, Z, T)``; all else is that of the first frame.

    Raises:
        InputError: if a file cannot be read, is not 3-D, has no number or another's, or lies on
            another grid than the first.
    """
    files = frame_files(folder)
    numbers: dict[int, Path] = {}
    for path in files:
        number = _number(path)
        if number is None:
            raise InputError(
                f"{path}: no number in the name, so its place among the frames is unknown. Name "
                "frames like sa_000.nii.gz, or take the file away."
            )
        if number in numbers:
            raise InputError(
                f"{path}: frame {number} is also {numbers[number].name}. Keep one of them in "
                f"{folder.name}/; labels belong beside that folder."
            )
        numbers[number] = path
    missing = sorted(set(range(min(numbers), max(numbers) + 1)) - set(numbers))
    if missing:
        raise InputError(
            f"{folder}: number {', '.join(map(str, missing[:8]))} is missing between "
            f"{files[0].name} and {files[-1].name}. Add the frame, or number them without gaps."
        )
    first = _read(files[0])
    shape = first.values.shape
    check_plane(files[0], first.affine, shape)
    frames = [first.values]
    for path in files[1:]:
        frame = _read(path)
        if frame.values.shape != shape:
            raise InputError(
                f"{path}: frame of shape {frame.values.shape}, but {files[0].name} has {shape}. "
                "Export all frames from one series."
            )
        if not same_grid(frame.affine, first.affine, shape):
            raise InputError(
                f"{path}: lies elsewhere than {files[0].name}: the affine's corners differ by more "
                f"than {GRID_TOLERANCE:g} voxels. Resample the frames to one grid."
            )
        frames.append(frame.values)
    return replace(first, values=np.stack(frames, axis=-1))


def _number(path: Path) -> int | None:
    stem = path.name.lower().removesuffix(".gz").removesuffix(".nii")
    found = re.findall(r"\d+", stem)
    return int(found[-1]) if found else None


def _read(path: Path) -> NiftiImage:
    image = read_nifti(path)
    values = image.values
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    if values.ndim != 3:
        raise InputError(
            f"{path}: expected a 3-D frame (x, y, z), found shape {values.shape}. A 4-D cine goes "
            "into the study folder as sa.nii.gz."
        )
    return replace(image, values=values)


def same_grid(a: np.ndarray, b: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether the corners of two grids lie together, within :data:`GRID_TOLERANCE`.

    Args:
        a: ``(4, 4)``, voxels to millimetres.
        b: the same, whose voxels count.
        shape: ``(X, Y, Z)`` of both.
    """
    corners = np.array(np.meshgrid(*[[0, n - 1] for n in shape], indexing="ij")).reshape(3, -1)
    apart = np.linalg.norm((a - b)[:3, :3] @ corners + (a - b)[:3, 3:], axis=0)
    return bool(apart.max() <= GRID_TOLERANCE * np.linalg.norm(b[:3, :2], axis=0).min())
