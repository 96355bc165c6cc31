"""A measure that is entered in the list is written, judged, shown and gathered everywhere."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures import registry
from myomotion.analysis.measures.measure import (
    AMBER,
    GREEN,
    RED,
    FrameMeasure,
    Limits,
    Meaning,
    Measure,
    SegmentMeasure,
    SliceMeasure,
    StudyMeasure,
)
from myomotion.analysis.measures.tracked import (
    TrackedSlice,
    TrackedStudy,
    tracked_slices,
    unlabelled_disc,
)
from myomotion.analysis.motion import source_motion
from myomotion.analysis.quality import assess, frame_rows, judge_slice
from myomotion.analysis.study import Study, analyse
from myomotion.files.outputs import replaced_folder
from myomotion.inferers.studies import StudyRuns, cohort_columns
from myomotion.report.numbers import number_table
from myomotion.report.page import report_page
from myomotion.transforms.save_motion import STUDY_RESULT, write_study
from tests.support.cines.ring import FRAMES, RADIUS, WALL, beat, contraction, ring_cine


def study() -> Study:
    shares = beat()
    return analyse(working_slices(ring_cine(shares)), contraction(shares))


def one_slice(labelled: bool = True) -> TrackedSlice:
    shares = beat()
    cine = ring_cine(shares)
    if not labelled:
        cine.label_ed = None
    (tracked,) = tracked_slices(source_motion(working_slices(cine), contraction(shares)))
    return tracked


def table(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture
def add(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Enter a measure in the list, behind the others."""

    def enter(measure: Measure) -> None:
        monkeypatch.setattr(registry, "MEASURES", (*registry.MEASURES, measure))

    return enter


def contrast(tracked: TrackedSlice) -> list[float | None]:
    """A measure that needs image and label: blood against wall, as in end-diastole."""
    wall, cavity = tracked.region.wall, tracked.region.cavity
    return [float(frame[cavity].mean() / frame[wall].mean()) for frame in tracked.images]


def cohort(result: Study, output: Path) -> list[dict[str, str]]:
    """``cohort.csv`` of two studies with this result."""
    studies = [{"name": "one"}, {"name": "two"}]
    for entry in studies:
        with replaced_folder(output / "both" / entry["name"], STUDY_RESULT) as folder:
            (folder / "summary.json").write_text(json.dumps(result.summary))
    StudyRuns(None, studies, None, output / "both", {}).conclude({})
    return table(output / "both" / "cohort.csv")


@pytest.mark.slow
def test_measure_of_a_frame_is_in_quality_csv_report_and_cohort(add: Any, tmp_path: Path) -> None:
    add(
        FrameMeasure(
            key="contrast",
            compute=contrast,
            heading="blood : wall",
            format="{:.4f}",
            tooltip="contrast {:.3f}",
            meaning=Meaning("blood : wall", "Mean of blood & wall."),
            averaged=True,
        )
    )
    expected = contrast(one_slice())
    result = study()
    write_study(tmp_path / "ring", result)
    rows = table(tmp_path / "ring" / "quality.csv")
    assert [float(row["contrast"]) for row in rows] == expected
    at_es = expected[result.motion.es_frame]
    shown = number_table(result, ["0 mid"])
    column = shown.headings.index("blood : wall")
    assert shown.slices[0].cells[column] == f"{at_es:.4f}"
    assert shown.study is not None and shown.study.cells[column] == f"{at_es:.4f}"
    page = (tmp_path / "ring" / "report.html").read_text()
    assert "<th>blood : wall</th></tr>" in page and f"<td>{at_es:.4f}</td>" in page
    assert f", contrast {at_es:.3f}</title>" in page
    assert "<dt>blood : wall</dt><dd>Mean of blood &amp; wall.</dd>" in page
    assert [float(row["contrast"]) for row in cohort(result, tmp_path)] == [at_es, at_es]


def test_measure_of_a_slice_is_in_summary_report_and_cohort(add: Any, tmp_path: Path) -> None:
    area = float(WALL.sum()) * 1.5**2
    add(
        SliceMeasure(
            key="wall_mm2",
            compute=lambda tracked: float(tracked.region.wall.sum()) * tracked.grid.spacing**2,
            applies=lambda tracked: tracked.has_wall,
            heading="wall, mm²",
            format="{:.0f}",
            averaged=True,
        )
    )
    result = study()
    assert result.summary["slices"][0]["wall_mm2"] == area
    assert f"<td>{area:.0f}</td>" in report_page(result)
    assert [float(row["wall_mm2"]) for row in cohort(result, tmp_path)] == [area, area]
    unlabelled = assess([one_slice(labelled=False)])
    assert "wall_mm2" not in unlabelled.slices[0].values


def test_measure_of_a_segment_is_in_strain_csv_and_cohort(add: Any, tmp_path: Path) -> None:
    add(
        SegmentMeasure(
            key="voxels",
            compute=lambda tracked, n: [float(tracked.segment(n).sum())] * FRAMES,
            averaged=True,
        )
    )
    result = study()
    write_study(tmp_path / "ring", result, report=False)
    rows = table(tmp_path / "ring" / "strain.csv")
    first = [float(row["voxels"]) for row in rows if row["frame"] == "0"]
    assert first[0] == WALL.sum() == sum(first[1:])
    assert [float(row["voxels"]) for row in cohort(result, tmp_path)] == [WALL.sum()] * 2


