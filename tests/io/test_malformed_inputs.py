"""Studies whose files are broken: an error that names file, value and fix, and nothing else."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.files.outputs import MARKER
from myomotion.io.cine import find_studies
from myomotion.io.datalist import read_datalist
from myomotion.transforms.load_cine import LoadCine
from tests.support.bundle_runs import track
from tests.support.paths import ROOT
from tests.support.studies import write_study
from tools.verify.robustness.faults.changes import (
    Change,
    cine_of,
    header,
    label_of,
    save,
    save_label,
    voxels,
)


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A drawn study of two slices and three frames."""
    write_study(tmp_path / "studies" / "odd", frames=3)
    return tmp_path / "studies" / "odd"


def content(data: bytes) -> Change:
    return lambda folder: (folder / "sa.nii.gz").write_bytes(data)


def info(text: str) -> Change:
    return lambda folder: (folder / "info.json").write_text(text)


def reshaped(index: Any) -> Change:
    return lambda folder: save(folder, cine_of(folder)[0][index])


def with_type(dtype: Any) -> Change:
    return lambda folder: save(folder, cine_of(folder)[0].astype(dtype))


def rgb(folder: Path) -> None:
    image, affine = cine_of(folder)
    colour = np.zeros(image.shape, [("R", "u1"), ("G", "u1"), ("B", "u1")])
    save(folder, colour, affine)


def sheared(folder: Path) -> None:
    image, affine = cine_of(folder)
    affine[:3, 1] += 0.2 * affine[:3, 0]
    save(folder, image, affine)


def half_label(folder: Path) -> None:
    label = label_of(folder).astype(np.float32)
    label[label == 2] = 1.5
    save_label(folder, label)


def labels_of_all_frames(folder: Path) -> None:
    save_label(folder, np.repeat(label_of(folder)[..., None], 3, axis=3))


def big_heart(folder: Path) -> None:
    image, affine = cine_of(folder)
    affine[:3, :2] *= 2.6 / 1.8
    save(folder, image, affine)
    label = label_of(folder)
    label[8:70, 6:66] = np.where(label[8:70, 6:66] == 0, 2, label[8:70, 6:66])
    save_label(folder, label)


def removed_cine(folder: Path) -> None:
    (folder / "sa.nii.gz").unlink()
    (folder / "label_sa_ED.nii.gz").rename(folder / "sa.nii.gz")


# What is done to a sound study, and what the message must say: file, value and fix.
MALFORMED: dict[str, tuple[Change, str]] = {
    "text": (content(b"not an image"), r"sa.nii.gz: not a readable NIfTI file .*Export it again"),
    "packed text": (content(gzip.compress(b"hello")), r"sa.nii.gz: not a readable NIfTI file"),
    "empty file": (content(b""), r"sa.nii.gz: not a readable NIfTI file"),
    "label as cine": (removed_cine, r"sa.nii.gz: expected a 4-D cine .*found 3 dimensions"),
    "5-D": (
        reshaped((..., [[0, 1], [1, 2]])),
        r"sa.nii.gz: expected a 4-D cine .*found 5 dimensions",
    ),
    "no slice": (reshaped(np.s_[:, :, :0]), r"sa.nii.gz: .*\(80, 72, 0, 3\).*Export it again"),
    "no frame": (reshaped(np.s_[..., :0]), r"sa.nii.gz: .*\(80, 72, 2, 0\).*Export it again"),
    "complex": (with_type(np.complex64), r"sa.nii.gz: voxels are complex .*64.*magnitude"),
    "colour": (rgb, r"sa.nii.gz: voxels are colours .*grey"),
    "voxels in metres": (voxels(0.0018), r"sa.nii.gz: .*0\.0018.*mm.*Correct the header"),
    "voxels in centimetres": (voxels(0.18), r"sa.nii.gz: .*0\.18.*mm.*Correct the header"),
    "voxels in micrometres": (voxels(1800), r"sa.nii.gz: .*1800.*mm.*Correct the header"),
    "voxels of no size": (
        header(pixdim=[1, 0, 0, 8, 1, 0, 0, 0], sform_code=0, qform_code=0),
        r"sa.nii.gz: voxels of 0 x 0 mm.*Correct the header",
    ),
    "affine of NaN": (
        header(srow_x=[np.nan] * 4, sform_code=1),
        r"sa.nii.gz: .*nan.*Correct the header",
    ),
    "sheared": (sheared, r"sa.nii.gz: .*sheared.*Resample"),
    "label of halves": (half_label, r"label_sa_ED.nii.gz: .*not whole numbers .*1\.5\)"),
    "label of 3 frames": (labels_of_all_frames, r"label_sa_ED.nii.gz: frames 0, 1, 2 are labelled"),
    "heart beyond the grid": (big_heart, r"label_sa_ED.nii.gz: .* mm .*size"),
    "frame -1": (info('{"ed_frame": -1}'), r"sa.nii.gz: ed_frame is -1, but .*frames 0 to 2"),
    "frame as text": (info('{"ed_frame": "first"}'), r"sa.nii.gz: ed_frame is 'first', but"),
    "frame as fraction": (info('{"ed_frame": 0.5}'), r"sa.nii.gz: ed_frame is 0.5, but"),
    "frame as truth": (info('{"es_frame": true}'), r"sa.nii.gz: es_frame is True, but"),
    "late end-systole": (info('{"es_frame": 3}'), r"sa.nii.gz: es_frame is 3, but .*0 to 2"),
    "info is a list": (info("[1]"), r"info.json: expected a JSON object, found list"),
    "info is empty": (info(""), r"info.json: not readable JSON"),
    "slices are text": (info('{"slices": ["mid"]}'), r"info.json: slices .*'mid'.*level"),
    "slices are a number": (info('{"slices": 2}'), r"info.json: slices .*2.*level"),
    "septum of one point": (
        info('{"septum_points": {"anterior": [1, 2, 0]}}'),
        r"info.json: septum_points is .*expected two of the file's 80 x 72 x 2 voxels",
    ),
    "septum outside": (
        info('{"septum_points": {"anterior": [1, 2, 0], "inferior": [1, 72, 0]}}'),
        r"info.json: septum_points is .*72.* expected two of the file's 80 x 72 x 2 voxels",
    ),
    "septum in two slices": (
        info('{"septum_points": {"anterior": [1, 2, 0], "inferior": [1, 40, 1]}}'),
        r"info.json: septum_points lie in slices 0 and 1. Give both in one",
    ),
    "unknown coding": (info('{"labels": "acd"}'), r"'acd' is unknown. Use one of internal, "),
    "times of 2 frames": (
        info('{"frame_times_ms": [0, 40]}'),
        r"info.json: frame_times_ms is \[0, 40\], expected 3 rising numbers",
    ),
}


