"""Volumes, ejection fraction, mass and rates against bodies whose volume is known."""

from __future__ import annotations

import csv
import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myomotion.analysis.areas import Areas
from myomotion.analysis.function import (
    Function,
    body_surface_m2,
    ventricular_function,
)
from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import analyse
from myomotion.inferers.studies import cohort_columns, cohort_row
from myomotion.io.cine import Cine
from myomotion.io.info import Subject
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.io.slabs import slabs_of
from myomotion.report.page import report_page
from myomotion.transforms.save_motion import write_study
from tests.support.cines.ring import beat, contraction, ring_cine

FRAMES, ES = 20, 8
EDGE = [0.0]  # a slice beyond the ventricle
BODY = [*EDGE, *[1500.0] * 7, 900.0, 600.0, *EDGE]  # 120 ml in slices of 10 mm
TIMES = np.arange(FRAMES) * 45.0  # 900 ms a cycle, 66.7 beats a minute


def course(least: float) -> np.ndarray:
    """From 1 at end-diastole to ``least`` at end-systole and back, ``(T, 1)``."""
    phase = np.where(
        np.arange(FRAMES) <= ES,
        np.arange(FRAMES) / ES,
        1 + (np.arange(FRAMES) - ES) / (FRAMES - ES),
    )
    return (1 - (1 - least) * (1 - np.cos(np.pi * phase)) / 2)[:, None]


def stack(count: int, distance: float = 10.0, **known: Any) -> Cine:
    image = np.zeros((2, 2, count, FRAMES), np.float32)
    image[1] = 1 + np.arange(count)[:, None]
    levels = [f"slice{z:02d}" for z in range(count)]
    affine = np.diag([1.5, 1.5, distance, 1.0])
    return Cine(name="a", image=image, affine=affine, ed_frame=0, levels=levels, **known)


def areas(cavity: list[float], least: float = 0.4, wall: float | None = 1200.0) -> Areas:
    ed = np.array(cavity)
    around = None if wall is None else np.where(ed > 0, wall, 0.0) * np.ones((FRAMES, 1))
    return Areas(cavity_mm2=course(least) * ed, wall_mm2=around, found="drawn")


def function(cavity: list[float], least: float = 0.4, cine: Cine | None = None) -> Function:
    return ventricular_function(areas(cavity, least), cine or stack(len(cavity)), ES)


def test_body_that_shrinks_has_the_volume_and_mass_of_its_slices() -> None:
    found = function(BODY)
    assert found.partial is None and found.about["of"] == "whole left ventricle"
    expected = {
        "lv_edv_ml": 120.0,
        "lv_esv_ml": 48.0,
        "lv_sv_ml": 72.0,
        "lv_ef_percent": 60.0,
        "lv_mass_g": 9 * 10 * 1.2 * 1.05,
    }
    assert {k: found.numbers[k] for k in expected} == pytest.approx(expected)
    assert found.volume_ml is not None and found.volume_ml[0] == pytest.approx(120)
    assert found.volume_ratio[ES] == pytest.approx(0.4)
    assert not [key for key in found.numbers if key.startswith("seen_")]


def test_truncated_cone_has_the_volume_of_its_slices() -> None:
    radius = np.linspace(25, 5, 201)  # 200 slices of 0.4 mm: nearly the integral
    cone = np.pi / 3 * 80 * (25**2 + 25 * 5 + 5**2) / 1000
    area = (np.pi * radius**2).tolist()
    found = function([*EDGE, *area], 0.45, stack(202, 0.4))
    assert found.numbers["lv_edv_ml"] == pytest.approx(cone, rel=0.01)
    assert found.numbers["lv_ef_percent"] == pytest.approx(55)


