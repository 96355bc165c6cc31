"""How sure a network was of the end-diastolic contours that it has drawn."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Meaning, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice
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
