"""What is odd about a stack: slices shifted or out of order, an apex or a base that is not there.

None of it keeps a stack from being lifted; all of it is said, for numbers rest on what is missing.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from myomotion.analysis.volume.shape import FEWEST_SLICES, HeartShape

SHIFTED_MM = 5.0  # of a slice beside the smooth axis of all
OUT_OF_ORDER = 0.2  # relative difference of a slice's epicardial radius from the smooth course
VALLEY = 0.05  # of the largest radius: how much smaller a slice is than one on either side of it
FAR_APEX = 1.5  # distances of slices from the lowest one to the apex, beyond which it is not seen
FAR_WIDEST = 0.75  # distances of slices from the highest one to the widest level
WIDENING = 0.01  # of the epicardial radius, from the slice below the highest to the highest


def oddities(shape: HeartShape, slices: Sequence[int], outer: np.ndarray) -> list[str]:
    """Sentences about a stack.

    Args:
        shape: of the wall.
        slices: numbers of its slices in the file, from apex to base.
        outer: ``(K,)`` their epicardial radii, mm.
    """
    return [
        *_left_out(slices),
        *_shifted(shape, slices),
        *_disordered(slices, outer),
        *_ends(shape, outer),
    ]


def _left_out(slices: Sequence[int]) -> list[str]:
    missing = sorted(set(range(min(slices), max(slices))) - set(slices))
    if not missing:
        return []
    return [
        f"Slices {missing} have no closed wall: the motion in space there is taken from the slices "
        "on either side."
    ]


def _shifted(shape: HeartShape, slices: Sequence[int]) -> list[str]:
    line = np.polynomial.polynomial
    # A straight line: a curve through few slices would follow the one that was shifted.
    straight = line.polyval(shape.levels, line.polyfit(shape.levels, shape.middles, 1)).T
    away = np.hypot(*(shape.middles - straight).T)
    far = [z for z, way in zip(slices, away, strict=True) if way > SHIFTED_MM]
    if not far:
        return []
    return [
        f"Slices {far} lie more than {SHIFTED_MM:g} mm beside the axis of the others: taken at "
        "another breath-hold, or out of order. The lift into space brought them back."
    ]


def _disordered(slices: Sequence[int], outer: np.ndarray) -> list[str]:
    """A ventricle widens from its apex and may narrow again; it has no waist."""
    larger_side = [
        min(outer[:k].max(), outer[k + 1 :].max()) if 0 < k < len(outer) - 1 else 0.0
        for k in range(len(outer))
    ]
    odd = np.array(larger_side) - outer > VALLEY * outer.max()
    if len(outer) > FEWEST_SLICES:
        place = np.arange(len(outer))
        course = np.polyval(np.polyfit(place, outer**2, 2), place)
        odd |= np.abs(outer / np.sqrt(np.maximum(course, 1.0)) - 1) > OUT_OF_ORDER
    if not odd.any():
        return []
    named = [z for z, strange in zip(slices, odd, strict=True) if strange]
    return [
        f"The size of slices {named} does not follow that of their neighbours: the slices may be "
        "out of order. The lift into space rests on their order."
    ]


def _ends(shape: HeartShape, outer: np.ndarray) -> list[str]:
    found = []
    if shape.apex_below_mm > FAR_APEX * shape.step_mm:
        found.append(
            "The stack does not reach the apex, which is taken to lie "
            f"{shape.apex_below_mm:.0f} mm below its lowest slice: volumes in space, GLS and "
            "torsion rest on that."
        )
    widens = outer[-1] > (1 + WIDENING) * outer[-2]
    if widens and shape.widest_above_mm > FAR_WIDEST * shape.step_mm:
        found.append(
            "The ventricle still widens at the highest slice, so that the stack may not reach the "
            "base: volumes in space, GLS and torsion are those of the part below."
        )
    return found
