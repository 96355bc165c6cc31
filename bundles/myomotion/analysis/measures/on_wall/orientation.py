"""Whether the right ventricle lies on the patient's right, on which the sign of rotation rests."""

from __future__ import annotations

from myomotion.analysis.measures.measure import Limits, Meaning, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedStudy
from myomotion.core.segments import ASSUMED
from myomotion.core.view import off_right_deg
from myomotion.io.labels import RIGHT_VENTRICLE


def right_ventricle_angle_deg(study: TrackedStudy) -> float | None:
    """How far the right ventricle lies off the patient's right and front by the file's header.

    Args:
        study: tracked.

    Returns:
        Degrees (:func:`~myomotion.core.view.off_right_deg`); None where the header is a placeholder
        or there is no right ventricle: none marked or labelled, none seen to touch the wall.
    """
    slices = study.slices[0].motion.slices
    side = slices.right_ventricle_side
    if side is None or not slices.view.from_header:
        return None
    found = {tracked.region.septum.found for tracked in study.measured}
    if found == {ASSUMED} and not slices.covered(RIGHT_VENTRICLE).any():
        return None
    return off_right_deg(slices.cine.affine, side)


# Five real hearts whose headers say how they lie have 2 to 17, with labels and without, and 140 to
# 177 where their rows are reversed. Reversed columns leave 3 to 40: they cannot be told.
LIMITS = Limits(
    amber=90.0,
    red=180.0,
    reason=lambda value, _: (
        "by the file's header the right ventricle lies to the left of the left one or behind it, "
        f"{value:.0f} degrees off the patient's right and front: the pictures are mirrored or the "
        "header is wrong, and the sign of twist and the names of segments may be as well; convert "
        "the cine again from the scanner's files, or correct its header"
    ),
)

RIGHT_VENTRICLE_ANGLE = StudyMeasure(
    key="right_ventricle_angle_deg",
    compute=right_ventricle_angle_deg,
    format="{:.0f}",
    limits=LIMITS,
    meaning=Meaning(
        "mirrored",
        "How far the right ventricle lies off the patient's right and front by the file's header. "
        f"Amber above {LIMITS.amber:g} degrees: the pictures are mirrored or the header is wrong, "
        "and so may be the sign of twist and the names of segments.",
    ),
)
