"""Which slices show a ventricle from base to apex, and which an end-systolic label must show."""

from __future__ import annotations

from collections.abc import Collection

import numpy as np
import pytest

from myomotion.core.coverage import why_partial, without_systole

# Cavity at end-diastole of whole ventricles in real stacks, base to apex, mm^2.
WHOLE = (
    (0, 0, 1985, 2534, 2820, 2672, 2835, 2398, 1850, 1482, 801, 0),
    (0, 0, 3601, 3871, 4125, 3915, 3484, 2738, 1738, 826, 185, 0),
    (0, 3871, 3785, 3570, 3357, 3172, 2665, 2026, 1942, 1172, 0),
)


def around(cavity: np.ndarray) -> np.ndarray:
    return cavity + 1200.0 * (cavity > 0)


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("given", WHOLE)
def test_real_ventricles_are_whole_and_those_without_their_apex_are_not(
    given: tuple[int, ...], turned: bool
) -> None:
    cavity = np.array(given[::-1] if turned else given, float)
    assert why_partial(cavity, around(cavity), range(len(cavity)), True, not turned) is None
    shown = np.flatnonzero(cavity)
    kept = shown[3:6] if turned else shown[-6:-3]
    part = np.zeros_like(cavity)
    part[kept] = cavity[kept]
    why = why_partial(part, around(part), range(len(part)), True, not turned)
    assert why is not None and f"slice {kept[0] if turned else kept[-1]}, whose cavity" in why


def missing(
    shown: Collection[int],
    looked_at: Collection[int] = (),
    distance: float = 10.0,
    turned: bool = False,
) -> list[int]:
    """Of nine slices, the last with a small cavity."""
    cavity = np.array([*[2000.0] * 8, 300.0])
    of = [np.isin(np.arange(9), list(part)) for part in (shown, {*shown, *looked_at})]
    step = -1 if turned else 1
    cavity, seen, looked = cavity[::step], of[0][::step], of[1][::step]
    found = without_systole(cavity, seen, looked, distance, not turned)
    return sorted(8 - z for z in found) if turned else found


@pytest.mark.parametrize("turned", [False, True])
def test_only_base_and_closed_apex_may_lack_a_label_in_systole(turned: bool) -> None:
    assert missing(range(9), turned=turned) == []
    assert missing(range(2, 8), turned=turned) == []
    assert missing(range(3, 9), turned=turned) == [0, 1, 2]
    assert missing(range(1, 9), distance=25.0, turned=turned) == [0]
    assert missing(range(3, 9), distance=6.0, turned=turned) == []
    assert missing(range(4, 9), distance=1.0, turned=turned) == [0, 1, 2, 3]  # over a third
    assert missing(range(6), turned=turned) == [6, 7]
    assert missing(range(6), looked_at=(6, 7), turned=turned) == []
    assert missing((*range(4), *range(5, 9)), looked_at=(4,), turned=turned) == [4]
