"""Numbers of a ventricle in space: for ``summary.json``, for ``volume.csv``."""

from __future__ import annotations

from typing import Any

import numpy as np

from myomotion.analysis.timing import time_of
from myomotion.analysis.volume.function import standard_error
from myomotion.analysis.volume.lattice import cavity_volume, meridian_length, torsion
from myomotion.analysis.volume.study import VolumeMotion
from myomotion.io.cine import Cine

COLUMNS = [
    *("frame", "time_ms", "volume_ml", "gls_percent", "torsion_degrees_per_cm"),
    *("ecc_percent", "ell_percent", "ett_percent"),
]


def volume_summary(volume: VolumeMotion, cine: Cine, es_frame: int) -> dict[str, Any]:
    """The entry ``volume`` of ``summary.json``: values at end-systole against end-diastole.

    Args:
        volume: motion in space.
        cine: the study.
        es_frame: end-systolic frame.
    """
    lifted, function = volume.lifted, volume.function
    start = lifted.shape.positions
    errors = {
        "gls": standard_error(lifted, es_frame, lambda x: 100 * meridian_length(x))
        / meridian_length(start),
        "torsion": standard_error(lifted, es_frame, lambda x: torsion(x, start)),
        "volume": standard_error(lifted, es_frame, cavity_volume),
    }
    end, diastole = function.volume_ml[es_frame], function.volume_ml[cine.ed_frame]
    strain = function.strain[es_frame]
    return {
        "gls_percent": float(function.gls[es_frame]),
        "gls_uncertainty": float(errors["gls"]),
        "torsion_degrees_per_cm": float(function.torsion[es_frame]),
        "torsion_uncertainty": float(errors["torsion"]),
        "ef_percent": float(100 * (1 - end / diastole)),
        "ef_uncertainty": float(100 * errors["volume"] / diastole),
        "edv_ml": float(diastole),
        "esv_ml": float(end),
        "ecc_percent": float(strain[0]),
        "ell_percent": float(strain[1]),
        "ett_percent": float(strain[2]),
        "base_mm": float(_ring_motion(volume, es_frame, -1)),
        "apex_mm": float(_ring_motion(volume, es_frame, 0)),
        "slices": volume.slices,
        "apex_below_lowest_slice_mm": lifted.shape.apex_below_mm,
        "through_plane_mm": _numbers(function.through_plane[es_frame]),
        "stretch_along_axis": _numbers(function.stretch_along[es_frame]),
        "residual_mm": _numbers(lifted.residual_mm[es_frame]),
    }


def volume_rows(volume: VolumeMotion, cine: Cine) -> list[dict[str, Any]]:
    """Rows of ``volume.csv`` with :func:`volume_columns`, one a frame."""
    function = volume.function
    return [
        {
            "frame": t,
            "time_ms": time_of(cine, t),
            "volume_ml": float(function.volume_ml[t]),
            "gls_percent": float(function.gls[t]),
            "torsion_degrees_per_cm": float(function.torsion[t]),
            **dict(zip(COLUMNS[-3:], map(float, function.strain[t]), strict=True)),
            **{
                _column(z): float(function.through_plane[t, k]) for k, z in enumerate(volume.slices)
            },
        }
        for t in range(len(function.gls))
    ]


def volume_columns(volume: VolumeMotion) -> list[str]:
    """Columns of ``volume.csv``: the ventricle's, then the motion of each slice along the axis."""
    return [*COLUMNS, *(_column(z) for z in volume.slices)]


def _column(z: int) -> str:
    return f"through_plane_slice_{z}_mm"


def _ring_motion(volume: VolumeMotion, frame: int, ring: int) -> float:
    """Mean motion of a ring of the wall along the axis, mm, negative towards the apex."""
    moved = volume.lifted.positions[frame, ring, ..., 2]
    return float((moved - volume.lifted.shape.positions[ring, ..., 2]).mean())


def _numbers(values: np.ndarray) -> list[float | None]:
    return [round(float(value), 3) if np.isfinite(value) else None for value in values]
