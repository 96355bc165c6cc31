"""Whether the labelled ventricle is as large as hearts are: a wrong voxel size shows here first."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Meaning, Range, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedStudy


def diameter_mm(study: TrackedStudy) -> float | None:
    """Diameter of the disc as large as the labelled ventricle, wall and cavity, at end-diastole.

    Args:
        study: tracked.

    Returns:
        Millimetres, of the largest slice; None where no slice shows a wall around a cavity.
    """
    areas = [
        float((s.region.wall | s.region.cavity).sum()) * s.grid.spacing**2
        for s in study.measured
        if s.has_wall
    ]
    return float(2 * np.sqrt(max(areas) / np.pi)) if areas else None


# Nine hearts of four groups have 71 to 96 mm, virtual ones 66 to 74; adults with small hearts 60.
LIMITS = Range(
    low_amber=52.0,
    low_red=35.0,
    amber=112.0,
    red=140.0,
    reason=lambda value, _: (
        f"the labelled ventricle is {value:.0f} mm wide, and adults' are 55 to 110 mm: the voxel "
        "size may be wrong"
    ),
)

DIAMETER = StudyMeasure(
    key="ventricle_diameter_mm",
    compute=diameter_mm,
    format="{:.0f}",
    limits=LIMITS,
    meaning=Meaning(
        "size",
        "Diameter of the labelled ventricle at end-diastole, its wall included, in the largest "
        f"slice. Amber outside {LIMITS.low_amber:g} to {LIMITS.amber:g} mm, red outside "
        f"{LIMITS.low_red:g} to {LIMITS.red:g} mm: the voxel size may be wrong. Children's hearts "
        "are smaller.",
    ),
)
