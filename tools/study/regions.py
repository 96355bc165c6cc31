"""End-point error by region of the wall, on virtual cines whose true motion is known."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import ndimage

from myomotion.analysis.grids import Slices
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY
from tools.evaluate.scores import true_displacement

REGIONS = ("epe_inner_mm", "epe_outer_mm", "epe_scar_mm", "epe_remote_mm")
AREA_RATIO = "area_ratio"


def regional_errors(
    item: Mapping[Any, Any], displacement: torch.Tensor, slices: Sequence[int]
) -> list[dict[str, float]]:
    """Mean end-point error at end-systole in parts of the end-diastolic wall.

    Args:
        item: from :class:`~myomotion.transforms.load_cine.LoadCine`.
        displacement: ``(Z, 2, H, W)`` in millimetres.
        slices: which ones.

    Returns:
        For each slice :data:`REGIONS`: the half of the wall nearer to the cavity,
        the other half, the scar, and the rest of the wall of a slice with a scar; NaN where there
        is none, and for real cines. A scar is the sector that the cine's record names, seen from
        the cavity centroid at end-diastole (the simulated scar has soft edges of 10 degrees). And
        :data:`AREA_RATIO`, the cavity's area at end-diastole over that at end-systole.
    """
    on_grid: Slices = item["slices"]
    cine, grids = on_grid.cine, on_grid.grids
    unknown = dict.fromkeys((*REGIONS, AREA_RATIO), float("nan"))
    truth = true_displacement(cine)
    if truth is None:
        return [dict(unknown) for _ in slices]
    scars = stored_scars(Path(cine.files["image"]).with_name("info.json"), len(grids))
    rows = []
    for z in slices:
        true = grids[z].to_working(truth[z : z + 1])[0]
        error = (displacement[z] - true).norm(dim=0).numpy()
        wall = (item["mask"][z, 0] > 0.5).numpy()
        inner = inner_half(wall)
        regions = [inner, wall & ~inner]
        if (stored := scars[z]) is not None:
            scar = wall & sector(wall.shape, on_grid.centers[z], *stored)
            regions += [scar, wall & ~scar]
        means = (float(error[r].mean()) if r.any() else float("nan") for r in regions)
        found = {AREA_RATIO: _area_ratio(cine, z), **dict(zip(REGIONS, means, strict=False))}
        rows.append({**unknown, **found})
    return rows


def _area_ratio(cine: Cine, z: int) -> float:
    areas = [
        0 if label is None else int((label[..., z] == CAVITY).sum())
        for label in (cine.label_ed, cine.label_es)
    ]
    return areas[0] / areas[1] if all(areas) else float("nan")


def inner_half(wall: np.ndarray) -> np.ndarray:
    """The part of a ring that is nearer to its hole than to the outside.

    Args:
        wall: boolean ``(H, W)``; a ring without a hole has no inner half.

    Returns:
        Boolean ``(H, W)``.
    """
    filled = ndimage.binary_fill_holes(wall)
    hole = filled & ~wall
    if not hole.any():
        return np.zeros_like(wall)
    to_hole = ndimage.distance_transform_edt(~hole)
    to_outside = ndimage.distance_transform_edt(filled)
    return wall & (to_hole <= to_outside)


def sector(
    size: tuple[int, ...], center: tuple[float, float], angle: float, width: float
) -> np.ndarray:
    """Voxels within a sector.

    Args:
        size: ``(H, W)``.
        center: its tip, voxels.
        angle: of its middle in degrees, from axis 0 towards axis 1.
        width: its opening in degrees.

    Returns:
        Boolean ``(H, W)``.
    """
    rows, columns = np.indices(size)
    degrees = np.rad2deg(np.arctan2(columns - center[1], rows - center[0]))
    return np.abs((degrees - angle + 180) % 360 - 180) <= width / 2


def stored_scars(info: Path, slices: int) -> list[tuple[float, float] | None]:
    """Angle and width in degrees of the scar of each slice, where a virtual cine's record has one.

    Args:
        info: ``info.json`` of the cine.
        slices: how many slices it has.

    Returns:
        One entry a slice, None without a scar.
    """
    record = json.loads(info.read_text(encoding="utf-8")) if info.is_file() else {}
    scars = [(c.get("parameters") or {}).get("scar") for c in record.get("cycles", [])]
    found = [(float(s["angle"]), float(s["width"])) if s else None for s in scars]
    return found if len(found) == slices else [None] * slices