@pytest.mark.parametrize("case", MALFORMED)
def test_malformed_study_is_refused_with_file_value_and_fix(study: Path, case: str) -> None:
    change, expected = MALFORMED[case]
    change(study)
    with pytest.raises(InputError, match=expected) as error:
        LoadCine()(find_studies(study)[0])
    assert "\n" not in str(error.value)


@pytest.mark.slow
def test_malformed_studies_leave_nothing_behind_and_do_not_stop_sound_ones(
    net_weights: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.chdir(ROOT)
    studies, output = tmp_path / "studies", tmp_path / "motion"
    sound = ["Zoë & søn, 2. Besuch", "a first one"]
    for name in (*sound, *MALFORMED):
        write_study(studies / name, frames=3)
    for name, (change, _) in MALFORMED.items():
        change(studies / name)
    (studies / "no files").mkdir()
    track(studies, net_weights, output, report=False)
    lacking = len(MALFORMED) + 1  # a folder without a cine is none that can be used either
    assert f"{lacking} of 35 studies failed: {output}/failed.json" in caplog.messages
    failed = json.loads((output / "failed.json").read_text())
    assert "no file" in failed.pop("no files")
    assert sorted(failed) == sorted(MALFORMED)
    for name, message in failed.items():
        with pytest.raises(InputError, match=MALFORMED[name][1]):
            raise InputError(message)
    assert sorted(p.name for p in output.iterdir()) == sorted(
        [MARKER, *sound, "cohort.csv", "failed.json"]
    )
    for name in sound:
        summary = json.loads((output / name / "summary.json").read_text(encoding="utf-8"))
        assert summary["name"] == name
        assert len(list((output / name / "displacement").iterdir())) == 3


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read every file"
)
def test_file_without_permission_to_read_is_named(study: Path) -> None:
    (study / "sa.nii.gz").chmod(0)
    with pytest.raises(InputError, match=r"sa.nii.gz: permission to read it is denied"):
        LoadCine()(find_studies(study)[0])


@pytest.mark.parametrize(
    ("content", "section", "said"),
    [
        ({"training": [{"cycle": "a"}]}, "test", r"no 'test' entries\. Simulate more"),
        ({"training": [], "test": []}, None, r"json: no entries\. Simulate more"),
        ([], None, r"json: no entries\."),
        ({"test": [{"cine": "a"}]}, None, r"not every entry has a 'cycle'\. .* simulate made"),
        ({"test": {"cycle": "a"}}, "test", "not every entry of 'test' has a 'cycle'"),
    ],
)
def test_data_list_without_what_is_asked_for_is_refused(
    content: object, section: str | None, said: str, tmp_path: Path
) -> None:
    (tmp_path / "datalist.json").write_text(json.dumps(content))
    with pytest.raises(InputError, match=said):
        read_datalist(tmp_path, section, "cycle")