def test_ejection_fraction_is_that_of_the_volume_not_the_mean_of_slices() -> None:
    shrink = np.array([0.0, 0.5, 0.5, 0.1, 0.0])  # the small slice empties more
    ed = np.array([0.0, 2000.0, 1500.0, 500.0, 0.0])
    moved = np.where(np.arange(FRAMES)[:, None] == ES, ed * shrink, ed)
    found = ventricular_function(Areas(cavity_mm2=moved, wall_mm2=None, found=""), stack(5), ES)
    assert found.numbers["lv_ef_percent"] == pytest.approx(100 * (1 - 1800 / 4000))
    assert found.numbers["lv_mass_g"] is None and found.wall_volume_ml is None


def test_gaps_count_and_uneven_slices_stand_for_their_own_part() -> None:
    cavity = [*EDGE, 1000.0, 1000.0, 400.0, *EDGE]
    thick = function(cavity, cine=stack(5, 12.0))  # 8 mm and a gap of 4
    assert thick.numbers["lv_edv_ml"] == pytest.approx(28.8)
    places = np.array([0.0, 8.0, 16.0, 28.0, 36.0])
    cine = stack(5, 9.0, slabs=slabs_of(np.diag([1.5, 1.5, 9, 1]), 5, places))
    uneven = function(cavity, cine=cine)
    assert uneven.numbers["lv_edv_ml"] == pytest.approx(8 + 10 + 4)
    assert uneven.about["slice_distance_from"] == "positions of the slices in the file"


def test_nominal_distance_gives_shares_and_no_millilitre() -> None:
    found = function([*EDGE, *[1500.0] * 4, *EDGE], cine=stack(6, 25.0, frame_times_ms=TIMES))
    assert found.volume_ml is None and found.wall_volume_ml is None
    known = {key for key, value in found.numbers.items() if value is not None}
    assert known == {
        "seen_lv_ef_percent",
        "seen_lv_peak_ejection_rate_edv_per_s",
        "seen_lv_peak_filling_rate_edv_per_s",
        "heart_rate_bpm",
    }
    assert found.number("lv_ef_percent") == pytest.approx(60)
    assert "25 mm" in found.about["no_ml_because"] and not found.about["slice_distance_known"]


@pytest.mark.parametrize(
    ("cavity", "why"),
    [
        ([1500.0], "a cavity in 1 slice, fewer than 3"),
        ([*EDGE, 1500.0, 1200.0, *EDGE], "a cavity in 2 slices"),
        ([1500.0, 1500.0, 1200.0, *EDGE], "stack ends with slice 0 within"),
        ([*EDGE, 1500.0, 1500.0, 1200.0], "stack ends with slice 3 within"),
        ([1500.0, 1500.0, 1200.0], "stack ends with slice 0 and 2 within"),
        ([*EDGE, 1500.0, *EDGE, 1200.0, 600.0, *EDGE], "between the first and the last"),
        ([*EDGE, 1500.0, 1500.0, 1200.0, *EDGE], "ends with slice 3, whose cavity is 80% of"),
        ([*EDGE, 1200.0, 1500.0, 1600.0, *EDGE], "ends with slice 1, whose cavity is 75% of"),
    ],
)
def test_part_of_a_ventricle_is_never_called_the_whole(cavity: list[float], why: str) -> None:
    found = function(cavity)
    assert found.partial is not None and why in found.partial
    assert found.numbers["seen_lv_ef_percent"] == pytest.approx(60)
    assert "lv_ef_percent" not in found.numbers and "lv_edv_ml" not in found.numbers
    assert "slices seen" in found.about["of"]


def test_a_blank_slice_does_not_end_a_ventricle() -> None:
    cavity, cine = [*EDGE, 1500.0, 1500.0, 600.0, *EDGE], stack(5)
    cine.image[:, :, 0] = 0
    assert function(cavity, cine=cine).partial == "the stack ends with slice 1 within the ventricle"


def test_stack_whose_last_slice_shows_the_tip_reaches_the_apex() -> None:
    assert function([*EDGE, 1500.0, 1500.0, 1200.0, 300.0]).partial is None
    cap = areas([*EDGE, 1500.0, 1500.0, 1200.0, 0.0])
    assert cap.wall_mm2 is not None
    cap.wall_mm2[:, -1] = 400.0  # wall alone
    assert ventricular_function(cap, stack(5), ES).partial is None