def test_measure_of_a_study_is_in_summary_report_and_cohort(add: Any, tmp_path: Path) -> None:
    def range_of_ecc(tracked: TrackedStudy) -> float:
        whole = [row["ecc_percent"] for row in tracked.segments if row["segment"] == 0]
        return max(whole) - min(whole)

    add(
        StudyMeasure(
            key="ecc_range_percent", compute=range_of_ecc, heading="range, %", format="{:.3f}"
        )
    )
    result = study()
    summary = result.summary
    ecc = summary["slices"][0]["peak_ecc_percent"]
    assert summary["ecc_range_percent"] == pytest.approx(-ecc, abs=1e-9)
    assert f"<td>{-ecc:.3f}</td>" in report_page(result)
    found = [float(row["ecc_range_percent"]) for row in cohort(result, tmp_path)]
    assert found == [summary["ecc_range_percent"]] * 2


def test_limits_of_a_measure_give_lights_and_reasons(add: Any) -> None:
    low_is_bad = Limits(amber=2.0, red=0.2, reason=lambda value, _: f"contrast of {value:.1f}")
    add(FrameMeasure(key="contrast", compute=contrast, limits=low_is_bad))
    result = study()
    assert {row["light"] for row in result.quality.frames} == {"amber"}
    lowest = min(contrast(one_slice()))
    assert result.quality.slices[0].reasons == [f"amber: contrast of {lowest:.1f} at worst"]
    assert result.quality.light == AMBER and result.summary["light"] == "amber"


def test_limits_of_a_study_give_its_light_and_a_warning(add: Any) -> None:
    limits = Limits(amber=0.5, red=2, reason=lambda value, _: f"{value:g} slice is too few")
    add(StudyMeasure(key="count", compute=lambda s: float(len(s.slices)), limits=limits))
    result = study()
    assert result.quality.slices[0].light == GREEN and result.summary["light"] == "amber"
    assert any("amber: 1 slice is too few" in text for text in result.summary["warnings"])


def test_value_does_not_count_where_its_limits_give_no_reason(add: Any) -> None:
    limits = Limits(amber=0, red=0, reason=lambda value, _: None)
    add(SliceMeasure(key="harmless", compute=lambda _: 1.0, limits=limits))
    assert study().quality.light == GREEN


@pytest.mark.parametrize(
    ("limits", "lights"),
    [
        ((0.1, 0.2), [GREEN, GREEN, AMBER, AMBER, RED]),
        ((0.2, 0.1), [RED, AMBER, AMBER, GREEN, GREEN]),
    ],
)
def test_limits_are_beyond_which_a_value_is_doubtful(
    limits: tuple[float, float], lights: list[int]
) -> None:
    found = Limits(amber=limits[0], red=limits[1], reason=lambda value, _: "")
    assert [found.light(v) for v in (0.05, 0.1, 0.15, 0.2, 0.25)] == lights
    assert found.light(None) == GREEN
    assert found.worst([0.1, 0.3]) == (0.3 if limits[1] > limits[0] else 0.1)


def test_every_key_is_one_column_and_every_heading_one_measure() -> None:
    for kind in (SegmentMeasure, FrameMeasure, SliceMeasure, StudyMeasure):
        keys = registry.keys_of(kind)
        assert len(keys) == len(set(keys))
    for columns in (
        cohort_columns(),
        [m.heading for m in registry.MEASURES if m.heading],
        [m.key for m in registry.MEASURES if m.heading],
    ):
        assert len(columns) == len(set(columns))


def test_what_measures_share_is_made_once() -> None:
    tracked = one_slice()
    made = []

    def make(given: TrackedSlice) -> int:
        made.append(given)
        return len(made)

    assert [tracked.once(make), tracked.once(make)] == [1, 1]
    assert one_slice().once(make) == 2


def test_displacement_of_the_wall_is_the_analytic_one() -> None:
    (measure,) = (m for m in registry.measures_of(FrameMeasure) if m.key == "mean_displacement_mm")
    peak = 500 / np.pi
    expected = (RADIUS[WALL] - np.sqrt(RADIUS[WALL] ** 2 - peak)).mean()
    assert measure.compute(one_slice())[FRAMES // 2] == pytest.approx(expected, abs=0.01)


def test_slice_without_a_label_is_judged_on_a_disc_about_the_middle() -> None:
    tracked = one_slice(labelled=False)
    assert tracked.part.sum() * 1.5**2 == pytest.approx(np.pi * 35**2, rel=0.01)
    assert np.array_equal(tracked.part, unlabelled_disc(tracked.grid))
    assert np.array_equal(tracked.part, tracked.part[::-1].T)
    assert np.array_equal(one_slice().part, WALL)


def test_summary_holds_numbers_that_json_can_write() -> None:
    summary = study().summary
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary


@pytest.mark.parametrize(("bad", "light"), [(2, GREEN), (3, RED)])
def test_a_tenth_of_the_frames_decides_over_a_slice(bad: int, light: int) -> None:
    tracked = one_slice()
    rows = [dict(frame_rows(tracked)[0]) for _ in range(30)]
    for row in rows[:bad]:
        row["fold_fraction"] = 0.5
    assert judge_slice(tracked, rows).light == light
