"""Saving results from Python: nobody's is replaced, and the bundle knows how they came about."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NoReturn

import pytest

import myomotion
from myomotion.errors import OutputError, SettingError
from myomotion.files.outputs import claim, replaced_folder
from myomotion.tracker import Result, Tracker
from tests.support.bundle_runs import track as run_bundle
from tests.support.studies import write_study

QUICK = {"tissues": False, "intervals": False, "label_ed": "file"}


@pytest.fixture(scope="module")
def heart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("saved") / "one" / "small"
    write_study(folder)
    return folder


@pytest.fixture(scope="module")
def result(heart: Path, net_weights: Path) -> Result:
    return Tracker(weights=net_weights, report=False, **QUICK)(heart)


def parameters(folder: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((folder / "summary.json").read_text())["parameters"]
    return content


def test_place_of_another_cine_is_refused_before_anything_is_computed(
    heart: Path, net_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with replaced_folder(tmp_path / "small", "motion") as folder:
        other = {"files": {"image": "/elsewhere/sa.nii.gz"}, "input_sha256": {"image": "0"}}
        (folder / "summary.json").write_text(json.dumps(other))

    def computed(*_: object) -> NoReturn:
        raise AssertionError

    monkeypatch.setattr(Tracker, "__call__", computed)
    with pytest.raises(OutputError, match=r"small: holds the result of another cine, /elsewhere"):
        myomotion.track(heart, output_dir=tmp_path, weights=net_weights, **QUICK)
    assert json.loads((tmp_path / "small" / "summary.json").read_text()) == other


@pytest.mark.slow
def test_result_of_another_cine_is_not_replaced_and_of_the_same_is(
    result: Result, net_weights: Path, tmp_path: Path
) -> None:
    folder = result.save(tmp_path / "out")
    write_study(tmp_path / "two" / "small", frames=3)
    other = Tracker(weights=net_weights, **QUICK)(tmp_path / "two" / "small")
    before = (folder / "summary.json").read_bytes()
    with pytest.raises(OutputError, match=r"small: holds the result of another cine, .*one/small"):
        other.save(tmp_path / "out")
    assert (folder / "summary.json").read_bytes() == before
    write_study(tmp_path / "moved" / "small")  # the same cine in another place
    again = Tracker(weights=net_weights, **QUICK)(tmp_path / "moved" / "small")
    again.save(tmp_path / "out")
    assert "moved" in json.loads((folder / "summary.json").read_text())["files"]["image"]


@pytest.mark.slow
def test_what_is_written_is_as_the_tracker_was_told_and_is_noted(
    result: Result, tmp_path: Path
) -> None:
    folder = result.save(tmp_path)
    assert not (folder / "report.html").exists() and not parameters(folder)["report"]
    result.save(tmp_path, report=True)
    assert (folder / "report.html").is_file() and parameters(folder)["report"]
    assert not result.summary["parameters"]["report"]
    with pytest.raises(SettingError, match="dicom: 'no' is not understood"):
        result.save(tmp_path, dicom="no")  # type: ignore[arg-type]


@pytest.mark.slow
def test_study_that_has_a_result_is_no_longer_listed_as_failed(
    result: Result, tmp_path: Path
) -> None:
    listed = tmp_path / "failed.json"
    both = json.dumps({"small": "no contrast", "other": "no frames"})
    listed.write_text(both)
    result.save(tmp_path)
    assert listed.read_text() == both  # whoever wrote it
    listed.unlink()
    claim(listed)
    listed.write_text(both)
    result.save(tmp_path)
    assert json.loads(listed.read_text()) == {"other": "no frames"}
    listed.write_text(json.dumps({"small": "no contrast"}))
    result.save(tmp_path)
    assert not listed.exists()


@pytest.mark.slow
def test_tilde_is_the_home_folder(
    result: Result, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    assert result.save("~/x") == tmp_path / "home" / "x" / "small"
    assert (tmp_path / "home" / "x" / "small" / "summary.json").is_file()
    assert not (tmp_path / "~").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    "otherwise",
    [{"ed_frame": 1}, {"es_frame": 1}, {"report": False}, {"use_network": False}, {}],
    ids=str,
)
def test_bundle_tracks_again_what_was_tracked_otherwise_and_that_alone(
    heart: Path, net_weights: Path, tmp_path: Path, otherwise: dict[str, Any]
) -> None:
    folder = tmp_path / "small"
    myomotion.track(heart, output_dir=tmp_path, weights=net_weights, **QUICK, **otherwise)
    first = parameters(folder)
    before = (folder / "summary.json").stat().st_mtime_ns
    run_bundle(heart, net_weights, tmp_path, **QUICK)
    assert ((folder / "summary.json").stat().st_mtime_ns != before) == bool(otherwise)
    assert (parameters(folder) != first) == bool(otherwise)
    assert not set(otherwise) - {"report"} & set(parameters(folder))
