"""Files as other programs write them are the same cine, or are named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.info import read_info
from myomotion.io.itk_files import itk_files
from tools.verify.robustness.faults import dicom, files, labels
from tools.verify.robustness.faults.changes import Change, cine_of, label_of, save, save_label
from tools.verify.robustness.faults.drawn import draw_study

SAME: dict[str, Change] = {
    "pair": files.as_pair("sa.nii.gz"),
    "label as a pair": files.as_pair("label_sa_ED.nii.gz"),
    "upper case": files.renamed("sa.nii.gz", "SA.NII.GZ"),
    "links": files.linked,
    "what file managers leave": files.hidden_files,
    "voxels in a folder": files.voxels_in("data/"),
    "a file a frame": files.voxels_in("LIST"),
    "NRRD, time first": files.as_nrrd("left-posterior-superior", "txyz"),
    "NRRD, RAS and time": files.as_nrrd("right-anterior-superior-time", "xyzt"),
    "label of another orientation": labels.stored_otherwise,
    "label of floating-point numbers": labels.as_numbers(0.9995),
    "label of a larger field of view": labels.field_of_view((5, 3)),
    "label of a smaller field of view": labels.field_of_view((-8, -6)),
    "label without forms": labels.without_forms,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A drawn study."""
    draw_study(tmp_path / "study", frames=4)
    return tmp_path / "study"


def read(folder: Path) -> Cine:
    (study,) = find_studies(folder)
    return read_cine(study)


@pytest.mark.parametrize("name", SAME)
def test_cine_label_and_place_are_the_same(folder: Path, name: str) -> None:
    sound = read(folder)
    SAME[name](folder)
    found = read(folder)
    assert np.array_equal(found.image, sound.image)
    assert sound.label_ed is not None and np.array_equal(found.label_ed, sound.label_ed)
    assert np.allclose(found.affine, sound.affine, atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (files.as_analyze, "AnalyzeImage, which does not tell left from right"),
        (files.scaled(1e30), "intensities reach 9.*Scale them down"),
        (labels.interpolated, "not whole numbers .for example 0.5.*interpolated"),
        (labels.half_a_voxel_off, "up to 0.5 voxels away"),
    ],
)
def test_what_cannot_be_read_rightly_is_refused(folder: Path, change: Change, message: str) -> None:
    change(folder)
    with pytest.raises(InputError, match=message):
        read(folder)


def test_rows_for_columns_are_no_other_field_of_view(folder: Path) -> None:
    save_label(folder, label_of(folder).transpose(1, 0, 2))  # 72 x 80 for 80 x 72
    with pytest.raises(InputError, match="does not lie on the cine's grid"):
        read(folder)


def test_files_that_are_not_read_are_said(folder: Path) -> None:
    files.another_beside(folder)
    files.renamed("label_sa_ED.nii.gz", "label_sa_ED.vtk")(folder)
    (study,) = find_studies(folder)
    assert "label_ed" not in study
    said = read_cine(study).warnings
    assert "not read beside sa.nii.gz: sa.nii" in said
    assert "label_sa_ED.vtk: not read; did you mean label_sa_ed.nii.gz?" in said


def test_what_was_not_resampled_is_filled_and_damage_is_refused(folder: Path) -> None:
    image = cine_of(folder)[0].astype(np.float32)
    files.empty_border(folder)
    found = read(folder)
    assert np.isfinite(found.image).all() and any("NaN along" in w for w in found.warnings)
    image[40, 36, 0, 1] = np.nan
    save(folder, image)
    with pytest.raises(InputError, match="1 voxels are NaN"):
        read(folder)


def test_frames_named_by_number_are_found(tmp_path: Path) -> None:
    for number in (1, 2, 3):
        (tmp_path / f"f{number:02d}.raw").touch()
    header = tmp_path / "sa.mhd"
    header.write_text("NDims = 4\nElementDataFile = f%02d.raw 1 3 1\n")
    assert [p.name for p in itk_files(header)] == ["sa.mhd", "f01.raw", "f02.raw", "f03.raw"]


def test_negatives_of_dicom_are_turned_into_positives(folder: Path) -> None:
    sound = read(dicom.as_dicom(folder)[0])
    other = folder.with_name("other")
    draw_study(other, frames=4)
    turned = read(dicom.edited(dicom.negative)(other))
    assert np.ptp(turned.image - sound.image) == 0  # but for a constant


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"ED": 1}', "ed_frame"),
        ('{"es_phase": 1}', "es_frame"),
        ('{"end-systole": 1}', "es_frame"),
        ('{"coding": "acdc"}', "labels"),
        ('{"dt": 40}', "frame_interval_ms"),
        ('{"TriggerTimes": []}', "frame_times_ms"),
        ('{"SpacingBetweenSlices": 8}', "slice_spacing_mm"),
        ('{"SeriesNumber": 8}', "series"),
        ('{"HR": 66}', "heart_rate_bpm"),
        ('{"weight_lb": 170}', "weight_kg"),
        ('{"PatientWeight": 80}', "weight_kg"),
        ('{"height_in": 70}', "height_cm"),
        ('{"PatientSize": 1.8}', "height_cm"),
        ('{"gender": "female"}', "sex"),
    ],
)
def test_keys_that_stand_for_ours_elsewhere_are_refused(
    tmp_path: Path, text: str, key: str
) -> None:
    (tmp_path / "info.json").write_text(text)
    with pytest.raises(InputError, match=f"Did you mean '{key}'"):
        read_info(tmp_path / "info.json")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_info_is_read_in_the_encodings_that_editors_write(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "info.json"
    path.write_bytes('{"ed_frame": "3", "height_cm": "170.5", "labels": "ACDC"}'.encode(encoding))
    info = read_info(path)
    assert (info.ed_frame, info.subject.height_cm) == (3, 170.5)


@pytest.mark.parametrize(
    "note", ["size", "length", "mass", "pulse", "points", "body_part", "patient_group"]
)
def test_notes_that_are_like_none_of_ours_are_ignored(tmp_path: Path, note: str) -> None:
    (tmp_path / "info.json").write_text(f'{{"{note}": 3, "height_cm": 170}}')
    assert read_info(tmp_path / "info.json").subject.height_cm == 170
