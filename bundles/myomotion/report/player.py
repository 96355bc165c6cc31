"""The moving part of a report: small frames, tracked contours and paths of material points."""

from __future__ import annotations

import base64
import struct
import zlib
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from myomotion.analysis.motion import Motion
from myomotion.analysis.quality_figures import FREE_RADIUS_MM
from myomotion.analysis.strain import SliceRegions
from myomotion.core.contours import ring_contours
from myomotion.core.view import View, standard_view
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.cine import Cine
from myomotion.io.labels import MYOCARDIUM

MARGIN_MM = 26.0  # shown around the ventricle
LARGEST_HALF_MM = 64.0
BYTES = 3.2e6  # of all frames together, compressed; sets the number of pixels
PIXELS = (64, 128)  # sides of a frame
CONTOUR_POINTS = 72
SMOOTHING = 0.8  # voxels; takes the steps of the label's voxels off the drawn contour
PATH_STEP = 3  # voxels of the working grid between paths in the wall
FREE_PATH_STEP = 5  # the same without a label


def player_slices(
    cine: Cine, motion: Motion, regions: Sequence[SliceRegions]
) -> list[dict[str, Any]]:
    """What the page needs to show each slice moving.

    Args:
        cine: the study.
        motion: its motion.
        regions: from :func:`~myomotion.analysis.strain.slice_regions`.

    Returns:
        For each slice a JSON object: ``size`` (pixels of a side), ``frames`` (grey PNG as data
        URLs), ``contours`` (for each contour and frame ``[x0, y0, x1, ...]`` in pixels) and
        ``paths`` (for each frame ``[x0, y0, ...]``, the positions of the same material points).
    """
    view = standard_view(cine.affine)
    frames = motion.working_image.shape[0]
    pixels = int(np.clip(np.sqrt(BYTES / (0.75 * frames * len(regions))), *PIXELS))
    half = max(_half_width(region, motion.grids[z]) for z, region in enumerate(regions))
    slices = []
    for z, region in enumerate(regions):
        grid = motion.grids[z]
        scale = pixels / (2 * half)
        contours = []
        if region.level is not None:
            soft = motion.slices.soft[MYOCARDIUM][z].numpy()
            soft = ndimage.gaussian_filter(soft, SMOOTHING)
            contours = [_even(line, CONTOUR_POINTS) for line in ring_contours(soft)]
        points = _path_points(region, grid)
        slices.append(
            {
                "level": cine.levels[z],
                "size": pixels,
                "frames": [png_url(f) for f in _grey_frames(cine, grid, z, pixels, half, view)],
                "contours": [_tracked(line, motion, z, scale, pixels, view) for line in contours],
                "paths": _tracked(points, motion, z, scale, pixels, view),
            }
        )
    return slices


def png_url(picture: np.ndarray) -> str:
    """A picture as a data URL.

    Args:
        picture: uint8 ``(H, W)`` or ``(H, W, 3)``.

    Returns:
        ``data:image/png;base64,...``.
    """
    return "data:image/png;base64," + base64.b64encode(png(picture)).decode()


def png(picture: np.ndarray) -> bytes:
    """Encode a picture as PNG; much faster than the drawing libraries for many small ones.

    Args:
        picture: uint8 ``(H, W)`` grey or ``(H, W, 3)`` colour.

    Returns:
        Content of a file (Portable Network Graphics, W3C recommendation; filter 2, "up").
    """
    height, width = picture.shape[:2]
    lines = np.ascontiguousarray(picture).reshape(height, -1)
    above = np.vstack([np.zeros_like(lines[:1]), lines[:-1]])
    filtered = np.hstack([np.full((height, 1), 2, np.uint8), lines - above])

    def chunk(kind: bytes, content: bytes) -> bytes:
        check = zlib.crc32(kind + content)
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", check)

    header = struct.pack(">IIBBBBB", width, height, 8, 2 if picture.ndim == 3 else 0, 0, 0, 0)
    body = zlib.compress(filtered.tobytes(), 6)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        chunk(*part) for part in ((b"IHDR", header), (b"IDAT", body), (b"IEND", b""))
    )


def _half_width(region: SliceRegions, grid: WorkingGrid) -> float:
    if region.level is None:
        return LARGEST_HALF_MM
    where = np.argwhere(region.wall | region.cavity) - (grid.size - 1) / 2
    return min(float(np.abs(where).max()) * grid.spacing + MARGIN_MM, LARGEST_HALF_MM)


def _grey_frames(
    cine: Cine, grid: WorkingGrid, z: int, pixels: int, half: float, view: View
) -> np.ndarray:
    fine = WorkingGrid(
        source_size=grid.source_size,
        source_spacing=grid.source_spacing,
        center=grid.center,
        size=pixels,
        spacing=2 * half / pixels,
    )
    frames = np.ascontiguousarray(cine.image[:, :, z].transpose(2, 0, 1))
    values = fine.to_working(torch.from_numpy(frames)[:, None])[:, 0].numpy()
    low, high = np.percentile(values, (0.5, 99.7))
    grey = np.clip((values - low) / max(float(high - low), 1e-6) * 255, 0, 255).astype(np.uint8)
    return view.picture(grey)


def _even(line: np.ndarray, count: int) -> np.ndarray:
    return line[np.linspace(0, len(line) - 1, count).astype(int)]


def _path_points(region: SliceRegions, grid: WorkingGrid) -> np.ndarray:
    """Material points, voxel indices ``(N, 2)``."""
    if region.level is not None:
        points = np.argwhere(region.wall)
        return points[(points % PATH_STEP == 0).all(1)].astype(float)
    axis = np.arange(0, grid.size, FREE_PATH_STEP)
    points = np.stack(np.meshgrid(axis, axis, indexing="ij"), axis=-1).reshape(-1, 2)
    distance = np.linalg.norm(points - (grid.size - 1) / 2, axis=1) * grid.spacing
    return points[distance <= FREE_RADIUS_MM].astype(float)


def _tracked(
    points: np.ndarray, motion: Motion, z: int, scale: float, pixels: int, view: View
) -> list[list[float]]:
    """Pixels ``[x0, y0, x1, ...]`` of material points ``(N, 2)`` in every frame."""
    grid = motion.grids[z]
    offset = (points - (grid.size - 1) / 2) * grid.spacing
    moved = _displacement_at(motion.working_displacement[:, z], points)
    position = view.offsets(offset[None] + moved) * scale + pixels / 2
    return [[round(float(v), 1) for v in frame.ravel()] for frame in position]


def _displacement_at(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Bilinear values ``(T, N, 2)`` of a field ``(T, 2, H, W)`` at voxel indices ``(N, 2)``."""
    inside = np.clip(points, 0, np.array(field.shape[2:]) - 1.001)
    low = inside.astype(int)
    (i, j), (a, b) = low.T, (inside - low).T
    values = (
        field[:, :, i, j] * (1 - a) * (1 - b)
        + field[:, :, i + 1, j] * a * (1 - b)
        + field[:, :, i, j + 1] * (1 - a) * b
        + field[:, :, i + 1, j + 1] * a * b
    )
    return values.transpose(0, 2, 1)
