"""Claims about tracked hearts: what they say of records whose errors are known."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fem_sim.claims import Claim
from myomotion.core.wall.contours import Contours
from tools.verify.inference import tracked
from tools.verify.inference.thickening import thickness_mm
from tools.verify.inference.tracked import agreement, area_under_curve, tracked_claims


def rows(error: float, twist_share: float = 1.0) -> list[dict[str, Any]]:
    """Three slices of a heart with a scar in segment 3 of the base."""
    found = []
    for z, (level, turn) in enumerate((("basal", -3.0), ("mid", 2.0), ("apical", 9.0))):
        place = {"method": "refined", "contours": "given", "slice": z, "level": level}
        layers = {"ecc_endo_percent": -24.0, "ecc_mid_percent": -18.0, "ecc_epi_percent": -13.0}
        numbers = {"ecc_percent": -18.0, "err_percent": 40.0, **layers}
        for segment in range(7):
            scar = 1.0 if (z, segment) == (0, 3) else 0.0
            for key, truth in numbers.items():
                true = truth / 3 if scar else truth + 0.3 * segment
                own = {"segment": segment, "key": key, "value": true + error, "truth": true}
                found.append({**place, **own, "repeats": [true, true], "scar": scar})
        own = {"segment": 0, "key": "rotation_deg", "value": twist_share * turn, "truth": turn}
        found.append({**place, **own, "repeats": [turn, turn], "scar": 0.0})
    return found


def claims_of(
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    *args: float,
    records: list[dict[str, Any]] | None = None,
) -> dict[str, Claim]:
    records = records or [{"name": name, "numbers": rows(*args)} for name in ("a", "b")]
    monkeypatch.setattr(tracked, "heart_jobs", lambda *_: [])
    monkeypatch.setattr(tracked, "heart_records", lambda *_: records)
    monkeypatch.setattr(tracked, "_coverage", lambda _: iter(()))
    found = tracked_claims(tmp_path, tmp_path / "work", None, 1)
    return {claim.claim.split(": ", 1)[1]: claim for claim in found}


def test_right_hearts_pass_every_claim(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    found = claims_of(monkeypatch, tmp_path, 0.0)
    assert len(found) == 11 and all(claim.passed for claim in found.values())
    assert found["scars told from other segments by Ecc, AUC"].value == 1.0


def test_errors_of_tracking_are_what_the_claims_say(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    found = claims_of(monkeypatch, tmp_path, 1.5, 0.6)
    assert found["GCS, mean error"].value == pytest.approx(1.5)
    assert found["GCS, mean error"].passed is False
    assert found["Ecc of a segment, mean error"].value == pytest.approx(1.5)
    assert found["Ecc of the endo layer, mean error"].value == pytest.approx(1.5)
    twist = found["twist, mean error"]
    assert twist.value == pytest.approx(0.4 * 12) and "60 % of the true twist" in twist.note


def test_scars_of_a_strong_heart_are_told_against_its_slice_alone(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    strong = [{**r, "value": 3 * r["value"], "truth": 3 * r["truth"]} for r in rows(0.0)]
    pair = [{"name": "weak", "numbers": rows(0.0)}, {"name": "strong", "numbers": strong}]
    found = claims_of(monkeypatch, tmp_path, records=pair)
    plain = found["scars told from other segments by Ecc, AUC"]
    assert plain.value is not None and plain.value < 0.8 and not plain.passed
    assert f"{plain.value:.2f} with the true motion" in plain.note
    assert found["scars told from other segments by Ecc less that of the slice, AUC"].value == 1.0


def test_agreement_falls_with_an_offset_and_with_noise() -> None:
    true = np.linspace(-30, -5, 40)
    noise = np.random.default_rng(0).normal(0, 3, 40)
    assert agreement(np.column_stack([true, true])) == pytest.approx(1.0)
    assert agreement(np.column_stack([true, true + 10])) < 0.75
    assert 0.7 < agreement(np.column_stack([true, true + noise])) < 0.97


def test_area_under_the_curve_is_the_share_of_pairs_in_order() -> None:
    assert area_under_curve(np.array([3.0, 4.0]), np.array([1.0, 2.0])) == 1.0
    assert area_under_curve(np.array([1.0, 3.0]), np.array([2.0])) == 0.5
    assert area_under_curve(np.array([2.0]), np.array([2.0])) == 0.5


def test_thickness_of_a_round_ring_is_that_between_its_radii() -> None:
    angle = 2 * np.pi * np.arange(180) / 180
    circle = np.column_stack([np.cos(angle), np.sin(angle)])
    assert thickness_mm(Contours(endo=20 * circle, epi=30 * circle)) == pytest.approx(10, rel=1e-3)
