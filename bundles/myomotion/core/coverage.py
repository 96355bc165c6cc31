"""How much of a ventricle the labelled slices of a stack cover, from base to apex."""

from __future__ import annotations

from collections.abc import Container
from itertools import takewhile

import numpy as np

FEWEST_SLICES = 3  # with a cavity, that can show a ventricle from base to apex
APEX_SHARE = 0.25  # of the largest cavity; a smaller one at the end of a stack is its last
# The same where the stack goes on and the next slice was seen to have none. Seven whole ventricles
# of real stacks, 8 to 10 mm from slice to slice, end with 0.05 to 0.3 of the largest.
LAST_SHARE = 0.5
BASE_MM = 22.0  # no slice farther than this from the first is left by the base in systole


def why_partial(
    cavity: np.ndarray,
    whole: np.ndarray,
    pictures: Container[int],
    neighbours: bool,
    base_first: bool,
) -> str | None:
    """Why slices do not cover a ventricle from base to apex; None where they do.

    Whether slices of the base are left out cannot be told from areas where the stack goes on.

    Args:
        cavity: areas at end-diastole, ``(Z,)``.
        whole: areas of cavity and wall, ``(Z,)``.
        pictures: slices that are not blank.
        neighbours: the slices are those of a stack, none left out between them.
        base_first: they are in order from base to apex, else from apex to base.

    Returns:
        Half a sentence.
    """
    shown, filled = np.flatnonzero(whole > 0), np.flatnonzero(cavity > 0)
    if len(filled) < FEWEST_SLICES:
        plural = "s" * (len(filled) != 1)
        return f"a cavity in {len(filled)} slice{plural}, fewer than {FEWEST_SLICES}"
    if not neighbours:
        return "the slices are no neighbours in a stack"
    if len(shown) < np.ptp(shown) + 1:
        return "slices between the first and the last that show the ventricle have no label"
    if len(filled) < np.ptp(filled) + 1:
        empty = set(range(filled[0], filled[-1])) - set(filled.tolist())
        return (
            f"slice {' and '.join(map(str, sorted(empty)))} between the first and the last with a "
            "cavity has none"
        )
    share = cavity / cavity.max()
    ends = ((shown[0], shown[0] - 1), (shown[-1], shown[-1] + 1))
    cut = [str(z) for z, beyond in ends if beyond not in pictures and share[z] >= APEX_SHARE]
    if cut:
        return f"the stack ends with slice {' and '.join(cut)} within the ventricle"
    apex = shown[-1] if base_first else shown[0]
    if share[apex] >= LAST_SHARE:
        return (
            f"the label ends with slice {apex}, whose cavity is {share[apex]:.0%} of the largest, "
            "before the apex"
        )
    return None


def without_systole(
    cavity: np.ndarray,
    shown: np.ndarray,
    looked_at: np.ndarray,
    distance_mm: float,
    base_first: bool,
) -> list[int]:
    """Slices of a ventricle that an end-systolic label leaves out though it must be there.

    It need not be where the base has left a slice, :data:`BASE_MM` and a third of the slices at
    most, nor at the apex, where a small cavity closes, or any in a slice that has another label.

    Args:
        cavity: areas at end-diastole, ``(Z,)``.
        shown: slices in which the end-systolic label shows the ventricle, boolean ``(Z,)``.
        looked_at: slices in which it shows anything, boolean ``(Z,)``.
        distance_mm: of the slices.
        base_first: they are in order from base to apex, else from apex to base.

    Returns:
        Their indices; empty for a complete label.
    """
    slices = np.flatnonzero(cavity > 0).tolist()
    if not base_first:
        slices.reverse()
    closes = looked_at | (cavity < APEX_SHARE * cavity.max())
    base = list(takewhile(lambda z: not shown[z], slices))
    apex = list(takewhile(lambda z: not shown[z] and closes[z], reversed(slices)))
    if len(base) > min(int(BASE_MM / distance_mm), len(slices) // 3):
        base = []
    return sorted(z for z in slices if not shown[z] and z not in base and z not in apex)
