"""Nothing that the shipped weights say of one fixed cine drifts unnoticed."""

from __future__ import annotations

import pytest

from tests.golden.make import CINE, DRIFT, expected_numbers, found_numbers
from tests.golden.numbers import differences


@pytest.mark.parametrize("run", ["network", pytest.param("refined", marks=pytest.mark.slow)])
def test_shipped_weights_say_of_the_golden_cine_what_they_said(run: str) -> None:
    expected, found = expected_numbers()[run], found_numbers(run)
    lines = differences(expected, found, DRIFT[run])
    assert len(expected) > 50
    assert not lines, (
        f"{len(lines)} of {len(found)} numbers of {CINE} have changed:\n"
        + "\n".join(lines)
        + "\nIf that is wanted: python -m tests.golden.make --accept, and say why in the commit."
    )


def test_a_drift_a_changed_light_and_a_lost_number_are_told_and_rounding_is_not() -> None:
    expected = {"ecc_percent": -15.32, "mean_j": 0.98, "light": "green", "frame": 2, "gone": 1.0}
    found = {"ecc_percent": -15.3249, "mean_j": 0.9751, "light": "red", "frame": 3, "new": 2.0}
    lines = differences(expected, found, 1e-4)
    assert [line.split(":")[0] for line in lines] == ["light", "frame", "gone", "new"]
    found |= {"ecc_percent": -15.34, "mean_j": 0.986}
    lines = differences(expected, found, 1e-4)
    assert lines[:2] == [
        "ecc_percent: expected -15.32, found -15.34 (-0.020, allowed 0.015)",
        "mean_j: expected 0.98, found 0.99 (+0.006, allowed 0.005)",
    ]
    assert differences(expected, expected, 0) == []
