"""Whether the labelled ventricle is as large, as round and as long as hearts are.

A wrong voxel size or distance of slices shows here first, and a long-axis view that is taken for a
slice of the stack.
"""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Limits, Meaning, Range, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy

FEWEST_SLICES = 3  # that do not lie alike by chance


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


def axis_ratio(study: TrackedStudy) -> float | None:
    """How much longer the labelled ventricle is along one axis of the picture than along the other.

    A heart is longer in some slices than in others, and a wrong voxel size stretches all alike: the
    slice counts in which both are most alike.

    Args:
        study: tracked.

    Returns:
        Spread along the first axis over that along the second; 1 where slices disagree which one is
        the longer, None for fewer than :data:`FEWEST_SLICES` with a wall.
    """
    regions = [s.region.wall | s.region.cavity for s in study.measured if s.has_wall]
    if len(regions) < FEWEST_SLICES:
        return None
    spreads = np.array([np.argwhere(region).std(0) for region in regions])
    ratios = spreads[:, 0] / np.maximum(spreads[:, 1], 1e-6)
    return float(np.clip(1, ratios.min(), ratios.max()))


def length_mm(study: TrackedStudy) -> float:
    """Length of the labelled ventricle from base to apex: what its slices stand for, in mm."""
    shown = [s.index for s in study.slices if (s.region.wall | s.region.cavity).any()]
    return float(study.slices[0].cine.slabs.thickness_mm[shown].sum())


def length_share(study: TrackedStudy) -> float | None:
    """:func:`length_mm` over :func:`diameter_mm`.

    Args:
        study: tracked.

    Returns:
        The share; None unless the ventricle counts as whole, the distance of the slices is known
        and its wall is labelled.
    """
    function, diameter = study.function, diameter_mm(study)
    if function is None or function.partial or function.volume_ml is None or diameter is None:
        return None
    return length_mm(study) / diameter


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

# 23 real hearts have 0.94 to 1.00 by labels and 0.90 to 1.01 as the network draws them, three
# neighbouring slices of one of them 0.86; virtual ones 0.97 to 1.03.
AXIS_LIMITS = Range(
    low_amber=1 / 1.2,
    low_red=0.0,
    amber=1.2,
    red=float("inf"),
    reason=lambda value, _: (
        f"the labelled ventricle is {max(value, 1 / value):.1f} times as long along one axis of "
        "the picture as along the other in every slice: the voxel size of an axis may be wrong"
    ),
)

# Three whole ventricles, dilated, have 0.82 to 1.34, virtual ones from base to apex 0.97 to 1.40.
# Cavities of adults are 70 to 105 mm long and 38 to 58 mm wide, so that healthy hearts with their
# walls have 1.2 to 1.6. Labels often leave out a slice at the base, an eighth of the length.
LENGTH_LIMITS = Range(
    low_amber=0.70,
    low_red=0.0,
    amber=1.8,
    red=float("inf"),
    reason=lambda value, study: (
        f"the labelled ventricle is {length_mm(study):.0f} mm long and {diameter_mm(study):.0f} mm "
        "wide, and hearts are 0.8 to 1.6 times as long as wide: the distance of the slices may be "
        "wrong, see slice_spacing_mm"
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
AXIS_RATIO = StudyMeasure(
    key="ventricle_axis_ratio",
    compute=axis_ratio,
    limits=AXIS_LIMITS,
    meaning=Meaning(
        "axes",
        "Extent of the labelled ventricle along one axis of the picture over that along the other, "
        "in the slice where they are most alike; of three slices at least. Amber outside "
        f"{AXIS_LIMITS.low_amber:.2f} to {AXIS_LIMITS.amber:g}: the voxel size of an axis may be "
        "wrong.",
    ),
)
LENGTH = StudyMeasure(
    key="ventricle_length_share",
    compute=length_share,
    limits=LENGTH_LIMITS,
    meaning=Meaning(
        "length",
        "Length of a labelled ventricle that is seen whole, by the distance of its slices, over "
        f"its diameter. Amber outside {LENGTH_LIMITS.low_amber:g} to {LENGTH_LIMITS.amber:g}: the "
        "distance of the slices may be wrong.",
    ),
)
