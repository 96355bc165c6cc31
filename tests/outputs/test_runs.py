"""What a run says and lists at its end."""

from __future__ import annotations

import csv
import json
import logging
import shutil
from pathlib import Path

import pytest

from myomotion.files.outputs import MARKER, replaced_folder
from myomotion.inferers.studies import StudyRuns
from tests.support.bundle_runs import track
from tests.support.studies import write_study


@pytest.mark.slow
def test_run_says_where_its_results_are_and_lists_a_single_study_that_fails(
    net_weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_study(tmp_path / "in" / "anna")
    output = tmp_path / "out"
    with caplog.at_level(logging.INFO):
        track(tmp_path / "in" / "anna", net_weights, output)
    assert caplog.messages[-1] == f"results: {output / 'anna' / 'report.html'}"
    found = json.loads((output / "anna" / "summary.json").read_text())
    said = [f"anna: light {found['light']}"]
    said.append(f"ejection fraction of the slices seen {found['seen_lv_ef_percent']:.0f} %")
    if (means := found["mean_of_slices_at_end_systole"]) is not None:  # a slice that is not red
        ecc = means["ecc_percent"]
        said.append(f"circumferential strain at end-systole {ecc:.1f} %, mean of slices")
    assert caplog.messages[-1 - len(said) : -1] == said
    (tmp_path / "in" / "anna" / "sa.nii.gz").write_bytes(b"no image")
    with pytest.raises(SystemExit, match="not a readable NIfTI"):
        track(tmp_path / "in" / "anna", net_weights, output)
    assert list(json.loads((output / "failed.json").read_text())) == ["anna"]
    assert sorted(p.name for p in output.iterdir()) == [MARKER, "anna", "failed.json"]
    write_study(tmp_path / "in" / "anna")
    track(tmp_path / "in" / "anna", net_weights, output)
    assert not (output / "failed.json").exists()
    (tmp_path / "in" / "bert").mkdir()
    track(tmp_path / "in", net_weights, output)
    failed = json.loads((output / "failed.json").read_text())
    assert list(failed) == ["bert"] and "bert: no cine in it" in failed["bert"]


def put(output: Path, *names: str, kind: str = "motion") -> None:
    """Results as a run writes them, as far as the lists are made of them."""
    for name in names:
        with replaced_folder(output / name, kind) as folder:
            (folder / "summary.json").write_text(json.dumps({"name": name, "light": "green"}))


def conclude(output: Path, *names: str, lacking: tuple[str, ...] = (), **failed: str) -> None:
    """The end of a run of these studies."""
    studies = [{"name": name} for name in names]
    runs = StudyRuns(None, studies, None, output, {}, lacking=dict.fromkeys(lacking, "no cine"))
    runs.conclude(failed)


def listed(output: Path) -> tuple[list[str], dict[str, str]]:
    """Names in ``cohort.csv``, and ``failed.json``."""
    with (output / "cohort.csv").open(newline="") as file:
        rows = [row["name"] for row in csv.DictReader(file)]
    failed = output / "failed.json"
    return rows, json.loads(failed.read_text()) if failed.is_file() else {}


def test_a_second_run_keeps_what_the_first_has_listed(tmp_path: Path) -> None:
    put(tmp_path, "anna", "bert")
    conclude(tmp_path, "anna", "bert", "carl", lacking=("dora",), carl="damaged")
    first = {"dora": "no cine", "carl": "damaged"}
    assert listed(tmp_path) == (["anna", "bert"], first)
    put(tmp_path, "emil")
    conclude(tmp_path, "emil")
    assert listed(tmp_path) == (["anna", "bert", "emil"], first)
    conclude(tmp_path, "fred", "emil", fred="too short")
    assert listed(tmp_path) == (["anna", "bert", "emil"], {**first, "fred": "too short"})


def test_a_study_that_is_tracked_at_last_is_listed_no_longer(tmp_path: Path) -> None:
    put(tmp_path, "anna")
    conclude(tmp_path, "anna", "bert", "carl", bert="damaged", carl="damaged")
    put(tmp_path, "bert")
    conclude(tmp_path, "bert")
    assert listed(tmp_path) == (["anna", "bert"], {"carl": "damaged"})
    put(tmp_path, "carl")
    conclude(tmp_path, "carl")
    assert listed(tmp_path) == (["anna", "bert", "carl"], {})


def test_a_study_that_fails_now_loses_the_row_of_its_older_result(tmp_path: Path) -> None:
    put(tmp_path, "anna", "bert")
    conclude(tmp_path, "anna", "bert", bert="damaged")
    assert listed(tmp_path) == (["anna"], {"bert": "damaged"})


def test_rows_are_of_own_results_alone_and_one_result_is_no_cohort(tmp_path: Path) -> None:
    put(tmp_path, "anna")
    put(tmp_path, "contours", kind="contours")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "summary.json").write_text('{"name": "mine", "light": "green"}')
    conclude(tmp_path, "anna")
    assert not (tmp_path / "cohort.csv").exists()
    put(tmp_path, "bert")
    conclude(tmp_path, "bert")
    assert listed(tmp_path) == (["anna", "bert"], {})


def test_a_result_that_was_copied_has_the_name_of_its_folder(tmp_path: Path) -> None:
    put(tmp_path, "anna")
    shutil.copytree(tmp_path / "anna", tmp_path / "anna_before")
    conclude(tmp_path, "anna")
    assert listed(tmp_path) == (["anna", "anna_before"], {})
