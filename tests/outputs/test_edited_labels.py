"""A drawn label that was corrected among the results is neither replaced nor passed over."""

from __future__ import annotations

import json
import logging
import shutil
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nibabel as nib
import numpy as np
import pytest

from myomotion.analysis.provenance import input_hashes
from myomotion.errors import OutputError
from myomotion.files import outputs
from myomotion.files.outputs import MARKER, refuse_unsafe, replaced_folder
from myomotion.inferers.studies import StudyRuns
from tests.support.bundle_runs import run
from tests.support.paths import VENTRICLES

ED, ES = "label_sa_ED.nii.gz", "label_sa_ES.nii.gz"


@pytest.fixture(autouse=True)
def no_other_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody else is changing these places, so that nothing is looked at again."""
    monkeypatch.setattr(outputs, "PATIENCE_S", (0.0,))


def write_result(target: Path, content: bytes = b"drawn", **summary: object) -> None:
    with replaced_folder(target, "motion", corrected=[ED, ES]) as folder:
        (folder / ED).write_bytes(content)
        (folder / "strain.csv").write_text("frame\n")
        (folder / "summary.json").write_text(json.dumps(summary))


def edit(label: Path) -> bytes:
    """Take a voxel out of a label, and save it where it lies as ITK-SNAP does."""
    image = nib.load(label)
    values = np.asarray(image.dataobj).copy()
    values[tuple(np.argwhere(values)[0])] = 0
    nib.save(nib.Nifti1Image(values, image.affine, image.header), label)
    return label.read_bytes()


def test_result_with_an_edited_label_is_not_replaced_and_the_label_is_named(tmp_path: Path) -> None:
    write_result(tmp_path / "x")
    (tmp_path / "x" / ED).write_bytes(b"mine")
    with pytest.raises(OutputError) as refused:
        write_result(tmp_path / "x", b"drawn anew")
    assert str(refused.value) == (
        f"{tmp_path / 'x'}: cannot be replaced: {ED} has been edited since it was written there, "
        f"and the result does not rest on that. Put it beside the cine as {ED}, or move it away."
    )
    assert (tmp_path / "x" / ED).read_bytes() == b"mine"


def test_label_edited_while_a_result_is_computed_is_not_lost(tmp_path: Path) -> None:
    write_result(tmp_path / "x")
    with pytest.raises(OutputError, match="edited"), replaced_folder(tmp_path / "x", "motion"):
        (tmp_path / "x" / ED).write_bytes(b"mine")
    assert (tmp_path / "x" / ED).read_bytes() == b"mine"


def test_label_that_was_moved_away_or_copied_beside_the_cine_keeps_nothing(tmp_path: Path) -> None:
    cine = tmp_path / "in" / "sa.nii.gz"
    cine.parent.mkdir()
    cine.write_bytes(b"cine")
    target = tmp_path / "x"
    write_result(target)
    (target / ED).write_bytes(b"mine")
    with pytest.raises(OutputError, match="edited"):
        refuse_unsafe(target, [cine], "motion")
    shutil.copy(target / ED, cine.parent)
    refuse_unsafe(target, [cine], "motion")
    shutil.move(target / ED, tmp_path / "mine.nii.gz")
    (cine.parent / ED).unlink()
    refuse_unsafe(target, [cine], "motion")
    write_result(target, b"drawn anew")
    assert (target / ED).read_bytes() == b"drawn anew"


def test_other_files_and_results_without_sums_are_replaced_as_before(tmp_path: Path) -> None:
    write_result(tmp_path / "x")
    (tmp_path / "x" / "strain.csv").write_text("saved by a spreadsheet\n")
    write_result(tmp_path / "x")
    marker = tmp_path / "x" / MARKER
    noted = json.loads(marker.read_text())
    assert list(noted.pop("sha256")) == [ED]  # there is no end-systolic one
    marker.write_text(json.dumps(noted))  # as earlier versions wrote it
    (tmp_path / "x" / ED).write_bytes(b"mine")
    write_result(tmp_path / "x", b"drawn anew")
    assert (tmp_path / "x" / ED).read_bytes() == b"drawn anew"


def runs(folder: Path, **parameters: object) -> StudyRuns:
    """Runs of one study that compute nothing."""
    study = {"name": "anna", "image": str(folder / "anna.nii.gz")}
    evaluator: Any = SimpleNamespace(logger=logging.getLogger("quiet"))
    return StudyRuns(evaluator, [study], None, folder / "out", parameters)  # type: ignore[arg-type]


def test_finished_study_with_an_edited_label_is_skipped_with_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    image = tmp_path / "anna.nii.gz"
    image.write_bytes(b"cine")
    finished = {"parameters": {"steps": 1}, "input_sha256": input_hashes({"image": image})}
    write_result(tmp_path / "out" / "anna", **finished)
    same = runs(tmp_path, steps=1)
    same.check()
    assert not same.track() and not [r for r in caplog.records if r.levelno == logging.WARNING]
    (tmp_path / "out" / "anna" / ED).write_bytes(b"mine")
    same.check()
    assert not same.track()
    (said,) = [r.getMessage() for r in caplog.records if r.levelno == logging.WARNING]
    assert said.startswith(f"{tmp_path / 'out' / 'anna'}: {ED} has been edited")
    with pytest.raises(OutputError, match=f"anna: cannot be replaced: {ED} has been edited"):
        runs(tmp_path, steps=2).check()


@pytest.mark.slow
@pytest.mark.skipif(not VENTRICLES.is_file(), reason="no weights of the segmentation are shipped")
def test_both_bundles_keep_the_labels_that_they_have_drawn_from_being_lost(
    net_weights: Path, small_study: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (small_study / ED).unlink()
    quick = {"weights": str(net_weights), "report": False, "intervals": False, "guide": 0}
    bundles: dict[str, tuple[list[str], dict[str, object]]] = {
        "ventricle_segmentation": ([ED, ES], {"orientations": 1}),
        "cardiac_motion_reg": ([ED], quick),
    }
    for bundle, (labels, settings) in bundles.items():
        output = tmp_path / bundle
        places = {"dataset_dir": str(small_study), "output_dir": str(output)}
        run("inference", bundle, **places, **settings)
        for name in labels:
            label = output / "small" / name
            drawn, mine = label.read_bytes(), edit(label)
            assert mine != drawn
            with pytest.raises(SystemExit):
                run("inference", bundle, **places, **settings, overwrite=True)
            assert f"small: cannot be replaced: {name} has been edited" in capsys.readouterr().err
            assert label.read_bytes() == mine
            label.write_bytes(drawn)
