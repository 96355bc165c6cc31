"""The moving part of a report: small frames, tracked contours and paths of material points."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image

from myomotion.analysis.intensity import intensities
from myomotion.analysis.measures.tracked import UNLABELLED_RADIUS_MM
from myomotion.analysis.motion import Motion
from myomotion.analysis.regions import SliceRegions
from myomotion.analysis.study import Study
from myomotion.core.contours import heart_contours
from myomotion.core.flow import sample_at
from myomotion.core.view import View
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.labels import CAVITY, MYOCARDIUM

MARGIN_MM = 26.0  # shown around the ventricle
LARGEST_HALF_MM = 64.0
BYTES_OF_FRAMES = 3.2e6  # of all frames together, compressed; sets the number of pixels
PNG_LEVEL = 1  # of the frames: files of 5 % more in half the time
FRAME_PIXELS = (64, 128)  # fewest and most along a side
CONTOUR_POINTS = 72
CONTOUR_SMOOTHING = 0.8  # voxels; takes the steps of the label's voxels off the drawn contour
PATH_STEP = 3  # voxels of the working grid between paths in the wall
UNLABELLED_PATH_STEP = 5  # the same without a label


def player_slices(study: Study) -> list[dict[str, Any]]:
    """What the page needs to show each slice moving.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.

    Returns:
        For each slice a JSON object: ``size`` (pixels of a side), ``frames`` (grey PNG as data
        URLs), ``contours`` (for each contour and frame ``[x0, y0, x1, ...]`` in pixels) and
        ``paths`` (for each frame ``[x0, y0, ...]``, the positions of the same material points).
    """
    cine, motion, regions = study.cine, study.motion, study.regions
    view = motion.slices.view
    frames = motion.working_image.shape[0]
    pixels = int(np.clip(np.sqrt(BYTES_OF_FRAMES / (0.75 * frames * len(regions))), *FRAME_PIXELS))
    half = max(_half_width(region, motion.grids[z]) for z, region in enumerate(regions))
    slices = []
    for z, region in enumerate(regions):
        scale = pixels / (2 * half)
        contours = _contours(study, z)
        points = _path_points(region, motion.grids[z])
        slices.append(
            {
                "level": cine.levels[z],
                "size": pixels,
                "frames": [png_url(f) for f in _grey_frames(motion, z, pixels, half, view)],
                "contours": [_tracked(line, motion, z, scale, pixels, view) for line in contours],
                "paths": _tracked(points, motion, z, scale, pixels, view),
            }
        )
    return slices


def stills(study: Study, z: int, frames: Sequence[int], pixels: int) -> list[dict[str, Any]]:
    """Single frames of a slice with its contours, moved along from end-diastole.

    Args:
        study: from :func:`~myomotion.analysis.study.analyse`.
        z: the slice.
        frames: which ones.
        pixels: of a side.

    Returns:
        For each frame ``size``, ``url`` (grey PNG as a data URL) and ``contours``, each a list of
        points as ``"x,y"`` in pixels.
    """
    motion, view = study.motion, study.motion.slices.view
    half = _half_width(study.regions[z], motion.grids[z])
    grey = _grey_frames(motion, z, pixels, half, view)
    lines = [
        _tracked(line, motion, z, pixels / (2 * half), pixels, view) for line in _contours(study, z)
    ]
    return [
        {
            "size": pixels,
            "url": png_url(grey[t]),
            "contours": [
                [f"{x:g},{y:g}" for x, y in zip(line[t][::2], line[t][1::2], strict=True)]
                for line in lines
            ],
        }
        for t in frames
    ]


def png_url(picture: np.ndarray) -> str:
    """A picture as a data URL.

    Args:
        picture: uint8 ``(H, W)`` or ``(H, W, 3)``.

    Returns:
        ``data:image/png;base64,...``.
    """
    content = io.BytesIO()
    Image.fromarray(picture).save(content, "PNG", compress_level=PNG_LEVEL)
    return "data:image/png;base64," + base64.b64encode(content.getvalue()).decode()


def _contours(study: Study, z: int) -> list[np.ndarray]:
    """Contours of the wall at end-diastole, voxels of the working grid ``(N, 2)`` each."""
    if study.regions[z].level is None:
        return []
    wall, cavity = (study.motion.slices.soft[c][z].numpy() for c in (MYOCARDIUM, CAVITY))
    lines = heart_contours(wall, cavity, CONTOUR_SMOOTHING)
    return [_even(line, CONTOUR_POINTS) for line in lines]


def _half_width(region: SliceRegions, grid: WorkingGrid) -> float:
    if region.level is None:
        return LARGEST_HALF_MM
    where = np.argwhere(region.wall | region.cavity) - grid.middle
    return min(float(np.abs(where).max()) * grid.spacing + MARGIN_MM, LARGEST_HALF_MM)


def _grey_frames(motion: Motion, z: int, pixels: int, half: float, view: View) -> np.ndarray:
    grid, found = motion.grids[z], intensities(motion.slices, z)
    fine = WorkingGrid(
        source_size=grid.source_size,
        source_spacing=grid.source_spacing,
        center=grid.center,
        size=pixels,
        spacing=2 * half / pixels,
    )
    frames = np.ascontiguousarray(motion.slices.cine.image[:, :, z].transpose(2, 0, 1))
    values = fine.to_working(torch.from_numpy(frames)[:, None])[:, 0].numpy()
    values = np.where(fine.within_source().numpy(), values, found.dark)  # black beside the picture
    grey = np.clip((values - found.dark) / found.extent * 255, 0, 255).astype(np.uint8)
    return view.picture(grey)


def _even(line: np.ndarray, count: int) -> np.ndarray:
    return line[np.linspace(0, len(line) - 1, count).astype(int)]


def _path_points(region: SliceRegions, grid: WorkingGrid) -> np.ndarray:
    """Material points, voxel indices ``(N, 2)``."""
    if region.level is not None:
        points = np.argwhere(region.wall)
        return points[(points % PATH_STEP == 0).all(1)].astype(float)
    axis = np.arange(0, grid.size, UNLABELLED_PATH_STEP)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.linalg.norm(points - grid.middle, axis=1) * grid.spacing
    return points[distance <= UNLABELLED_RADIUS_MM].astype(float)


def _tracked(
    points: np.ndarray, motion: Motion, z: int, scale: float, pixels: int, view: View
) -> list[list[float]]:
    """Pixels ``[x0, y0, x1, ...]`` of material points ``(N, 2)`` in every frame."""
    grid = motion.grids[z]
    offset = (points - grid.middle) * grid.spacing
    moved = sample_at(motion.working_displacement[:, z], points)
    position = view.offsets(offset[None] + moved) * scale + pixels / 2
    return [[round(float(v), 1) for v in frame.ravel()] for frame in position]