def test_wall_without_a_cavity_in_the_middle_is_no_whole_ventricle() -> None:
    gap = areas(BODY)
    gap.cavity_mm2[:, [3, 4]] = 0.0  # the wall is there
    partial = ventricular_function(gap, stack(len(BODY)), ES).partial
    assert partial is not None
    assert partial == "slice 3 and 4 between the first and the last with a cavity has none"


def labelled(es_slices: Sequence[int], es_right: Sequence[int] | None = None) -> Cine:
    """Eight slices, labels of both ventricles; at end-systole with half the cavity."""
    label = np.zeros((40, 40, 10), np.uint8)
    for z in range(1, 9):
        wide = 12 if z < 7 else 4
        label[5:25, 5:25, z] = MYOCARDIUM
        label[10:20, 10 : 10 + wide, z] = CAVITY
        label[28:38, 5 : 5 + wide, z] = RIGHT_VENTRICLE
    systole = np.zeros_like(label)
    systole[..., es_slices] = label[..., es_slices]
    systole[10:15][systole[10:15] == CAVITY] = MYOCARDIUM
    systole[28:33] = 0
    if es_right is not None:
        left = np.setdiff1d(np.arange(10), es_right)
        systole[28:, :, left] = 0
    return stack(10, label_ed=label, label_es=systole, es_frame=ES)


def by_labels(cine: Cine) -> Function:
    cavity = (cine.label_ed == CAVITY).sum((0, 1)) * 2.25
    return ventricular_function(areas(cavity.tolist()), cine, ES)


def test_end_systolic_label_in_part_of_the_slices_gives_no_ejection_fraction() -> None:
    for slices, missing in (((4,), "1, 2, 3, 5, 6, 7, 8"), (range(3, 6), "6, 7, 8")):
        found = by_labels(labelled(slices))
        for side in ("lv", "rv"):
            for key in ("esv_labelled_ml", "sv_labelled_ml", "ef_labelled_percent"):
                assert found.numbers[f"{side}_{key}"] is None
        assert found.numbers["rv_edv_labelled_ml"] is not None
        assert [name in text for text, name in zip(found.warnings, ("left", "right"), strict=True)]
        assert all(f"(slice {missing}): no end-systolic volume" in w for w in found.warnings)


def test_end_systolic_label_may_end_where_the_base_leaves_and_the_apex_closes() -> None:
    whole = by_labels(labelled(range(1, 9)))
    assert whole.numbers["lv_ef_labelled_percent"] == pytest.approx(50) and not whole.warnings
    moved = by_labels(labelled(range(3, 9)))  # the base has left two slices
    assert moved.numbers["lv_ef_labelled_percent"] == pytest.approx(100 * (1 - 28 / 80))
    closed = by_labels(labelled(range(1, 9), es_right=range(2, 6)))
    assert closed.numbers["rv_ef_labelled_percent"] == pytest.approx(100 * (1 - 24 / 80))
    assert moved.warnings == closed.warnings == []


def test_end_diastolic_label_in_part_of_the_slices_gives_no_ejection_fraction_by_labels() -> None:
    cine = labelled(range(1, 9))
    assert cine.label_ed is not None
    cine.label_ed[..., [1, 2, 3, 7, 8]] = 0
    found = by_labels(cine)
    assert found.numbers["seen_lv_ef_labelled_percent"] is None
    assert "(slice 1, 2, 3, 7, 8)" in found.warnings[0]


