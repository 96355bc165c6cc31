"""Intervals of a study: repeats, what they give in tables and summary, and when there are none."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.intervals.calibration import Calibration, Scale, tracking_parameters
from myomotion.analysis.intervals.repeats import CONTOUR_VOXELS, NUMBERS, repeated_numbers
from myomotion.analysis.intervals.study import Intervals, share_of_interval, spread
from myomotion.analysis.measures.tracked import tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.study import Study, analyse
from myomotion.analysis.tables.strain import columns
from myomotion.analysis.tables.wide import wide_row
from myomotion.inferers.studies import cohort_row
from tests.support.cines.ring import beat, contraction, ring_cine

PARAMETERS = {"weights_sha256": "a"}
FLOORS = {"global": 0.5, "slice": 1.0, "segment": 2.0}


def calibration(**parameters: Any) -> Calibration:
    scales = {
        (kind, key): Scale(floor=floor, factor=2.0)
        for kind, floor in FLOORS.items()
        for key in NUMBERS
    }
    own = tracking_parameters(parameters or PARAMETERS)
    method = ("network", own, {"given": scales, "drawn": scales})
    return Calibration(level=0.9, repeats=3, made_of="rings", methods=(method,))


def tracked(made: Calibration | None, repeats: int = 3) -> Study:
    """A ring, whose repeats find the same motion."""
    shares = beat()
    field = contraction(shares)
    es = int(np.argmax(shares))
    again = field[:, es][None].expand(repeats, -1, -1, -1, -1) if repeats else None
    cine = ring_cine(shares)
    cine.label_found = "given"
    return analyse(
        working_slices(cine), field, parameters=PARAMETERS, repeats=again, calibration=made
    )


@pytest.fixture(scope="module")
def study() -> Study:
    return tracked(calibration())


def test_repeats_of_one_motion_differ_by_their_contours_alone() -> None:
    shares = beat()
    field = contraction(shares)
    slices = tracked_slices(source_motion(working_slices(ring_cine(shares)), field))
    es = int(np.argmax(shares))
    found = repeated_numbers(slices, field[:, es][None].expand(6, -1, -1, -1, -1))
    own = found[0, 0]
    assert own["ecc_percent"].shape == (6,)
    assert 0.02 < spread([own["ecc_percent"]]) < 3 * CONTOUR_VOXELS
    assert spread([own["rotation_deg"]]) < 0.05
    again = repeated_numbers(slices, field[:, es][None].expand(6, -1, -1, -1, -1))
    assert np.array_equal(again[0, 0]["err_percent"], own["err_percent"])


def test_spread_of_a_mean_over_slices_is_that_of_the_means() -> None:
    assert spread([np.array([1.0, 3.0]), np.array([3.0, 1.0])]) == 0.0
    assert spread([np.array([1.0, 3.0])]) == pytest.approx(2**0.5)
    assert spread([np.array([1.0, np.nan, 3.0])]) == pytest.approx(2**0.5)
    assert spread([np.array([np.nan])]) == 0.0


def test_study_slices_and_segments_have_intervals_above_their_floors(study: Study) -> None:
    means = study.summary["mean_of_slices_at_end_systole"]
    (own,) = study.summary["slices"]
    segment = study.summary["segments_at_end_systole"]["7"]
    for values, kind in ((means, "global"), (own, "slice"), (segment, "segment")):
        half = values["ecc_percent_half_width"]
        assert 2 * FLOORS[kind] <= half < 2 * FLOORS[kind] + 2
    assert study.summary["intervals"] == {
        "level_percent": 90,
        "contours": "given",
        "repeats": 3,
        "calibrated_on": "rings",
    }


def test_table_has_the_interval_of_end_systole_and_none_without_motion(study: Study) -> None:
    whole = {r["frame"]: r for r in study.rows if r["segment"] == 0}
    at_es = whole[study.motion.es_frame]
    (own,) = study.summary["slices"]
    assert at_es["ecc_percent_half_width"] == pytest.approx(own["ecc_percent_half_width"])
    assert whole[study.cine.ed_frame]["ecc_percent_half_width"] == pytest.approx(0, abs=1e-6)
    assert all(set(row) <= set(columns()) for row in study.rows)


def test_wide_tables_have_the_intervals_of_the_segments(study: Study) -> None:
    half = study.summary["segments_at_end_systole"]["7"]["err_percent_half_width"]
    assert wide_row(study.summary)["err_percent_half_width_07"] == half
    row = cohort_row(study.summary)
    assert row["err_percent_half_width_07"] == half
    means: Mapping[str, Any] = study.summary["mean_of_slices_at_end_systole"]
    assert row["ecc_percent_half_width"] == means["ecc_percent_half_width"]


def test_other_weights_have_no_interval_and_the_reader_is_told() -> None:
    study = tracked(calibration(weights_sha256="other"))
    assert study.summary["intervals"] is None
    assert any("calibrated for other weights" in text for text in study.summary["warnings"])
    assert "ecc_percent_half_width" not in study.summary["mean_of_slices_at_end_systole"]


@pytest.mark.parametrize(("made", "repeats"), [(None, 3), (calibration(), 0)])
def test_without_calibration_or_repeats_there_is_no_interval(
    made: Calibration | None, repeats: int
) -> None:
    study = tracked(made, repeats)
    assert study.summary["intervals"] is None
    assert not any("calibrated" in text for text in study.summary["warnings"])
    assert all(row.get("ecc_percent_half_width") is None for row in study.rows)


def test_values_themselves_do_not_change_with_intervals(study: Study) -> None:
    plain = tracked(None)
    keys = [key for key in columns() if not key.endswith("_half_width")]
    for with_, without in zip(study.rows, plain.rows, strict=True):
        assert all(with_[key] == without[key] for key in keys)
    assert isinstance(study.motion.working_displacement, np.ndarray)
    assert torch.is_tensor(study.motion.slices.images)


@pytest.mark.parametrize(("ecc", "share"), [(0.0, 0.0), (-5.0, 0.5), (5.0, 0.5), (-30.0, 1.0)])
def test_interval_grows_with_the_root_of_the_shortening_up_to_end_systole(
    ecc: float, share: float
) -> None:
    assert share_of_interval(ecc, at_es=-20.0) == share
    assert share_of_interval(ecc, at_es=0.0) == 0


def test_slice_without_repeats_has_no_interval() -> None:
    scales = {("slice", key): Scale(floor=1.0, factor=2.0) for key in NUMBERS}
    repeats = {(0, 0): dict.fromkeys(NUMBERS, np.zeros(3))}
    intervals = Intervals(scales=scales, repeats=repeats)
    assert intervals.of_place((0, 0)) == dict.fromkeys(NUMBERS, 2.0)
    assert intervals.of_place((1, 0)) == dict.fromkeys(NUMBERS)
