"""Whether intensities were cut off at the bright end, as in a narrow window or an 8-bit export."""

from __future__ import annotations

import numpy as np

from myomotion.analysis.intensity import intensities
from myomotion.analysis.measures.label_fit import has_ring
from myomotion.analysis.measures.measure import Limits, Meaning, SliceMeasure
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.io.labels import CAVITY, MYOCARDIUM

NEAR = 0.005  # of the range: what lossy compression leaves of one value
WALL_BRIGHTNESS = 0.4  # of the range: as long as the wall is darker, an edge is left to track


def clipped_share(tracked: TrackedSlice) -> float:
    """Share of the labelled cavity that has the brightest value of the slice at end-diastole.

    Args:
        tracked: a slice with a wall around a cavity.

    Returns:
        Next to 0 unless the bright end was cut off.
    """
    bright = brightness(tracked, CAVITY)
    return float((bright >= 1 - NEAR).mean())


def brightness(tracked: TrackedSlice, label: int) -> np.ndarray:
    """Intensities under a label at end-diastole, from the dark end to the brightest of the slice.

    Args:
        tracked: the slice.
        label: internal code.

    Returns:
        ``(N,)``, 1 for the brightest value in any frame.
    """
    cine, z = tracked.cine, tracked.index
    assert cine.label_ed is not None
    dark = intensities(tracked.motion.slices, z).dark
    values = cine.image[:, :, z, cine.ed_frame][cine.label_ed[..., z] == label]
    scaled: np.ndarray = (values - dark) / max(float(cine.image[:, :, z].max()) - dark, 1e-6)
    return scaled


def _reason(value: float, tracked: TrackedSlice) -> str | None:
    if np.median(brightness(tracked, MYOCARDIUM)) < WALL_BRIGHTNESS:
        return None
    return (
        f"{value:.0%} of the cavity has the brightest value of the slice: intensities were cut off "
        "there, and too little contrast is left to track"
    )


# Slices of 24 real hearts reach 0.4 %, by labels and as the network draws them. Cut off at 0.4 of
# the bright end they have 70 % or more, and a heart loses a fifth of its ejection fraction; at 0.3
# half of it.
LIMITS = Limits(amber=0.3, red=float("inf"), reason=_reason)

CLIPPED = SliceMeasure(
    key="clipped_share",
    compute=clipped_share,
    limits=LIMITS,
    applies=has_ring,
    meaning=Meaning(
        "clipped",
        "Share of the cavity that has the brightest value of the slice at end-diastole. Amber "
        f"above {LIMITS.amber:.0%} where the wall has more than {WALL_BRIGHTNESS:.0%} of that "
        "brightness: intensities were cut off.",
    ),
)
