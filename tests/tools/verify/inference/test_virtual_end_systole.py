"""End-systole of virtual hearts: what the claims say of errors that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.tracked import TrackedSlice
from tests.support.cines.ring import beat, contraction, ring_cine
from tests.support.wall_rings import INNER, OUTER, RING_DROP, deflated, offsets, strain_of, turned
from tools.verify.inference import virtual_end_systole as module
from tools.verify.inference.end_systole import moved_slices
from tools.verify.inference.virtual_end_systole import (
    compared,
    end_systole_claims,
    unsheared_err,
)

ES = 4
KEYS = ("err", "unsheared", "ecc", "thickening", "twist")


def sheared() -> np.ndarray:
    """The ring deflated, its layers turned against each other by one degree a millimetre."""
    radius = np.maximum(np.hypot(*offsets()), 15.0)
    return turned(radius - INNER, np.sqrt(1 - RING_DROP / radius**2))


def test_layers_that_slide_add_to_err_but_not_to_what_is_left_without_shear() -> None:
    plain, slid = strain_of(deflated()), strain_of(sheared())
    radius = np.linspace(INNER, OUTER, 3001)
    true = np.average(50 * (1 / (1 - RING_DROP / radius**2) - 1), weights=radius)
    for strain in (plain, slid):
        assert unsheared_err(strain, 0) == pytest.approx(true, abs=0.4)
    assert 100 * (slid.mean("err")[0] - plain.mean("err")[0]) > 5


def slices_of(scale: float) -> list[TrackedSlice]:
    """Two levels of a ring that contracts, by a share of how it does."""
    cine = ring_cine(beat())
    cine.image, label = (np.concatenate([a] * 2, axis=2) for a in (cine.image, cine.label_ed))
    cine.label_ed, cine.levels, cine.es_frame = label, ["basal", "apical"], ES
    return moved_slices(working_slices(cine), scale * contraction(beat())[:, ES].repeat(2, 1, 1, 1))


def test_true_motion_has_no_error_and_half_of_it_half_the_strain() -> None:
    right = compared(slices_of(1.0), slices_of(1.0))
    for pairs in right.values():
        assert pairs[:, 0] == pytest.approx(pairs[:, 1], abs=1e-6)
    assert right["segments"].shape == (10, 2) and right["twist"].shape == (1, 2)
    assert right["shear"] == pytest.approx(0, abs=0.05)
    short = compared(slices_of(0.5), slices_of(1.0))
    for key in ("err", "unsheared", "ecc", "thickening"):
        assert (abs(short[key][:, 0]) < 0.7 * abs(short[key][:, 1])).all()


def test_errors_of_virtual_hearts_are_means_over_hearts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    steps: list[int] = []

    def pairs(_: object, error: float) -> dict[str, np.ndarray]:
        own = {key: np.array([[40 + error, 40.0], [50.0, 50.0]]) for key in KEYS}
        return {**own, "shear": np.array([[2.0, 6.0]]), "segments": own["ecc"] * 0.1}

    monkeypatch.setattr(module, "Tracker", lambda refine_steps, **_: steps.append(refine_steps))
    monkeypatch.setattr(module, "studies_of", lambda *_: [4.0, -8.0, 100.0])
    monkeypatch.setattr(module, "heart_pairs", pairs)
    found = {c.claim.split(": ")[1]: c for c in end_systole_claims(tmp_path, 2, 80)}
    radial = found["GRS, mean error"]
    assert steps == [80] and radial.value == pytest.approx(3.0) and not radial.passed
    assert "2 hearts, bias -1.00" in radial.note
    assert "6.0 points to the true Err, 2.0 to the tracked" in radial.note
    assert found["Ecc of a segment, mean error"].value == pytest.approx(0.3)