def test_rates_output_and_indices_follow_from_times_and_patient() -> None:
    patient = Subject(height_cm=180.0, weight_kg=80.0)
    cine = stack(len(BODY), frame_times_ms=TIMES, subject=patient)
    numbers = function(BODY, cine=cine).numbers
    assert numbers["body_surface_m2"] == 2.0
    assert numbers["heart_rate_bpm"] == pytest.approx(60000 / 900)
    assert numbers["cardiac_output_l_per_min"] == pytest.approx(0.072 * 60000 / 900)
    assert numbers["cardiac_index_l_per_min_per_m2"] == pytest.approx(0.036 * 60000 / 900)
    assert numbers["lv_edv_ml_per_m2"] == pytest.approx(60)
    # Half cosines of 72 ml over 360 and 540 ms.
    emptying, filling = 72 * np.pi / 2 / 0.36, 72 * np.pi / 2 / 0.54
    assert numbers["lv_peak_ejection_rate_ml_per_s"] == pytest.approx(emptying, rel=0.03)
    assert numbers["lv_peak_filling_rate_ml_per_s"] == pytest.approx(filling, rel=0.03)
    assert numbers["lv_peak_ejection_rate_edv_per_s"] == pytest.approx(emptying / 120, rel=0.03)
    told = replace(cine, subject=replace(patient, heart_rate_bpm=50.0))
    numbers = function(BODY, cine=told).numbers
    assert numbers["cardiac_output_l_per_min"] == pytest.approx(3.6)


def test_without_times_or_a_whole_cycle_there_are_no_rates_and_no_output() -> None:
    timed = stack(len(BODY), frame_times_ms=TIMES)
    for found in (function(BODY), ventricular_function(areas(BODY), timed, ES, False)):
        numbers = found.numbers
        assert numbers["lv_ef_percent"] == pytest.approx(60)
        assert numbers["heart_rate_bpm"] is numbers["cardiac_output_l_per_min"] is None
        assert not [key for key in numbers if "rate_ml" in key or "rate_edv" in key]
        assert found.about["rates_from"] is None


def test_end_diastole_may_be_any_frame() -> None:
    given = areas(BODY)
    rolled = replace(given, cavity_mm2=np.roll(given.cavity_mm2, 5, axis=0))
    cine = replace(stack(len(BODY)), ed_frame=5)
    found = ventricular_function(rolled, cine, ES + 5)
    assert found.numbers["lv_ef_percent"] == pytest.approx(60)


def test_labels_give_their_own_volumes_beside_the_tracked_ones() -> None:
    label = np.zeros((40, 40, 6), np.uint8)
    label[5:25, 5:25, 1:5] = MYOCARDIUM
    label[10:20, 10:20, 1:5] = CAVITY
    label[28:38, 5:25, 1:5] = RIGHT_VENTRICLE
    label[10:20, 14:20, 4] = MYOCARDIUM  # towards the apex
    label[28:38, 13:25, 4] = 0
    systole = label.copy()
    systole[systole == CAVITY] = MYOCARDIUM
    systole[10:15, 10:20, 1:4] = CAVITY  # half of it, and nothing in the last slice
    systole[28:33] = 0
    cine = stack(6, label_ed=label, label_es=systole, es_frame=ES)
    found = ventricular_function(areas([0, *[225.0] * 3, 90.0, 0]), cine, ES)
    numbers = found.numbers
    assert numbers["lv_edv_ml"] == pytest.approx(7.65)
    assert numbers["lv_ef_percent"] == pytest.approx(60)
    assert numbers["lv_esv_labelled_ml"] == pytest.approx(3.375)
    assert numbers["lv_ef_labelled_percent"] == pytest.approx(100 * (1 - 150 / 340))
    assert numbers["rv_edv_labelled_ml"] == pytest.approx((3 * 200 + 80) * 2.25 * 10 / 1000)
    assert numbers["rv_ef_labelled_percent"] == pytest.approx(50)
    alone = ventricular_function(found.areas, replace(cine, label_es=None), ES).numbers
    assert alone["rv_edv_labelled_ml"] == numbers["rv_edv_labelled_ml"]
    assert alone["rv_ef_labelled_percent"] is None and "lv_ef_labelled_percent" in alone
    label[28:38, 5:25, 0] = RIGHT_VENTRICLE  # reaches the end of the stack
    numbers = ventricular_function(found.areas, cine, ES).numbers
    assert "rv_ef_labelled_percent" not in numbers and numbers["seen_rv_ef_labelled_percent"] > 50


