"""Whether a slice is in the stack twice, so that volumes count it twice."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.measures.measure import Limits, Meaning, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedStudy
from myomotion.io.pictures.repeats import repeats_among, repeats_named


def _repeats(study: TrackedStudy) -> dict[int, int]:
    repeated = study.slices[0].cine.repeated
    return repeats_among(repeated, [tracked.index for tracked in study.measured])


REPEATED_SLICES = StudyMeasure(
    key="repeated_slices",
    compute=lambda study: float(len(_repeats(study))),
    format="{:.0f}",
    limits=Limits(
        amber=0.5,
        red=np.inf,
        reason=lambda _, study: f"{repeats_named(_repeats(study))}: volumes count both",
    ),
    meaning=Meaning(
        "repeated",
        "Amber where a measured slice has the very pictures of another one: it is in the stack "
        "twice, and volumes count both.",
    ),
)
