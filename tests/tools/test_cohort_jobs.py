"""Jobs of a cohort: settings are refused as the bundle refuses them, pages are of all results."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.studies import write_study
from tools.track_cohort.__main__ import main
from tools.track_cohort.jobs import StudyJob, track_study


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("volume=no", "volume: 'no' is not understood. Give True or False."),
        ("batch_size=0", "batch_size: 0 is no whole number of at least 1. Give one."),
        ("device=nowhere", "device is nowhere: this machine cannot compute there"),
    ],
)
def test_value_that_is_none_of_its_key_is_refused_before_anything_is_tracked(
    small_study: Path, tmp_path: Path, word: str, reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "out"
    with pytest.raises(SystemExit, match="2"):
        main(["--data", str(small_study), "--output", str(output), "--set", word])
    said = capsys.readouterr().err
    assert said.startswith(f"error: {reason}") and said.count("\n") == 1
    assert not output.exists()


def test_worker_says_why_it_cannot_use_a_setting(small_study: Path, tmp_path: Path) -> None:
    study = {"name": "small", "image": str(small_study / "sa.nii.gz")}
    changes = {"device": "nowhere", "output_dir": str(tmp_path / "out")}
    reason = track_study(StudyJob(study=study, changes=changes))
    assert reason is not None and reason.startswith("device is nowhere: this machine cannot")


@pytest.mark.slow
def test_page_of_a_second_group_keeps_the_first(net_weights: Path, tmp_path: Path) -> None:
    write_study(tmp_path / "first" / "anna #1 100%")
    (tmp_path / "first" / "bert").mkdir()
    write_study(tmp_path / "second" / "carl")
    words = [f"weights={net_weights}", "report=False", "tissues=False", "intervals=False"]
    for group in ("first", "second"):
        given = ["--data", str(tmp_path / group), "--output", str(tmp_path / "out")]
        assert main([*given, "--set", *words]) == 0
    page = (tmp_path / "out" / "cohort.html").read_text()
    assert re.findall(r'<tr data-name="([^"]*)"', page) == ["anna #1 100%", "carl"]
    assert '<tr><td>bert</td><td class="reason">' in page
    assert not list((tmp_path / "out").glob("*/report.html"))