def test_areas_that_are_not_those_of_the_cine_are_refused() -> None:
    with pytest.raises(ValueError, match=r"areas of shape \(20, 3\) for \(20, 4\)"):
        ventricular_function(areas([1.0] * 3), stack(4), ES)
    with pytest.raises(ValueError, match="no cavity at end-diastole"):
        ventricular_function(areas([0.0] * 4), stack(4), ES)


@pytest.mark.parametrize(("height", "weight"), [(None, 80.0), (180.0, None), (None, None)])
def test_body_surface_needs_both(height: float | None, weight: float | None) -> None:
    assert body_surface_m2(height, weight) is None
    assert body_surface_m2(170.0, 70.0) == pytest.approx(1.818, abs=1e-3)


@pytest.mark.slow
def test_study_has_function_in_files_summary_report_and_cohort(tmp_path: Path) -> None:
    cine = ring_cine(beat())
    cine.subject = Subject(height_cm=180.0, weight_kg=80.0, heart_rate_bpm=60.0)
    cine.frame_times_ms = np.arange(8) * 100.0
    study = analyse(working_slices(cine), contraction(beat()))
    write_study(tmp_path / "ring", study)
    rows = table(tmp_path / "ring" / "function.csv")
    assert [row["frame"] for row in rows] == [str(t) for t in range(8)]
    assert float(rows[1]["time_ms"]) == 100
    ratio = 1 - 500 / (float(rows[0]["lv_volume_ml"]) / 8 * 1000)
    assert float(rows[4]["lv_volume_ratio"]) == pytest.approx(ratio, abs=0.002)
    rows = table(tmp_path / "ring" / "areas.csv")
    assert float(rows[0]["cavity_area_mm2"]) == (cine.label_ed == CAVITY).sum() * 2.25
    assert float(rows[4]["wall_area_mm2"]) == pytest.approx(float(rows[0]["wall_area_mm2"]), 2e-3)
    summary = json.loads((tmp_path / "ring" / "summary.json").read_text())
    about = summary["function"]
    assert about["seen_lv_ef_percent"] == pytest.approx(100 * (1 - ratio), abs=0.2)
    assert about["seen_cardiac_output_l_per_min"] == pytest.approx(about["seen_lv_sv_ml"] * 0.06)
    assert summary["seen_lv_ef_percent"] == about["seen_lv_ef_percent"]
    assert summary["lv_ef_percent"] is None and summary["lv_edv_ml"] is None
    row = cohort_row(summary)
    assert set(row) == set(cohort_columns())
    assert row["seen_lv_ef_percent"] == about["seen_lv_ef_percent"] and row["lv_edv_ml"] is None
    page = report_page(study)
    assert "LV ejection fraction of the slices seen, %" in page
    assert "not of the whole left ventricle: a cavity in 1 slice" in page


def test_study_takes_areas_from_elsewhere() -> None:
    given = Areas(cavity_mm2=np.full((8, 1), 1000.0), wall_mm2=None, found="a network")
    given.cavity_mm2[4] = 250.0
    study = analyse(working_slices(ring_cine(beat())), contraction(beat()), areas=given)
    assert study.summary["seen_lv_ef_percent"] == pytest.approx(75)
    assert study.summary["function"]["areas_from"] == "a network"
    assert study.summary["function"]["seen_lv_mass_g"] is None


def test_study_without_a_label_has_no_function(tmp_path: Path) -> None:
    cine = ring_cine(beat())
    cine.label_ed = None
    study = analyse(working_slices(cine), contraction(beat()))
    write_study(tmp_path / "ring", study, report=False)
    assert study.function is None and study.summary["function"] is None
    assert study.summary["lv_ef_percent"] is None
    assert not (tmp_path / "ring" / "function.csv").exists()
    assert "Ventricular function" not in report_page(study)


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))
