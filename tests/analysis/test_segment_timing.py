"""Timing: curves of a formula whose peaks, rates and spread are known."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.analysis.course import Course
from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import LIGHTS
from myomotion.analysis.study import analyse
from myomotion.analysis.tables import segment_timing
from myomotion.analysis.tables.segment_timing import (
    curve_numbers,
    spread_ms,
    study_timing,
    timing_rows,
    uniformity,
)
from myomotion.analysis.tables.wide import wide_columns
from myomotion.inferers.studies import cohort_columns, cohort_row
from myomotion.transforms.save_motion import write_study
from tests.support.analytic import coordinates
from tests.support.cines.ring import beat, contraction, ring_cine
from tests.support.cines.turning import CYCLE_MS, turning_cine, turning_study

FRAMES, CYCLE, ES = 30, 900.0, 12
TIMES = CYCLE * np.arange(FRAMES) / FRAMES


def course(ed: int = 0, frames: int = FRAMES, times: bool = True, whole: bool = True) -> Course:
    return Course(
        frames=(ed + np.arange(frames)) % FRAMES,
        es=ES if frames > ES else None,
        times_ms=TIMES[:frames] if times else None,
        cycle_ms=CYCLE if whole and times else None,
        whole=whole,
    )


def late_by(delay_ms: float, percent: float = 20.0) -> np.ndarray:
    """Shortening that is deepest ``delay_ms`` after the middle of the cycle."""
    return -percent * (0.5 - 0.5 * np.cos(2 * np.pi * (TIMES - delay_ms) / CYCLE))


def filled_in_two_waves() -> np.ndarray:
    """``1 - cos`` with a harmonic that makes an early and a late wave of filling."""
    phase = 2 * np.pi * TIMES / CYCLE
    return -10 * (1 - np.cos(phase)) - 1.5 * np.sin(4 * phase)


def filled_in_one_wave(start: float, end: float) -> np.ndarray:
    """Shortening to the end of systole, and filling between two shares of the cycle."""
    share, systole = TIMES / CYCLE, TIMES[ES] / CYCLE
    rise = np.sin(np.pi / 2 * np.clip(share / systole, 0, 1)) ** 2
    fall = np.cos(np.pi / 2 * np.clip((share - start) / (end - start), 0, 1)) ** 2
    return -20 * np.minimum(rise, fall)


def test_times_of_a_cycle_that_no_heart_has_are_used_nowhere() -> None:
    shares = beat()
    cine = replace(ring_cine(shares), frame_times_ms=np.arange(len(shares)) * 6.0)
    study = analyse(working_slices(cine), contraction(shares))  # a beat in 48 ms
    assert study.function is not None and study.function.numbers["heart_rate_bpm"] is None
    assert study.summary["es_time_ms"] is None and not study.summary["frame_times_known"]
    assert any("a heart rate of 1250 a minute" in text for text in study.summary["warnings"])
    part = replace(cine, image=cine.image[..., :6], frame_times_ms=np.arange(6) * 6.0)
    slices = working_slices(part)  # whose length says nothing of a cycle's
    assert slices.cine.frame_times_ms is not None and not slices.cine.warnings


def test_peak_lies_between_frames_where_the_formula_has_it() -> None:
    for delay in (0.0, 11.0, 40.0):
        found = curve_numbers("ecc", late_by(delay), course())
        assert found["time_to_peak_ecc_ms"] == pytest.approx(CYCLE / 2 + delay, abs=0.3)
        assert found["peak_ecc_percent"] == pytest.approx(-20, abs=0.1)
    thickening = curve_numbers("err", -late_by(11.0), course())
    assert thickening["time_to_peak_err_ms"] == pytest.approx(CYCLE / 2 + 11, abs=0.3)
    assert thickening["peak_err_percent"] == pytest.approx(20, abs=0.1)


def test_file_that_begins_within_systole_has_the_same_numbers() -> None:
    curve = filled_in_two_waves()
    shifted = curve_numbers("ecc", np.roll(curve, 7), course(ed=7))
    assert shifted == pytest.approx(curve_numbers("ecc", curve, course()))


def test_post_systolic_share_is_what_comes_after_end_systole() -> None:
    curve = late_by(40.0)
    found = curve_numbers("ecc", curve, course())["post_systolic_ecc_percent"]
    assert found == pytest.approx(100 * (curve.min() - curve[ES]) / curve.min(), abs=0.1)
    early = curve_numbers("ecc", late_by(-200.0), course())
    assert early["post_systolic_ecc_percent"] == 0


def test_rates_are_the_slopes_of_the_formula_in_their_phases() -> None:
    curve = filled_in_two_waves()
    found = curve_numbers("ecc", curve, course())
    fine = np.arange(0, CYCLE, 0.1)
    phase = 2 * np.pi * fine / CYCLE
    slope = -10 * np.sin(phase) - 6 * np.cos(4 * phase)
    slope *= 2 * np.pi / (CYCLE / 1000) / 100
    end, half = TIMES[ES], (TIMES[ES] + CYCLE) / 2
    systole, early, late = slope[fine <= end], slope[(fine > end) & (fine < half)], fine >= half
    assert found["systolic_ecc_rate_per_s"] == pytest.approx(systole.min(), rel=0.01)
    assert found["early_diastolic_ecc_rate_per_s"] == pytest.approx(early.max(), rel=0.01)
    own = found["late_diastolic_ecc_rate_per_s"]
    assert own == pytest.approx(slope[late].max(), rel=0.01)


def test_filling_in_one_wave_has_no_late_rate() -> None:
    """Its slope only falls in the second half of diastole: the foot of the early wave."""
    found = curve_numbers("ecc", late_by(-60.0), course())
    assert found["early_diastolic_ecc_rate_per_s"] is not None
    assert found["late_diastolic_ecc_rate_per_s"] is None


@pytest.mark.parametrize(
    ("start", "end"), [(0.45, 0.85), (0.5, 0.9), (0.5, 1.0), (0.55, 1.0), (0.6, 0.9)]
)
def test_one_wave_of_filling_about_the_middle_of_diastole_is_the_early_one(
    start: float, end: float
) -> None:
    """It is steepest before the middle, at 0.7 of the cycle, there or behind it."""
    found = curve_numbers("ecc", filled_in_one_wave(start, end), course())
    steepest = 0.2 * np.pi / 2 / (end - start) / (CYCLE / 1000)
    assert found["early_diastolic_ecc_rate_per_s"] == pytest.approx(steepest, rel=0.05)
    assert found["late_diastolic_ecc_rate_per_s"] is None


@pytest.mark.parametrize(
    ("first", "second"), [((0.45, 0.65), (0.75, 1.0)), ((0.57, 0.87), (0.82, 1.0))]
)
@pytest.mark.parametrize("share", [0.4, 0.7])
def test_two_waves_of_filling_have_a_rate_each_also_where_the_early_one_passes_the_middle(
    first: tuple[float, float], second: tuple[float, float], share: float
) -> None:
    shares = (share, 1 - share)
    waves = [s * filled_in_one_wave(*w) for s, w in zip(shares, (first, second), strict=True)]
    found = curve_numbers("ecc", waves[0] + waves[1], course())
    steepest = [
        0.2 * np.pi / 2 * s / (end - start) / (CYCLE / 1000)
        for s, (start, end) in zip(shares, (first, second), strict=True)
    ]
    rates = [found[f"{phase}_diastolic_ecc_rate_per_s"] for phase in ("early", "late")]
    assert rates == pytest.approx(steepest, rel=0.15)


@pytest.mark.parametrize(
    ("seen", "known"),
    [
        (course(times=False), {"peak_ecc_percent", "post_systolic_ecc_percent"}),
        (
            course(frames=20, whole=False),
            {"peak_ecc_percent", "post_systolic_ecc_percent", "time_to_peak_ecc_ms"},
        ),
        (course(frames=14, whole=False), set()),  # may be deeper later
        (course(frames=2, whole=False), set()),
    ],
)
def test_what_a_cine_does_not_show_stays_empty(seen: Course, known: set[str]) -> None:
    found = curve_numbers("ecc", late_by(0.0), seen)
    assert {key for key, value in found.items() if value is not None} == known


def test_segment_that_hardly_works_has_no_time() -> None:
    found = curve_numbers("ecc", late_by(0.0, percent=2.0), course())
    assert found["time_to_peak_ecc_ms"] is None and found["post_systolic_ecc_percent"] is None
    assert found["peak_ecc_percent"] == pytest.approx(-2, abs=0.01)


def rows_of(delays: list[float], level: str = "mid", first: int = 7) -> list[dict[str, Any]]:
    return [
        {
            **{"frame": t, "slice": 0, "level": level, "segment": first + number},
            **{"ecc_percent": curve[t], "err_percent": -curve[t]},
        }
        for number, curve in enumerate(map(late_by, delays))
        for t in range(FRAMES)
    ]


def test_spread_is_the_standard_deviation_of_the_delays() -> None:
    delays = [0.0, 10.0, -20.0, 35.0, 5.0, -15.0]
    timing = study_timing(rows_of(delays), course(), [0])
    assert spread_ms(timing, "ecc") == pytest.approx(np.std(delays, ddof=1), abs=0.3)
    assert spread_ms(study_timing(rows_of(delays[:5]), course(), [0]), "ecc") is None
    assert study_timing(rows_of(delays), course(), []) == {}
    table = timing_rows(rows_of(delays), course(), ES)
    assert [row["segment"] for row in table] == [7, 8, 9, 10, 11, 12]
    assert table[3]["end_systolic_ecc_percent"] == pytest.approx(late_by(35.0)[ES])


def test_uniformity_is_one_for_one_beat_and_falls_with_delays() -> None:
    angle = 2 * np.pi * np.arange(72) / 72
    at_once = np.repeat(late_by(0.0)[:, None], 72, axis=1)
    assert uniformity(at_once) == pytest.approx(1)
    opposed = at_once * np.cos(angle)
    assert uniformity(opposed) == pytest.approx(0, abs=1e-6)
    half = at_once * (1 + np.cos(angle))  # first harmonic of half the power of the mean
    assert uniformity(half) == pytest.approx(np.sqrt(1 / 1.5))
    assert uniformity(np.zeros((5, 72))) is None


@pytest.mark.slow
def test_study_has_timing_in_its_tables_and_in_the_cohort(tmp_path: Path) -> None:
    study = turning_study(turning_cine())
    summary = study.summary
    write_study(tmp_path / "turning", study, report=False)

    def table(name: str) -> list[dict[str, str]]:
        with (tmp_path / "turning" / name).open(newline="") as file:
            return list(csv.DictReader(file))

    timing = table("timing.csv")
    assert list(timing[0]) == segment_timing.columns()
    assert len(timing) == 3 + 6 + 6 + 4
    for row in timing:
        assert float(row["time_to_peak_ecc_ms"]) == pytest.approx(CYCLE_MS / 2, abs=2)
        assert float(row["post_systolic_ecc_percent"]) == pytest.approx(0, abs=1)
    (wide,) = table("segments.csv")
    assert list(wide) == ["name", *wide_columns()]
    means = summary["segments_at_end_systole"]
    for number in range(1, 17):
        assert float(wide[f"ecc_percent_{number:02d}"]) == means[str(number)]["ecc_percent"]
        assert float(wide[f"time_to_peak_ecc_ms_{number:02d}"]) == pytest.approx(480, abs=2)
    cohort = cohort_row(summary)
    assert set(cohort) == set(cohort_columns())
    assert cohort["ecc_percent_16"] == means["16"]["ecc_percent"]
    assert summary["time_to_peak_ecc_sd_ms"] == pytest.approx(0, abs=1.5)
    assert summary["mean_of_slices_at_end_systole"]["cure"] == pytest.approx(1, abs=2e-3)
    # The rings keep their area, so nothing moves through the plane.
    assert summary["slices"][1]["lambda_z_estimate"] == pytest.approx(1, abs=5e-3)


@pytest.mark.parametrize(
    ("frames", "drop", "timed"),
    [
        (8, 500.0, True),
        (8, 60.0, False),  # hardly works: a peak, no time
        (4, 500.0, False),  # ends with the deepest frame
        (2, 500.0, False),
    ],
)
def test_peak_of_a_slice_and_its_time_are_those_of_its_row_of_timing(
    frames: int, drop: float, timed: bool
) -> None:
    shares = beat()[:frames]
    cine = ring_cine(shares, drop)
    cine.frame_times_ms = 100.0 * np.arange(frames)
    study = analyse(working_slices(cine), contraction(shares, drop))
    own, row = study.summary["slices"][0], study.timing[0]
    for name in ("ecc", "err"):
        assert own[f"time_to_peak_{name}_percent_ms"] == row[f"time_to_peak_{name}_ms"]
        assert own[f"peak_{name}_percent"] == pytest.approx(row[f"peak_{name}_percent"])
    assert (own["peak_ecc_percent"] is not None) == (frames == 8)
    assert (own["time_to_peak_ecc_percent_ms"] is not None) == timed


@pytest.mark.parametrize("ed", [0, 1, 3])
def test_part_of_a_cycle_is_no_whole_one_whichever_frame_is_end_diastole(ed: int) -> None:
    """The frame before end-diastole is like it; what the file ends with is not what it begins with.

    The file begins ``ed`` frames before end-diastole, in late diastole.
    """
    phase = (np.arange(8) - ed) / 12
    shares = np.where(phase < 0, 0.05, np.sin(np.pi * np.clip(phase, 0, 1)))
    shares[ed] = 0
    cine = ring_cine(shares)
    cine.ed_frame, cine.frame_times_ms = ed, 50.0 * np.arange(8)
    slices = working_slices(cine)
    assert not slices.closes
    summary = analyse(slices, contraction(np.roll(shares, -ed))).summary
    assert summary["heart_rate_bpm"] is None and summary["function"]["rates_from"] is None
    assert summary["es_time_ms"] == pytest.approx(50.0 * (summary["es_frame"] - ed))
    assert any("seems to show a part of a cycle" in warning for warning in summary["warnings"])
    cine.frame_times_ms = None
    plain = analyse(working_slices(cine), contraction(np.roll(shares, -ed))).summary
    assert not any("seems to show a part" in warning for warning in plain["warnings"])


def test_two_beats_give_no_heart_rate_and_it_is_said() -> None:
    cine = ring_cine(np.tile(beat(0.1), 2))
    cine.frame_times_ms = 50.0 * np.arange(16)
    slices = working_slices(cine)
    assert slices.beats == 2 and not slices.closes
    summary = analyse(slices, contraction(np.tile(beat(0.1), 2))).summary
    assert summary["heart_rate_bpm"] is None
    assert any("seems to show 2 beats" in warning for warning in summary["warnings"])


@pytest.mark.parametrize(
    ("growth", "light"),
    [
        (1.75, "red"),
        (1.42, "amber"),
        (1.25, "green"),
        (0.95, "green"),
        (0.8, "amber"),
        (0.6, "red"),
    ],
)
def test_wall_whose_volume_would_need_what_hearts_do_not_do_is_said(
    growth: float, light: str
) -> None:
    cine = ring_cine(beat(0.0))
    cine.es_frame = int(beat(0.0).argmax())
    shares = torch.from_numpy(beat(0.0)).float()
    wider = torch.from_numpy(np.stack(coordinates(96, 1.5))).float() * (growth**0.5 - 1)
    quality = analyse(working_slices(cine), (shares[:, None, None, None] * wider)[None]).quality
    assert quality.slices[0].values["lambda_z_estimate"] == pytest.approx(1 / growth, rel=0.01)
    said = [reason for reason in quality.slices[0].reasons if "through the plane" in reason]
    assert [reason.split(":")[0] for reason in said] == [light] * (light != "green")
    assert LIGHTS.index(light) <= quality.slices[0].light
    if light != "green":
        grows = growth > 1
        assert ("shorten" if grows else "lengthen") in said[0]
        assert said[0].endswith("high" if grows else "low")
