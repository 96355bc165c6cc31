"""Claims about written fields: other software applies them, and the way back is the way back."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import nibabel as nib
import numpy as np
import torch

from fem_sim.claims import Claim, below, not_run
from myomotion.analysis.grids import working_grids
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.core.flow import compose
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.labels import MYOCARDIUM

WARP_CLAIM = "SimpleITK warps with the written field as we do, largest gap"
WARP_LIMIT_PERCENT = 0.5
MEAN_LIMIT_MM, MAX_LIMIT_MM = 0.05, 0.3


def tracked_cines(data: Path, results: Path) -> list[tuple[Cine, Path]]:
    """Studies and the folders of their results.

    Args:
        data: folder of studies.
        results: output folder of inference.

    Returns:
        One pair a study.
    """
    return [(read_cine(s), results / str(s["name"])) for s in find_studies(data)]


def warp_claims(tracked: Sequence[tuple[Cine, Path]]) -> Iterator[Claim]:
    """ITK resamples every frame with the written field to the written warped frame."""
    try:
        import SimpleITK as sitk
    except ImportError:
        yield not_run(WARP_CLAIM, f"< {WARP_LIMIT_PERCENT:g}", "SimpleITK is not installed")
        return
    gaps, moved = [], []
    for cine, folder in tracked:
        inside = inside_working_grid(cine)
        ours = _values(folder / "warped.nii.gz")
        cine_file = sitk.ReadImage(cine.files["image"])
        for t in range(cine.image.shape[3]):
            theirs = itk_warp(sitk, cine_file[..., t], folder / field_name("displacement", t))
            gaps.append(np.abs(theirs - ours[..., t])[inside].max() / np.ptp(cine.image))
            moved.append(np.abs(cine.image[..., t] - ours[..., t])[inside].max())
    note = f"of the cine's range, {len(gaps)} frames of {len(tracked)} cines"
    if not max(moved) > 0:
        yield not_run(WARP_CLAIM, f"< {WARP_LIMIT_PERCENT:g}", "nothing moves in these results")
        return
    yield below(WARP_CLAIM, 100 * max(gaps), WARP_LIMIT_PERCENT, "%", note)


def itk_warp(sitk: Any, frame: Any, field: Path) -> np.ndarray:
    """A frame resampled by ITK on its own grid.

    Args:
        sitk: the module SimpleITK.
        frame: image.
        field: displacement file.

    Returns:
        ``(X, Y, Z)``.
    """
    vectors = sitk.Cast(sitk.ReadImage(str(field)), sitk.sitkVectorFloat64)
    transform = sitk.DisplacementFieldTransform(vectors)
    moving = sitk.Cast(frame, sitk.sitkFloat64)
    return sitk.GetArrayFromImage(sitk.Resample(moving, transform, sitk.sitkLinear, 0.0)).T


def inside_working_grid(cine: Cine) -> np.ndarray:
    """Voxels ``(X, Y, Z)`` of the source grid that lie on the working grid of their slice."""
    parts = [
        grid.to_source(torch.ones(1, 1, grid.size, grid.size))[0, 0].numpy() > 0
        for grid in working_grids(cine)
    ]
    return np.stack(parts, axis=-1)


def inverse_claims(tracked: Sequence[tuple[Cine, Path]]) -> Iterator[Claim]:
    """A point of the wall that is moved to a frame and back comes back."""
    gaps = np.concatenate([round_trip(cine, folder) for cine, folder in tracked])
    note = f"every frame of {len(tracked)} cines, {len(gaps)} points of the wall"
    name = "written fields, there and back in the wall"
    yield below(f"{name}: mean", float(gaps.mean()), MEAN_LIMIT_MM, "mm", note)
    yield below(f"{name}: largest", float(gaps.max()), MAX_LIMIT_MM, "mm", note)


def round_trip(cine: Cine, folder: Path) -> np.ndarray:
    """Distance from where every voxel of the wall started, after moving to a frame and back.

    Args:
        cine: the study, with an end-diastolic label.
        folder: of its results.

    Returns:
        Millimetres, all frames and slices in one list.
    """
    assert cine.label_ed is not None
    wall = np.moveaxis(cine.label_ed == MYOCARDIUM, -1, 0)
    spacing = torch.tensor(cine.spacing)[None, :, None, None]
    gaps = []
    for t in range(cine.image.shape[3]):
        there, back = (
            in_plane(folder / field_name(name, t), cine.affine) / spacing
            for name in ("displacement", "inverse")
        )
        gaps.append((compose(there, back) * spacing).norm(dim=1).numpy()[wall])
    return np.concatenate(gaps)


def in_plane(path: Path, affine: np.ndarray) -> torch.Tensor:
    """A written field along the slice axes.

    Args:
        path: vector image, LPS millimetres.
        affine: ``(4, 4)``, voxel index to RAS millimetres.

    Returns:
        ``(Z, 2, X, Y)`` in millimetres.
    """
    directions = LPS_FROM_RAS @ (affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0))
    vectors = _values(path)[:, :, :, 0].astype(np.float64) @ directions
    return torch.from_numpy(np.ascontiguousarray(vectors.transpose(2, 3, 0, 1)))


def field_name(kind: str, frame: int) -> str:
    """Where a result folder keeps the field of a frame."""
    return f"{kind}/frame_{frame:03d}.nii.gz"


def _values(path: Path) -> np.ndarray:
    image: Any = nib.load(path)
    return np.asarray(image.dataobj)
