"""Calibrations: what a run takes from them, and files that are none."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myomotion.analysis.intervals.calibration import (
    Scale,
    load_calibration,
    tracking_parameters,
)
from myomotion.errors import InputError

NETWORK = {"weights_sha256": "a", "field": "velocity", "refine_steps": 0, "refine_alpha": 0.003}
REFINED = {**NETWORK, "refine_steps": 15, "vae_weights_sha256": "b", "report": True}


def table(**changes: Any) -> dict[str, Any]:
    numbers = {"given": {"global": {"ecc_percent": {"floor": 0.3, "factor": 2.0, "test": {}}}}}
    methods = [
        {"name": name, "parameters": tracking_parameters(own), "numbers": numbers}
        for name, own in (("network", NETWORK), ("refined", REFINED))
    ]
    made = {"level": 0.9, "repeats": 4, "made_of": "3 hearts", "methods": methods}
    return {**made, **changes}


def write(folder: Path, content: object) -> Path:
    path = folder / "intervals.json"
    path.write_text(json.dumps(content))
    return path


def test_half_an_interval_grows_with_the_spread_from_its_floor_on() -> None:
    scale = Scale(floor=0.3, factor=2.0)
    assert scale.half_width(0.0) == pytest.approx(0.6)
    assert scale.half_width(0.4) == pytest.approx(1.0)


def test_a_run_finds_the_scales_of_its_weights_and_settings(tmp_path: Path) -> None:
    calibration = load_calibration(write(tmp_path, table()))
    assert calibration is not None
    scales = calibration.scales(REFINED, "given")
    assert scales == {("global", "ecc_percent"): Scale(floor=0.3, factor=2.0)}
    assert calibration.repeats_for(REFINED) == 4
    assert calibration.scales(REFINED, "drawn") is None


@pytest.mark.parametrize(
    ("changes", "fits"),
    [
        ({"weights_sha256": "other"}, False),
        ({"refine_steps": 60}, False),
        ({"refine_bending": 0.1}, False),
        ({"report": False, "label_ed": "file"}, True),
    ],
)
def test_what_changes_the_motion_is_not_calibrated(
    tmp_path: Path, changes: dict[str, Any], fits: bool
) -> None:
    calibration = load_calibration(write(tmp_path, table()))
    assert calibration is not None
    assert (calibration.scales({**REFINED, **changes}, "given") is not None) is fits
    assert calibration.repeats_for({**REFINED, **changes}) == 4 * fits


def test_settings_of_a_refinement_do_not_count_without_one() -> None:
    assert tracking_parameters({**NETWORK, "refine_alpha": 9.0}) == tracking_parameters(NETWORK)
    assert tracking_parameters({**REFINED, "refine_alpha": 9.0}) != tracking_parameters(REFINED)


@pytest.mark.parametrize("content", [[], {}, {"methods": 3}, table(methods=[{"name": "a"}])])
def test_a_file_that_is_no_table_is_named(tmp_path: Path, content: object) -> None:
    path = write(tmp_path, content)
    with pytest.raises(InputError, match=r"intervals\.json: no table of intervals .* intervals to"):
        load_calibration(path)


def test_a_missing_table_is_named_and_none_is_none(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        load_calibration(tmp_path / "none.json")
    assert load_calibration(None) is None


def test_numbers_of_the_shipped_table_cover_what_they_say() -> None:
    path = Path(__file__).parents[3] / "bundles/cardiac_motion_reg/models/intervals.json"
    shipped = json.loads(path.read_text())
    for method in shipped["methods"]:
        assert set(method["numbers"]) == {"given", "drawn"}
        for kinds in method["numbers"].values():
            for own in (n for keys in kinds.values() for n in keys.values()):
                assert own["validation"]["coverage"] >= shipped["level"] - 0.04
                assert np.isfinite(own["factor"]) and own["floor"] >= 0
