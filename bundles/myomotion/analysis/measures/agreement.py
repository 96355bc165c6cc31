"""Whether contours, moved or given, lie where the segmentation sees the ventricle."""

from __future__ import annotations

import numpy as np
import torch

from myomotion.analysis.measures.measure import Limits, Meaning, SliceMeasure, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedSlice, TrackedStudy
from myomotion.core.contours import dice
from myomotion.core.flow import warp
from myomotion.io.labels import CAVITY, MYOCARDIUM

SEEN_SHARE = 0.5  # of the contour's area that the network must see, anywhere, to have a say


def agreement_ed(tracked: TrackedSlice) -> float | None:
    """Overlap of the end-diastolic label with the left ventricle that the network sees.

    Where the cavity alone is labelled, it is compared with the cavity.

    Args:
        tracked: the slice.

    Returns:
        Dice; None where no network has looked or it sees no ventricle of such a size.
    """
    codes = (CAVITY, MYOCARDIUM) if tracked.has_wall else (CAVITY,)
    return _overlap(tracked, tracked.cine.ed_frame, codes)


def agreement_es(tracked: TrackedSlice) -> float | None:
    """Overlap of the cavity moved to end-systole with the cavity that the network sees there.

    Args:
        tracked: the slice.

    Returns:
        Dice; None where no network has looked or it sees no cavity of such a size.
    """
    return _overlap(tracked, tracked.motion.es_frame, (CAVITY,))


def cavity_alone(study: TrackedStudy) -> float | None:
    """How much better a label of the cavity alone fits the cavity than cavity and wall together.

    Args:
        study: tracked.

    Returns:
        Difference of Dice, median over the slices; None unless the cavity alone is labelled and the
        network sees a ventricle.
    """
    gaps = []
    for tracked in study.slices:
        if tracked.has_wall or not tracked.has_cavity or tracked.motion.slices.tissues is None:
            continue
        frame = tracked.cine.ed_frame
        label = _moved(tracked, frame, (CAVITY,))
        cavity, whole = (_seen(tracked, frame, c) for c in ((CAVITY,), (CAVITY, MYOCARDIUM)))
        if label.any() and whole.any():
            gaps.append(dice(label, cavity) - dice(label, whole))
    return float(np.median(gaps)) if gaps else None


def study_agreement(study: TrackedStudy) -> float | None:
    """Median over the slices of :func:`agreement_ed`: one slice may deceive the network.

    Args:
        study: tracked.

    Returns:
        Dice; None where it is known in no slice.
    """
    known = [v for v in (values.get(AGREEMENT_ED.key) for values in study.values) if v is not None]
    return float(np.median(known)) if known else None


def _overlap(tracked: TrackedSlice, frame: int, codes: tuple[int, ...]) -> float | None:
    if tracked.motion.slices.tissues is None:
        return None
    moved, seen = _moved(tracked, frame, codes), _seen(tracked, frame, codes)
    if not moved.any() or seen.sum() < SEEN_SHARE * moved.sum():
        return None
    return dice(moved, seen)


def _moved(tracked: TrackedSlice, frame: int, codes: tuple[int, ...]) -> np.ndarray:
    """Where the motion takes parts of the label, on the working grid."""
    slices = tracked.motion.slices
    label = sum(slices.soft[code][tracked.index] for code in codes)
    back = torch.from_numpy(tracked.motion.working_inverse[frame, tracked.index])
    moved = warp(torch.as_tensor(label)[None, None], back[None] / slices.spacing)[0, 0]
    there: np.ndarray = (moved > 0.5).numpy()
    return there


def _seen(tracked: TrackedSlice, frame: int, codes: tuple[int, ...]) -> np.ndarray:
    """Where the network sees them; it must have looked."""
    tissues = tracked.motion.slices.tissues
    assert tissues is not None
    index = (frame - tracked.cine.ed_frame) % tissues.shape[1]
    there: np.ndarray = (
        tissues[tracked.index, index, [code - 1 for code in codes]].sum(0) > 0.5
    ).numpy()
    return there


def _limits(what: str, amber: float, red: float) -> Limits:
    return Limits(
        amber=amber,
        red=red,
        reason=lambda value, _: (
            f"{what} overlaps what the segmentation sees by {value:.2f} only (Dice)"
        ),
    )


# On right hearts the network is wrong in a slice now and then (0.00 at an apex, 0.13 in a cavity
# that nearly vanishes), so that a slice is never red by it; a study is, by its slices' median.
NEVER = -1.0
ED_LIMITS = _limits("the end-diastolic label", 0.6, NEVER)
ES_LIMITS = _limits("the cavity moved to end-systole", 0.5, NEVER)
STUDY_LIMITS = _limits("the end-diastolic label of half of the slices", 0.65, 0.4)

AGREEMENT_ED = SliceMeasure(
    key="contour_agreement_ed",
    compute=agreement_ed,
    limits=ED_LIMITS,
    applies=lambda tracked: tracked.has_cavity and tracked.motion.slices.tissues is not None,
    meaning=Meaning(
        "label and picture",
        "Dice of the labelled left ventricle with the one that the segmentation sees at "
        f"end-diastole. Amber below {ED_LIMITS.amber:g}: the label may lie elsewhere than the "
        "heart.",
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
        f"Amber below {ES_LIMITS.amber:g}: the motion may not follow the heart.",
    ),
)
AGREEMENT = StudyMeasure(
    key="contour_agreement",
    compute=study_agreement,
    format="{:.2f}",
    limits=STUDY_LIMITS,
    meaning=Meaning(
        "labels and pictures",
        "Median over the slices of the Dice of the labelled left ventricle with the one that the "
        f"segmentation sees at end-diastole. Amber and red below {STUDY_LIMITS.amber:g} and "
        f"{STUDY_LIMITS.red:g}.",
    ),
)
# Endocardial outlines of 24 real studies have 0.14 and more, their epicardial ones -0.14 and less.
ALONE_LIMITS = Limits(
    amber=0.0,
    red=-0.1,
    reason=lambda *_: (
        "what is labelled as the cavity fits cavity and wall together better than the cavity that "
        "the segmentation sees: it may be the outer contour. Give endo- and epicardium"
    ),
)
CAVITY_ALONE = StudyMeasure(
    key="cavity_alone_fit",
    compute=cavity_alone,
    limits=ALONE_LIMITS,
    meaning=Meaning(
        "cavity alone",
        "Where the cavity alone is labelled: Dice with the cavity that the segmentation sees less "
        f"that with cavity and wall, median over the slices. Amber and red below "
        f"{ALONE_LIMITS.amber:g} and {ALONE_LIMITS.red:g}: it may be the outer contour.",
    ),
)
