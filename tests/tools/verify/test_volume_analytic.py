"""Ventricles by formulas keep the muscle's volume and move as is said; what the lift makes of them.

That they are not of the modes' family is measured by the command, not here.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tools.verify.volume.analytic import (
    HEIGHT_MM,
    STILL,
    VENTRICLES,
    AnalyticVentricle,
    errors_of_lift,
    radii,
    share_of_gls,
    true_numbers,
)
from tools.verify.volume.command import analytic_claims
from tools.verify.volume.hearts import Errors


@pytest.mark.parametrize("ventricle", VENTRICLES, ids=lambda one: one.name)
def test_muscle_keeps_its_volume_everywhere(ventricle: AnalyticVentricle) -> None:
    rng = np.random.default_rng(0)
    place = rng.uniform([5.0, 0.0, 0.0], [HEIGHT_MM, 1.0, 2 * np.pi], (200, 3))
    steps = 1e-5 * np.diag([HEIGHT_MM, 1.0, 1.0])

    def volume(one: AnalyticVentricle) -> np.ndarray:
        sides = [one.moved(*(place + s).T) - one.moved(*(place - s).T) for s in steps]
        found: np.ndarray = np.linalg.det(np.stack(sides, axis=-1))
        return found

    np.testing.assert_allclose(volume(ventricle) / volume(STILL), 1, atol=1e-5)


@pytest.mark.parametrize("ventricle", VENTRICLES, ids=lambda one: one.name)
def test_ejection_and_torsion_are_those_that_are_given(ventricle: AnalyticVentricle) -> None:
    found = true_numbers(ventricle)
    assert found["ejection_fraction"] == pytest.approx(100 * ventricle.ejection, abs=0.1)
    assert found["torsion"] == pytest.approx(ventricle.torsion, abs=0.01)


def test_a_cavity_that_only_becomes_smaller_shortens_as_its_axis_does() -> None:
    similar = AnalyticVentricle(stretch=0.9, ejection=1 - 0.9**3, torsion=0.0)
    assert true_numbers(similar)["gls"] == pytest.approx(-10)
    inner, _ = radii(np.array([30.0]))
    moved = similar.moved(np.array([30.0]), np.zeros(1), np.zeros(1))
    np.testing.assert_allclose(moved, [[0.9 * inner[0], 0, 27]])


def test_a_ventricle_that_rests_is_lifted_as_one() -> None:
    found = errors_of_lift(STILL)
    assert found.point_mm < 0.01
    assert abs(found.gls) < 0.01


def test_tracks_are_the_tissue_s_where_none_goes_through_the_planes_and_not_where_it_does() -> None:
    around = AnalyticVentricle(stretch=1.0, ejection=0.4, torsion=2.0)
    assert errors_of_lift(around).plane_only_mm == pytest.approx(0, abs=1e-9)
    assert errors_of_lift(replace(around, stretch=0.9)).plane_only_mm > 3


@pytest.mark.parametrize("share", [1.0, 0.25, 0.0])
def test_share_of_gls_is_the_part_of_a_difference_that_is_found(share: float) -> None:
    errors = {}
    for ventricle in VENTRICLES:
        true, usual = true_numbers(ventricle)["gls"], -20 * ventricle.ejection
        found = usual + share * (true - usual)
        errors[ventricle.name] = Errors(
            **dict.fromkeys(Errors.__dataclass_fields__, 0.0) | {"gls": found - true}
        )
    assert share_of_gls(errors) == pytest.approx(share)


@pytest.mark.slow
def test_every_number_has_its_claim_and_every_ventricle_is_noted() -> None:
    results: dict[str, object] = {}
    claims = list(analytic_claims(results))
    assert [claim.unit for claim in claims] == ["mm", "points", "deg/cm", "points", "%", "%"]
    assert all(claim.value is not None for claim in claims)
    noted = results["analytic ventricles"]
    assert isinstance(noted, dict)
    assert list(noted["hearts"]) == [one.name for one in VENTRICLES]
