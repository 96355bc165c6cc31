"""How sure a network was of the end-diastolic contours that it has drawn."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Limits, Meaning, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy
from myomotion.analysis.segmentation import NONE_SEEN
from myomotion.analysis.ventricles import UNSURE


def unsure_share(tracked: TrackedSlice) -> float | None:
    """Share of the drawn ventricle on which the orientations of the network disagree.

    Args:
        tracked: a slice of a study whose label was drawn.

    Returns:
        The share; None where nothing was drawn.
    """
    unsure = tracked.cine.label_unsure
    if unsure is None or np.isnan(unsure[tracked.index]):
        return None
    return float(unsure[tracked.index])


def drawn_slices(study: TrackedStudy) -> float | None:
    """Slices in which the network has drawn contours; None where they were given or not wanted."""
    cine = study.slices[0].cine
    if cine.label_found == NONE_SEEN:
        return 0.0
    if cine.label_ed is None or not cine.label_drawn:
        return None
    return float(cine.label_ed.any((0, 1)).sum())


# No light: contour_agreement_ed judges drawn and given labels alike.
UNSURE_SHARE = SliceMeasure(
    key="contour_unsure_share",
    compute=unsure_share,
    applies=lambda tracked: tracked.cine.label_unsure is not None,
    heading="contours unsure",
    format="{:.0%}",
    meaning=Meaning(
        "contours unsure",
        "Where the label was drawn by the network: the share of the ventricle's area on which its "
        f"looks in eight orientations disagree. Beyond {UNSURE:.0%} the contours need a look.",
    ),
)
DRAWN_SLICES = StudyMeasure(
    key="drawn_slices",
    compute=drawn_slices,
    format="{:.0f}",
    limits=Limits(
        amber=0.5,
        red=-1.0,
        reason=lambda *_: (
            "the network sees no left ventricle in any slice: it may be no stack of short-axis "
            "slices"
        ),
    ),
    meaning=Meaning(
        "no ventricle",
        "Amber where contours were to be drawn and the network sees no left ventricle in any "
        "slice, as in a long-axis view.",
    ),
)
