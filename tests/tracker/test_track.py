"""One call from Python gives what the bundle writes."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

import myomotion
from myomotion.analysis.segmentation import DRAWN
from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from myomotion.tracker import Tracker
from tests.support.bundle_runs import track as run_bundle_inference
from tests.support.paths import VENTRICLES
from tests.support.studies import write_study


@pytest.mark.slow
def test_one_call_gives_the_numbers_and_fields_that_the_bundle_writes(
    small_study: Path, net_weights: Path, tmp_path: Path
) -> None:
    run_bundle_inference(small_study, net_weights, tmp_path / "bundle", report=False)
    result = myomotion.track(small_study, output_dir=tmp_path / "call", weights=net_weights)
    written = [tmp_path / place / "small" for place in ("bundle", "call")]
    for name in ("strain.csv", "quality.csv"):
        assert (written[0] / name).read_bytes() == (written[1] / name).read_bytes()
    field = np.asarray(nib.load(written[0] / "displacement" / "frame_002.nii.gz").dataobj)
    assert result.motion.displacement.shape == (4, 2, 2, 80, 72)
    lengths = np.linalg.norm(result.motion.displacement[2], axis=1).transpose(1, 2, 0)
    np.testing.assert_allclose(np.linalg.norm(field[:, :, :, 0], axis=-1), lengths, atol=1e-4)
    summary = json.loads((written[0] / "summary.json").read_text())
    at_es = summary["mean_of_slices_at_end_systole"]
    assert result.summary["mean_of_slices_at_end_systole"] == at_es
    assert "<html" in result.report()
    pictures, *curves = result.figure().axes
    assert len(pictures.images) == 12 and len(curves) == 2  # two slices


@pytest.mark.slow
def test_nothing_is_written_unless_asked_for(
    small_study: Path, net_weights: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    cine = small_study / "sa.nii.gz"
    assert myomotion.track(cine, weights=net_weights, label_ed="none").rows == []
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights of the segmentation are shipped")
def test_cine_alone_gets_contours_with_a_warning_and_strain(
    small_study: Path, net_weights: Path, tmp_path: Path
) -> None:
    cine = small_study / "sa.nii.gz"  # the label beside it belongs to the folder, not to the file
    result = myomotion.track(cine, weights=net_weights, output_dir=tmp_path / "out")
    assert len(result.rows) == 4 * 2 * 7  # frames, slices, the whole ring and six segments
    assert result.summary["label_ed_from"] == DRAWN
    assert any("drawn by a network" in warning for warning in result.summary["warnings"])
    assert len(result.summary["parameters"]["segmentation_weights_sha256"]) == 64
    folder = tmp_path / "out" / result.cine.name
    assert (folder / "strain.csv").is_file() and (folder / "labels.nii.gz").is_file()
    page = (folder / "report.html").read_text()
    assert f"End-diastolic label: {DRAWN}" in page and "drawn by a network" in page
    drawn, own = result.cine.label_ed, myomotion.track(small_study, weights=net_weights).cine
    assert drawn is not None and own.label_ed is not None
    cavity = [label == 1 for label in (drawn, own.label_ed)]
    assert 2 * (cavity[0] & cavity[1]).sum() > 0.9 * (cavity[0].sum() + cavity[1].sum())


@pytest.mark.slow
def test_label_beside_the_cine_or_elsewhere_counts_alike(
    small_study: Path, net_weights: Path, tmp_path: Path
) -> None:
    beside = myomotion.track(small_study, weights=net_weights)
    label = (small_study / "label_sa_ED.nii.gz").rename(tmp_path / "mine.nii.gz")
    elsewhere = myomotion.track(small_study, weights=net_weights, label_ed=label)
    assert elsewhere.rows == beside.rows


def test_wrong_calls_name_the_fix(small_study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"refine_step: .*Did you mean refine_steps\?"):
        myomotion.track(small_study, refine_step=60)
    with pytest.raises(InputError, match=r"none\.pt: no such weights"):
        myomotion.track(small_study, weights=tmp_path / "none.pt")
    write_study(small_study.parent / "second")
    with pytest.raises(InputError, match=r"2 studies, where one is taken.*myomotion.find_studies"):
        myomotion.track(small_study.parent)
    assert [s["name"] for s in myomotion.find_studies(small_study.parent)] == ["second", "small"]


def test_input_that_cannot_be_used_is_an_input_error(small_study: Path, net_weights: Path) -> None:
    (small_study / "sa.nii.gz").write_bytes(b"text")
    with pytest.raises(InputError, match=r"sa\.nii\.gz: not a readable NIfTI file"):
        myomotion.track(small_study, weights=net_weights)


@pytest.mark.slow
def test_tracker_takes_study_after_study(small_study: Path, net_weights: Path) -> None:
    write_study(small_study.parent / "second", frames=3)
    tracker = Tracker(weights=net_weights)
    names = [tracker(study).cine.name for study in find_studies(small_study.parent)]
    assert names == ["second", "small"]


@pytest.mark.slow
def test_tracker_takes_a_path_as_track_does(small_study: Path, net_weights: Path) -> None:
    tracker = Tracker(weights=net_weights)
    from_path = tracker(small_study / "sa.nii.gz")
    from_folder = tracker(str(small_study))
    assert from_path.cine.name == from_folder.cine.name == "small"
    write_study(small_study.parent / "second", frames=3)
    with pytest.raises(InputError, match="2 studies, where one is taken"):
        tracker(small_study.parent)
