"""What holds of segments and corrected p values whatever the heart or the study."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from myomotion.core.segments import BY_LABEL, FROM_ANTERIOR_THROUGH_SEPTUM, Septum, segment_map
from tests.support.analytic import ring_labels
from tools.study.statistics import holm

PROBABILITIES = st.lists(st.floats(0, 1), min_size=1, max_size=12)


@given(
    st.floats(-np.pi, np.pi),
    st.floats(np.deg2rad(60), np.deg2rad(200)),
    st.booleans(),
    st.sampled_from(sorted(FROM_ANTERIOR_THROUGH_SEPTUM)),
)
def test_segments_cover_the_wall_and_share_it_as_the_septum_says(
    anterior: float, arc: float, clockwise: bool, level: str
) -> None:
    wall = ring_labels() == 2
    septum = Septum(anterior=anterior, sweep=-arc if clockwise else arc, found=BY_LABEL)
    segments = segment_map(wall, (47.5, 47.5), level, septum)
    assert (segments[wall] > 0).all() and not segments[~wall].any()
    share = np.array(
        [(segments[wall] == number).mean() for number in FROM_ANTERIOR_THROUGH_SEPTUM[level]]
    )
    widths = [0.25] * 4
    if level != "apical":
        widths = [arc / 2 / (2 * np.pi)] * 2 + [(1 - arc / (2 * np.pi)) / 4] * 4
    assert share == pytest.approx(widths, abs=0.02)


@given(PROBABILITIES)
def test_correction_by_holm_keeps_the_order_and_only_ever_raises(p_values: list[float]) -> None:
    adjusted = np.array(holm(p_values))
    order = np.argsort(p_values, kind="stable")
    assert (np.diff(adjusted[order]) >= 0).all()
    assert (adjusted >= p_values).all() and (adjusted <= 1).all()
    smallest = min(p_values)
    assert adjusted.min() == min(1.0, len(p_values) * smallest)


@given(PROBABILITIES, st.integers(0, 11), st.floats(0, 1), st.randoms(use_true_random=False))
def test_correction_by_holm_is_monotone_in_every_p_value_and_knows_no_order(
    p_values: list[float], at: int, raised: float, random: object
) -> None:
    at %= len(p_values)
    higher = list(p_values)
    higher[at] = max(raised, p_values[at])
    assert (np.array(holm(higher)) >= np.array(holm(p_values)) - 1e-12).all()
    places = list(range(len(p_values)))
    random.shuffle(places)  # type: ignore[attr-defined]
    shuffled = holm([p_values[i] for i in places])
    assert shuffled == [holm(p_values)[i] for i in places]
