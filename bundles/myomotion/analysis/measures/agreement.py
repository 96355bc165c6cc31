"""Whether contours, moved or given, lie where the segmentation sees the ventricle."""

from __future__ import annotations

import numpy as np
import torch

from myomotion.analysis.measures.measure import Limits, Meaning, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.core.contours import dice
from myomotion.core.flow import warp
from myomotion.io.labels import CAVITY, MYOCARDIUM

SEEN_SHARE = 0.5  # of the contour's area that the network must see, anywhere, to have a say


def agreement_ed(tracked: TrackedSlice) -> float | None:
    """Overlap of the end-diastolic label with the left ventricle that the network sees.

    Args:
        tracked: the slice.

    Returns:
        Dice; None where no network has looked or it sees no ventricle of such a size.
    """
    return _overlap(tracked, tracked.cine.ed_frame, (CAVITY, MYOCARDIUM))


def agreement_es(tracked: TrackedSlice) -> float | None:
    """Overlap of the cavity moved to end-systole with the cavity that the network sees there.

    Args:
        tracked: the slice.

    Returns:
        Dice; None where no network has looked or it sees no cavity of such a size.
    """
    return _overlap(tracked, tracked.motion.es_frame, (CAVITY,))


def _overlap(tracked: TrackedSlice, frame: int, codes: tuple[int, ...]) -> float | None:
    slices, cine = tracked.motion.slices, tracked.cine
    if slices.tissues is None:
        return None
    label = sum(slices.soft[code][tracked.index] for code in codes)
    back = torch.from_numpy(tracked.motion.working_inverse[frame, tracked.index])
    moved = warp(torch.as_tensor(label)[None, None], back[None] / slices.spacing)[0, 0] > 0.5
    index = (frame - cine.ed_frame) % slices.tissues.shape[1]
    shares = slices.tissues[tracked.index, index, [code - 1 for code in codes]].sum(0)
    seen: np.ndarray = (shares > 0.5).numpy()
    if not moved.any() or seen.sum() < SEEN_SHARE * float(moved.sum()):
        return None
    return dice(moved.numpy(), seen)


def _limits(what: str, amber: float, red: float) -> Limits:
    return Limits(
        amber=amber,
        red=red,
        reason=lambda value, _: (
            f"{what} overlaps what the segmentation sees by {value:.2f} only (Dice)"
        ),
    )


ED_LIMITS = _limits("the end-diastolic label", 0.75, 0.5)
ES_LIMITS = _limits("the cavity moved to end-systole", 0.6, 0.3)

AGREEMENT_ED = SliceMeasure(
    key="contour_agreement_ed",
    compute=agreement_ed,
    limits=ED_LIMITS,
    applies=lambda tracked: tracked.has_cavity and tracked.motion.slices.tissues is not None,
    meaning=Meaning(
        "label and picture",
        "Dice of the labelled left ventricle with the one that the segmentation sees at "
        f"end-diastole. Amber and red below {ED_LIMITS.amber:g} and {ED_LIMITS.red:g}: the label "
        "may lie elsewhere than the heart.",
    ),
)
AGREEMENT_ES = SliceMeasure(
    key="contour_agreement_es",
    compute=agreement_es,
    limits=ES_LIMITS,
    applies=AGREEMENT_ED.applies,
    meaning=Meaning(
        "motion and picture",
        "Dice of the cavity moved to end-systole with the one that the segmentation sees there. "
        f"Amber and red below {ES_LIMITS.amber:g} and {ES_LIMITS.red:g}: the motion may not follow "
        "the heart.",
    ),
)
