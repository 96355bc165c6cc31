"""Rows of ventricular function: volumes of every frame, areas of every frame and slice."""

from __future__ import annotations

from typing import Any

import numpy as np

from myomotion.analysis.areas import Areas
from myomotion.analysis.function import Function
from myomotion.analysis.timing import time_of
from myomotion.io.cine import Cine

VOLUME_COLUMNS = ["frame", "time_ms", "lv_volume_ml", "lv_volume_ratio", "wall_volume_ml"]
AREA_COLUMNS = ["frame", "time_ms", "slice", "level", "cavity_area_mm2", "wall_area_mm2"]


def volume_rows(function: Function, cine: Cine) -> list[dict[str, Any]]:
    """Volumes of every frame.

    Args:
        function: of the study.
        cine: the study.

    Returns:
        Dictionaries with :data:`VOLUME_COLUMNS`, None where unknown.
    """
    ml, wall = function.volume_ml, function.wall_volume_ml
    return [
        {
            "frame": t,
            "time_ms": time_of(cine, t),
            "lv_volume_ml": None if ml is None else float(ml[t]),
            "lv_volume_ratio": float(ratio),
            "wall_volume_ml": None if wall is None else float(wall[t]),
        }
        for t, ratio in enumerate(function.volume_ratio)
    ]


def area_rows(areas: Areas, cine: Cine) -> list[dict[str, Any]]:
    """Areas of every frame and slice that shows the ventricle.

    Args:
        areas: of the study.
        cine: the study.

    Returns:
        Dictionaries with :data:`AREA_COLUMNS`, None where unknown.
    """
    shown = areas.cavity_mm2 if areas.wall_mm2 is None else areas.cavity_mm2 + areas.wall_mm2
    return [
        {
            "frame": t,
            "time_ms": time_of(cine, t),
            "slice": int(z),
            "level": cine.levels[z],
            "cavity_area_mm2": float(areas.cavity_mm2[t, z]),
            "wall_area_mm2": None if areas.wall_mm2 is None else float(areas.wall_mm2[t, z]),
        }
        for z in np.flatnonzero(shown.any(0))
        for t in range(len(shown))
    ]
