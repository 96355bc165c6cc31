"""Change of area: of the wall and its segments (J), and of the cavity."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.drawing.closed import SPOT_SHARE
from myomotion.analysis.measures.measure import (
    FrameMeasure,
    Limits,
    Meaning,
    SegmentMeasure,
    SliceMeasure,
    StudyMeasure,
    Values,
)
from myomotion.analysis.measures.on_wall.mesh import over_wall, wall_of
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy
from myomotion.io.labels import CAVITY, MYOCARDIUM


def fold_share(tracked: TrackedSlice, segment: int) -> list[float]:
    """Share of a segment's pixels that the motion turns inside out (J <= 0), frame by frame."""
    part = tracked.segment(segment)
    return [float((j[part] <= 0).mean()) for j in tracked.jacobian]


def cavity_ratio(tracked: TrackedSlice) -> Values:
    """Tracked area of the cavity relative to end-diastole, one value a frame; None without it."""
    cavity = tracked.region.cavity
    return [float(j[cavity].mean()) if cavity.any() else None for j in tracked.jacobian]


def whole_cavity(study: TrackedStudy) -> np.ndarray | None:
    """Tracked area of the cavity relative to end-diastole, all measured slices together.

    A weak apex bulges while the ventricle contracts, and a cavity of few voxels grows by a third
    when its edge moves by a fraction of a voxel: a single slice does not tell which frame is
    end-diastole or end-systole, the sum does.

    Args:
        study: tracked.

    Returns:
        ``(T,)``; None without a cavity.
    """
    cavities = [(s.region.cavity, s.jacobian) for s in study.measured if s.has_cavity]
    if not cavities:
        return None
    areas: np.ndarray = np.sum([j[:, cavity].sum(1) for cavity, j in cavities], axis=0)
    return areas / sum(int(cavity.sum()) for cavity, _ in cavities)


def cavity_growth(study: TrackedStudy) -> float | None:
    """Largest area of :func:`whole_cavity` over the cycle."""
    areas = whole_cavity(study)
    return None if areas is None else float(areas.max())


def es_share(study: TrackedStudy) -> float | None:
    """What the whole cavity has given up at end-systole, of what it does over the cycle.

    Args:
        study: tracked.

    Returns:
        1 where end-systole is the frame of the smallest cavity; None where it hardly ejects.
    """
    areas = whole_cavity(study)
    if areas is None or 1 - areas.min() < LEAST_EJECTED:
        return None
    return float((1 - areas[study.slices[0].motion.es_frame]) / (1 - areas.min()))


def ejected_area(tracked: TrackedSlice) -> float | None:
    """Share of the cavity's area that the tracked motion has taken away at end-systole."""
    ratio = tracked.once(cavity_ratio)[tracked.motion.es_frame]
    return None if ratio is None else 1 - ratio


def area_change_error(tracked: TrackedSlice, label: int) -> float | None:
    """``|mean J over a part - A_ES / A_ED|`` at end-systole, areas from the labels.

    J of the wall is that of its mesh, J of the cavity that of its pixels. Of a cavity that the
    label shows closed within its wall, a tenth is taken to be left, as in tracking.

    Args:
        tracked: the slice.
        label: of the part, in the internal coding.

    Returns:
        The error; None unless the user has labelled the slice at end-diastole and end-systole, and
        for a wall without a mesh.
    """
    cine, z = tracked.cine, tracked.index
    if cine.label_ed is None or cine.label_es is None:
        return None
    if cine.label_drawn:  # as others draw than who labelled end-systole
        return None
    at_ed = int((cine.label_ed[..., z] == label).sum())
    at_es = int((cine.label_es[..., z] == label).sum())
    closed = label == CAVITY and not at_es and (cine.label_es[..., z] == MYOCARDIUM).any()
    if not at_ed or not (at_es or closed):
        return None
    if label == MYOCARDIUM:
        wall = wall_of(tracked)
        if wall is None:
            return None
        mean = float(wall.strain.mean("jacobian")[tracked.motion.es_frame])
    else:
        mean = float(tracked.jacobian[tracked.motion.es_frame][tracked.region.cavity].mean())
    return abs(mean - (SPOT_SHARE if closed else at_es / at_ed))


def _limits(part: str, amber: float, red: float) -> Limits:
    return Limits(
        amber=amber,
        red=red,
        reason=lambda value, _: (
            f"the area change of the {part} at end-systole is off by {value:.2f} against the labels"
        ),
    )


