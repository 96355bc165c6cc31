"""How far virtual hearts thicken: what the claims say of errors that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.support.wall_rings import INNER, OUTER, RING_DROP, deflated, offsets, strain_of, turned
from tools.verify.inference import thickening
from tools.verify.inference.thickening import unsheared_err, virtual_thickening_claims


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


def test_errors_of_virtual_hearts_are_means_over_hearts(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def numbers(_: object, error: float) -> dict[str, tuple[float, float]]:
        return {
            "thickening": (40 + error, 40.0),
            "by tracking": (40 + 2 * error, 40.0),
            "unsheared": (50 + error / 2, 50.0),
            "shear": (2.0, 6.0),
        }

    monkeypatch.setattr(thickening, "tracker_of", lambda _: None)
    monkeypatch.setattr(thickening, "studies_of", lambda *_: [3.0, -5.0, 100.0])
    monkeypatch.setattr(thickening, "_heart", numbers)
    thick, unsheared = virtual_thickening_claims(tmp_path, 2)
    assert thick.value == pytest.approx(4.0) and not thick.passed
    assert "2 hearts, bias -1.00; by tracking alone 8.00, bias -2.00" in thick.note
    assert unsheared.value == pytest.approx(2.0) and unsheared.passed
    assert "6.0 points to the true Err, 2.0 to the tracked" in unsheared.note
