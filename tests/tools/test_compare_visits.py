"""Two visits: differences, and which are beyond the error of a repeat."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from myomotion.errors import InputError
from tools.compare_visits.__main__ import main
from tools.compare_visits.change import (
    REPEAT,
    cautions,
    change,
    read_repeat,
    segment_changes,
    study_changes,
)


def summary(name: str, ecc: float, segment_8: float = -20.0) -> dict[str, Any]:
    segments = {
        str(n): {"name": f"segment {n}", "ecc_percent": -20.0, "err_percent": 30.0, "slices": 1}
        for n in range(1, 17)
    }
    segments["8"]["ecc_percent"] = segment_8
    return {
        **{"name": name, "light": "green", "strain": "Green-Lagrange", "label_ed_from": "given"},
        **{"parameters": {}, "slices": [{"level": "mid"}], "lv_ef_percent": 60.0},
        "mean_of_slices_at_end_systole": {"ecc_percent": ecc, "err_percent": 31.0},
        "segments_at_end_systole": segments,
        "segment_timing": {"8": {"time_to_peak_ecc_ms": 350.0}},
    }


def test_change_beyond_two_standard_deviations_of_repeats_is_real() -> None:
    repeat = {"sd": 2.0, "source": "ours"}
    assert change(-20.0, -16.0, repeat).smallest_real == pytest.approx(3.92)
    assert change(-20.0, -16.0, repeat).beyond is True
    assert change(-20.0, -16.2, repeat).beyond is False
    relative = change(-20.0, -16.0, {"cv_percent": 10.0, "source": "ours"})
    assert relative.smallest_real == pytest.approx(1.96 * 1.8)
    assert relative.difference == 4.0 and relative.beyond is True


def test_what_cannot_be_told_is_not_judged() -> None:
    assert change(1.0, 9.0, None).beyond is None
    assert change(None, 9.0, {"sd": 1.0, "source": ""}).difference is None
    assert change(None, 9.0, {"sd": 1.0, "source": ""}).beyond is None


def test_numbers_of_study_and_segments_are_told_apart() -> None:
    repeat = {
        "study": {"ecc_percent": {"sd": 1.0, "source": "ours"}},
        "segment": {"ecc_percent": {"sd": 2.0, "source": "ours"}},
    }
    first, second = summary("a", -20.0), summary("b", -21.0, segment_8=-10.0)
    study = study_changes(first, second, repeat)
    assert set(study) == {"ecc_percent", "err_percent", "lv_ef_percent"}
    assert study["ecc_percent"].beyond is False and study["err_percent"].beyond is None
    found = segment_changes(first, second, repeat)
    assert [n for n, own in found.items() if own["ecc_percent"].beyond] == [8]
    assert found[8]["time_to_peak_ecc_ms"].difference == 0
    assert found[9]["time_to_peak_ecc_ms"].difference is None


def test_visits_that_are_not_alike_are_pointed_out() -> None:
    first, second = summary("a", -20.0), summary("b", -20.0)
    assert cautions(first, second) == []
    second |= {"light": "red", "slices": [], "label_ed_from": "drawn"}
    assert len(cautions(first, second)) == 3


def test_page_shows_both_visits_and_refers_to_nothing_outside(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name, own in (("a", summary("anna & 1", -25.0)), ("b", summary("anna 2", -9.0, 0.5))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "summary.json").write_text(json.dumps(own))
    visits, output = [str(tmp_path / name) for name in "ab"], tmp_path / "out" / "page.html"
    assert main([*visits, "--output", str(output)]) == 0
    page = output.read_text()
    assert "anna &amp; 1" in page and "+16.0" in page and "+20.5" in page
    assert re.search(r"Beyond error:</strong> Ecc, %\.", page)
    assert "mid anteroseptal" in page and "Morton" in page and "published ones" in page
    assert not re.search(r"https?://|@import|url\(", page)
    assert main([visits[0], str(tmp_path / "none"), "--output", str(output)]) == 1
    assert "no summary.json" in capsys.readouterr().err


def test_own_errors_of_repeats_are_read_and_checked(tmp_path: Path) -> None:
    assert read_repeat()["segment"]["ecc_percent"]["cv_percent"] == 38
    path = tmp_path / "ours.yaml"
    path.write_text("study: {ecc_percent: {sd: 0.8}}")
    assert read_repeat(path)["study"]["ecc_percent"] == {"sd": 0.8, "source": "ours.yaml"}
    path.write_text("segment: {ecc_percent: {cv_percent: -1}}")
    with pytest.raises(InputError, match="segment, ecc_percent: give sd or cv_percent"):
        read_repeat(path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("study: {ecc_pecent: {sd: 1}}", "study, ecc_pecent: not known. Did you mean ecc_percent"),
        ("segmnt: {ecc_percent: {sd: 1}}", "segmnt: not known. Did you mean segment"),
        ("segment: {lv_mass_g: {sd: 1}}", "segment, lv_mass_g: not known. Known are ecc_percent"),
        ("study: {ecc_percent: {sd: 1, sourc: x}}", "ecc_percent, sourc: not known. .* source"),
        ("study: {ecc_percent: {sd: abc, cv_percent: 5}}", "ecc_percent: give sd or cv_percent"),
        ("study: {ecc_percent: {sd: 0, cv_percent: 5}}", "ecc_percent: give sd or cv_percent"),
        ("study: {ecc_percent: {sd: true}}", "ecc_percent: give sd or cv_percent"),
        ("study: {ecc_percent: {sd: .inf}}", "ecc_percent: give sd or cv_percent"),
        ("study: [ecc_percent]", "study: expected names of numbers"),
    ],
)
def test_error_of_a_repeat_that_would_do_nothing_is_refused(
    text: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        read_repeat(path)


def test_a_copy_of_the_published_errors_can_be_read(tmp_path: Path) -> None:
    path = tmp_path / "ours.yaml"
    path.write_text(REPEAT.read_text())
    assert read_repeat(path) == read_repeat()