# |mean J - area ratio of the labels| at end-systole. Moving both contours of a 10 mm wall by a
# third of a voxel changes its area by a tenth.
WALL_LIMITS = _limits("wall", 0.15, 0.30)
# The same of the cavity; what a motion that is too small shows first.
CAVITY_LIMITS = _limits("cavity", 0.10, 0.20)
# Share of the wall with J <= 0. Tissue cannot turn inside out, so any fold is amber; above 1 % it
# is no longer a single voxel at the rim.
FOLD_LIMITS = Limits(
    amber=0.0, red=0.01, reason=lambda value, _: f"folds: J <= 0 in {value:.1%} of the wall"
)

# Right cines reach 1.02; where end-systole is taken for end-diastole, weak hearts reach 1.13 and
# others more.
GROWTH_LIMITS = Limits(
    amber=1.05,
    red=1.15,
    reason=lambda value, study: (
        f"the cavity grows to {value:.2f} times its area in frame "
        f"{study.slices[0].cine.ed_frame}: ed_frame may be wrong"
    ),
)

# Below it the frame of the smallest cavity is a matter of noise.
LEAST_EJECTED = 0.05
# Frames that experts named have 0.89 or more in fifteen cines, frames in diastole 0.1 to 0.8.
ES_LIMITS = Limits(
    amber=0.75,
    red=0.4,
    reason=lambda value, study: (
        f"in frame {study.slices[0].motion.es_frame}, taken for end-systole, the cavity has given "
        f"up {value:.0%} of what it does over the cycle: es_frame may be wrong"
    ),
)

CAVITY_RATIO = SegmentMeasure(
    key="area_ratio", compute=lambda tracked, _: tracked.once(cavity_ratio)
)
MEAN_J = SegmentMeasure(
    key="mean_j",
    compute=over_wall(lambda wall, part: wall.strain.mean("jacobian", part)),
    heading="mean J",
    averaged=True,
)
ABS_J_MINUS_1 = SegmentMeasure(
    key="abs_j_minus_1",
    compute=over_wall(lambda wall, part: wall.strain.mean("abs_j_minus_1", part)),
    averaged=True,
)
SEGMENT_FOLDS = SegmentMeasure(key="fold_fraction", compute=fold_share, averaged=True)
FOLDS = FrameMeasure(
    key="fold_fraction",
    compute=lambda tracked: [float(v) for v in (tracked.jacobian[:, tracked.part] <= 0).mean(1)],
    heading="folds",
    format="{:.1%}",
    tooltip="folds {:.2%}",
    limits=FOLD_LIMITS,
    meaning=Meaning(
        "folds",
        "Share of the wall where the motion turns tissue inside out (J not above 0). Amber for "
        f"any, red above {FOLD_LIMITS.red:.0%}.",
    ),
)
FRAME_CAVITY_RATIO = FrameMeasure(
    key="cavity_area_ratio", compute=lambda tracked: tracked.once(cavity_ratio)
)
CAVITY_GROWTH = StudyMeasure(
    key="largest_cavity_ratio",
    compute=cavity_growth,
    limits=GROWTH_LIMITS,
    meaning=Meaning(
        "growing cavity",
        "Largest tracked area of the cavity relative to end-diastole, where it is largest; all "
        f"measured slices together. Amber and red above {GROWTH_LIMITS.amber:g} and "
        f"{GROWTH_LIMITS.red:g}: ed_frame may be wrong.",
    ),
)
ES_SHARE = StudyMeasure(
    key="es_share_of_ejection",
    compute=es_share,
    format="{:.0%}",
    limits=ES_LIMITS,
    meaning=Meaning(
        "end-systole",
        "What the cavity has given up at end-systole of what it does over the cycle. Amber and red "
        f"below {ES_LIMITS.amber:.0%} and {ES_LIMITS.red:.0%}: es_frame may be wrong.",
    ),
)
EJECTED_AREA = SliceMeasure(
    key="ejection_area_fraction",
    compute=ejected_area,
    applies=lambda tracked: tracked.has_cavity,
    heading="ejected area",
    format="{:.0%}",
    averaged=True,
)
WALL_AREA_ERROR = SliceMeasure(
    key="area_change_error",
    compute=lambda tracked: area_change_error(tracked, MYOCARDIUM),
    heading="area error, wall",
    limits=WALL_LIMITS,
    meaning=Meaning(
        "area error",
        "Difference between the tracked and the labelled change of area at end-systole, of the "
        "wall and of the cavity, where end-systole is labelled. Amber and red above "
        f"{WALL_LIMITS.amber:g} and {WALL_LIMITS.red:g} (wall), "
        f"{CAVITY_LIMITS.amber:g} and {CAVITY_LIMITS.red:g} (cavity).",
    ),
)
CAVITY_AREA_ERROR = SliceMeasure(
    key="cavity_change_error",
    compute=lambda tracked: area_change_error(tracked, CAVITY),
    heading="cavity",
    limits=CAVITY_LIMITS,
)
