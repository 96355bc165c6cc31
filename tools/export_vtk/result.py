"""What inference has written about the motion of a study."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np

from myomotion.core.axes import LPS_FROM_RAS
from myomotion.errors import InputError
from myomotion.inferers.studies import read_summary
from myomotion.io.storage import slice_axis


@dataclass(frozen=True)
class TrackedStudy:
    """What a finished result folder holds of the motion; slices are last, however they are stored.

    Attributes:
        name: of the study.
        affine: ``(4, 4)``, voxel index to LPS millimetres.
        label: ``(X, Y, Z)`` at end-diastole.
        fields: displacement files, in the order of the frames.
        across: the axis of the files that counts the slices.
        times_ms: of the frames; None when unknown.
    """

    name: str
    affine: np.ndarray
    label: np.ndarray
    fields: list[Path]
    across: int
    times_ms: list[float] | None

    @property
    def spacing(self) -> tuple[float, float]:
        """In-plane voxel sizes in mm."""
        first, second = np.linalg.norm(self.affine[:3, :2], axis=0)
        return float(first), float(second)

    def displacement(self, frame: int) -> np.ndarray:
        """``(X, Y, Z, 3)`` from end-diastole to a frame, LPS millimetres.

        Raises:
            InputError: if its file cannot be read.
        """
        return np.moveaxis(read_values(self.fields[frame])[:, :, :, 0], self.across, 2)


def read_result(folder: Path) -> TrackedStudy:
    """Read and check a result folder.

    Args:
        folder: of a study that inference wrote.

    Returns:
        The study's motion; displacements stay on disk.

    Raises:
        InputError: naming what is missing.
    """
    summary = read_summary(folder)
    if summary is None:
        raise InputError(
            f"{folder}: no summary.json that can be read. Give the folder of one study that "
            "inference wrote (OUTPUT_DIR/NAME)."
        )
    if not (folder / "labels.nii.gz").is_file():
        raise InputError(
            f"{folder}: no labels.nii.gz. A mesh needs the wall: track the study with an "
            "end-diastolic label (label_sa_ED.nii.gz)."
        )
    labels = read_values(folder / "labels.nii.gz")
    fields = sorted((folder / "displacement").glob("frame_*.nii.gz"))
    if len(fields) != labels.shape[3]:
        raise InputError(
            f"{folder}: {len(fields)} files in displacement for {labels.shape[3]} frames of "
            "labels.nii.gz. Track the study again with --overwrite True."
        )
    affine = np.array(_image(folder / "labels.nii.gz").affine, float)
    affine[:3] = LPS_FROM_RAS @ affine[:3]
    across = slice_axis(labels.shape, affine)
    affine[:, :3] = affine[:, [*(axis for axis in range(3) if axis != across), across]]
    return TrackedStudy(
        name=str(summary.get("name", folder.name)),
        affine=affine,
        label=np.moveaxis(labels[..., int(summary["reference_frame"])], across, 2),
        fields=fields,
        across=across,
        times_ms=frame_times(folder / "strain.csv", len(fields)),
    )


def frame_times(table: Path, frames: int) -> list[float] | None:
    """Times of the frames as the table of strains has them.

    Args:
        table: ``strain.csv``.
        frames: how many there are.

    Returns:
        Milliseconds from the first frame; None where a time is missing.
    """
    if not table.is_file():
        return None
    with table.open(newline="") as file:
        times = {int(row["frame"]): row["time_ms"] for row in csv.DictReader(file)}
    found = [times.get(t, "") for t in range(frames)]
    return [float(value) for value in found] if all(found) else None


def read_values(path: Path) -> np.ndarray:
    """Voxels of an image of a result folder.

    Args:
        path: NIfTI file.

    Returns:
        Its array.

    Raises:
        InputError: if it cannot be read.
    """
    try:
        return np.asarray(_image(path).dataobj)
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Track the study again."
        ) from error


def _image(path: Path) -> Any:
    try:
        return nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError) as error:
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Track the study again."
        ) from error
