"""Whether the labelled ventricle is as large and as round as hearts are in the short axis.

A wrong voxel size shows here first, and a long-axis view that is taken for a slice of the stack.
"""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Limits, Meaning, Range, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy


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


def elongation(tracked: TrackedSlice) -> float:
    """Length over width of the ellipse that is spread as the labelled ventricle is.

    Args:
        tracked: a slice with a wall.

    Returns:
        At least 1; 1 for a disc.
    """
    region = tracked.region.wall | tracked.region.cavity
    spread = np.linalg.eigvalsh(np.cov(np.argwhere(region).T))
    return float(np.sqrt(spread[1] / max(spread[0], 1e-6)))


# Nine hearts of four groups have 71 to 96 mm, virtual ones 66 to 74; adults with small hearts 60.
# Cavities of newborns of 50 cm are 19 mm wide at end-diastole (0.352 height in cm + 1.86; Nagasawa,
# Cardiol Young 2010), without their walls, so that red below more would call a child's cine a
# failure. Adults' hearts in voxels of half their size have 30 to 48 mm, which is told: amber.
LIMITS = Range(
    low_amber=52.0,
    low_red=20.0,
    amber=112.0,
    red=140.0,
    reason=lambda value, _: (
        f"the labelled ventricle is {value:.0f} mm wide, and adults' are 55 to 110 mm: "
        f"{'a child, or ' * (value < 55)}the voxel size may be wrong"
    ),
)

# 68 slices of nine hearts reach 1.30, all others 1.21.
ELONGATION_LIMITS = Limits(
    amber=1.5,
    red=2.0,
    reason=lambda value, _: (
        f"the labelled ventricle is {value:.1f} times as long as it is wide: this is no short-axis "
        "slice, or the voxel size of an axis is wrong"
    ),
)

ELONGATION = SliceMeasure(
    key="ventricle_elongation",
    compute=elongation,
    limits=ELONGATION_LIMITS,
    applies=lambda tracked: tracked.has_wall,
    meaning=Meaning(
        "shape",
        "Length of the labelled ventricle over its width, which are alike in the short axis. Amber "
        f"and red above {ELONGATION_LIMITS.amber:g} and {ELONGATION_LIMITS.red:g}.",
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
