"""DICOM cines: read as their NIfTI twins are, in every form scanners send, or refused clearly."""

from __future__ import annotations

import json
import random
import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies
from tests.support.cines.dicom import as_dicom, draw, edit, edit_all, oblique, place, read, scans
from tests.support.studies import write_study
from tools.convert.dicom import main, write_cine


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of five slices and ten frames that lie obliquely, at known times."""
    return draw(tmp_path / "nifti" / "drawn")


def agree(cine: Cine, other: Cine) -> None:
    """Claim: both are the same pictures at the same place and time with the same label."""
    assert np.array_equal(cine.image, other.image)
    assert np.allclose(cine.affine, other.affine, atol=1e-6)
    assert cine.label_ed is not None and other.label_ed is not None
    assert np.array_equal(cine.label_ed, other.label_ed)
    assert cine.frame_times_ms is not None and other.frame_times_ms is not None
    assert np.allclose(cine.frame_times_ms, other.frame_times_ms, atol=1e-6)


@pytest.mark.parametrize("form", [{}, {"multi_frame": True}, {"series_per_slice": True}], ids=str)
def test_cine_is_the_same_from_dicom_in_every_form(
    drawn: Path, tmp_path: Path, form: dict[str, bool]
) -> None:
    agree(read(as_dicom(drawn, tmp_path / "dicom", **form)), read(drawn))


def test_itk_places_the_slices_where_we_do(drawn: Path, tmp_path: Path) -> None:
    itk = pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    study = as_dicom(drawn, tmp_path / "dicom")
    cine, files = read(study), scans(study)
    for z in range(5):
        image = itk.ReadImage(str(files[10 * z + 3]))
        columns = np.array(image.GetDirection()).reshape(3, 3) * image.GetSpacing()
        lps = np.column_stack([columns[:, :2], image.GetOrigin()])
        ours = np.column_stack([cine.affine[:3, :2], cine.affine[:3] @ [0, 0, z, 1]])
        assert np.allclose(np.diag([-1, -1, 1]) @ lps, ours, atol=1e-4)
        assert np.array_equal(itk.GetArrayFromImage(image)[0].T, cine.image[:, :, z, 3])


def test_neither_names_nor_folders_nor_endings_of_files_matter(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    files = scans(study)
    order = random.Random(0).sample(range(len(files)), len(files))
    for k, path in zip(order, files, strict=True):
        target = study / f"part{k % 3}" / (f"{k:04d}" if k % 2 else f"z{k}.IMA")
        target.parent.mkdir(exist_ok=True)
        path.rename(target)
    (study / "DICOMDIR").write_bytes(b"\0" * 128 + b"DICM")
    (study / "notes.txt").write_text("not a picture")
    agree(read(study), read(drawn))


@pytest.mark.slow
@pytest.mark.parametrize("key", ["TemporalPositionIdentifier", "AcquisitionTime", "InstanceNumber"])
def test_frames_are_sorted_by_the_best_that_is_known(drawn: Path, tmp_path: Path, key: str) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study):
        number = int(pydicom.dcmread(path).TemporalPositionIdentifier)
        known = {
            "TriggerTime": 0,  # the same everywhere: a placeholder
            "TemporalPositionIdentifier": None,
            "InstanceNumber": 100 - number,  # trusted less than the others
        }
        value = f"1259{50 + number}.5" if key == "AcquisitionTime" else number
        edit(path, **{**known, key: value})
    cine = read(study)
    assert cine.source["frames_sorted_by"] == key
    assert np.array_equal(cine.image, read(drawn).image)
    assert cine.frame_times_ms is None


def test_classic_multi_frame_files_hold_a_slice_each(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    files = scans(study)
    for z in range(5):
        frames = [pydicom.dcmread(p) for p in files[10 * z : 10 * z + 10]]
        joined = frames[0]
        del joined.TriggerTime, joined.TemporalPositionIdentifier
        joined.NumberOfFrames, joined.FrameTime = 10, 38.5
        joined.PixelData = b"".join(f.PixelData for f in frames)
        joined.save_as(study / "scan" / f"slice{4 - z}.dcm")
    for path in files:
        path.unlink()
    agree(read(study), read(drawn))


def test_files_without_preamble_are_read_where_their_name_says_dicom(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study):
        dataset = pydicom.dcmread(path)
        bare = pydicom.Dataset()
        bare.update({element.tag: element for element in dataset})
        bare.save_as(path, implicit_vr=True, little_endian=True)
        assert path.read_bytes()[128:132] != b"DICM"
    agree(read(study), read(drawn))


def test_rescaled_values_are_read_and_slopes_may_differ(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    expected = read(drawn).image
    edit(scans(study)[0], RescaleSlope="2.5", RescaleIntercept="-10")
    values = read(study).image
    assert np.allclose(values[:, :, 0, 0], 2.5 * expected[:, :, 0, 0] - 10)
    assert np.array_equal(values[:, :, 1:], expected[:, :, 1:])


def test_values_that_are_not_whole_numbers_survive_with_16_bits(
    drawn: Path, tmp_path: Path
) -> None:
    image = nib.load(drawn / "sa.nii.gz")
    values = np.asarray(image.dataobj) * np.float32(0.0123) - 3
    nib.save(nib.Nifti1Image(values, image.affine), drawn / "sa.nii.gz")
    for form in ({}, {"multi_frame": True}):
        found = read(as_dicom(drawn, tmp_path / f"dicom{len(form)}", **form)).image
        assert np.abs(found - values).max() < np.ptp(values) / 65535


def test_label_saved_with_other_axes_is_turned_and_one_elsewhere_is_refused(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    path = study / "label_sa_ED.nii.gz"
    label = nib.load(path)
    turned = label.as_reoriented(np.array([[1, -1], [0, 1], [2, -1]]))
    assert turned.shape != label.shape
    nib.save(turned, path)
    agree(read(study), read(drawn))
    affine = label.affine.copy()
    affine[:3, 3] += [5, 0, 0]
    nib.save(nib.Nifti1Image(np.asarray(label.dataobj), affine), path)
    with pytest.raises(InputError, match=r"label_sa_ED.nii.gz: the label does not lie on the cine"):
        read(study)


def test_several_studies_are_told_from_several_series(drawn: Path, tmp_path: Path) -> None:
    for name in ("b", "a"):
        write_cine(drawn / "sa.nii.gz", tmp_path / "all" / name / "deep" / "scan")
    assert [s["name"] for s in find_studies(tmp_path / "all")] == ["a", "b"]
    same = generate_uid()
    for k in range(2):
        target = tmp_path / "one" / f"series{k}"
        write_cine(drawn / "sa.nii.gz", target, study_uid=same, series_number=k)
    assert [s["name"] for s in find_studies(tmp_path / "one")] == ["one"]
    target = tmp_path / "1.2.840.4711"
    write_cine(drawn / "sa.nii.gz", tmp_path / "enhanced", multi_frame=True)
    shutil.copy(tmp_path / "enhanced" / "cine.dcm", target)
    agreed = read(target)
    assert np.array_equal(agreed.image, read(drawn).image) and agreed.name == target.name


def other_series(drawn: Path, target: Path, frames: int, number: int, name: str) -> None:
    """A long-axis series beside the short-axis cine."""
    folder = target.parent / f"nifti{number}"
    write_study(folder, frames=frames, slices=1)
    affine = oblique()
    affine[:3, :3] = affine[:3, [2, 0, 1]]
    affine[:3, :3] *= np.array([1.5, 1.5, 8]) / np.linalg.norm(affine[:3, :3], axis=0)
    place(folder, affine)
    write_cine(folder / "sa.nii.gz", target, series_number=number, description=name)
    shutil.rmtree(folder)


@pytest.mark.slow
def test_cine_is_found_among_other_series_or_asked_for(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", series_number=7, description="SAX")
    other_series(drawn, study / "late", 2, 8, "late enhancement")
    other_series(drawn, study / "phase", 10, 9, "velocity")
    edit_all(study / "phase", ImageType=["ORIGINAL", "PRIMARY", "P"])
    other_series(drawn, study / "ct", 10, 10, "CT")
    edit_all(study / "ct", Modality="CT")
    assert read(study).source["series_numbers"] == [7]
    other_series(drawn, study / "long", 10, 11, "4 chamber")
    cine = read(study)
    assert cine.image.shape[2] == 5 and cine.warnings == [
        "Left out: 10 x modality CT, not MR (IM001_00001.dcm), 10 x not a magnitude image "
        "(IM001_00001.dcm).",
        "Left out beside series 7 'SAX' (5 slices x 10 frames): series 11 '4 chamber' "
        "(1 slice x 10 frames).",
    ]
    uid = pydicom.dcmread(scans(study)[0]).SeriesInstanceUID
    for wanted in (7, "7", "sax", uid, [7]):
        (study / "info.json").write_text(json.dumps({"series": wanted}))
        assert read(study).image.shape[2] == 5
    (study / "info.json").write_text('{"series": "4 Chamber"}')
    (study / "label_sa_ED.nii.gz").unlink()
    assert read(study).image.shape[2] == 1
    for wanted in (99, [99]):
        (study / "info.json").write_text(json.dumps({"series": wanted}))
        with pytest.raises(InputError, match=r"info.json asks for the series .*99"):
            read(study)


def test_slice_taken_twice_is_not_guessed_and_a_list_chooses(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", series_per_slice=True)
    uid = generate_uid()
    (study / "again").mkdir()
    for path in scans(study)[20:30]:
        copy = Path(shutil.copy(path, study / "again" / path.name))
        edit(copy, SeriesInstanceUID=uid, SeriesNumber=6, SOPInstanceUID=generate_uid())
    with pytest.raises(InputError, match="6 cine series"):
        read(study)
    (study / "info.json").write_text('{"series": [1, 2, 6, 4, 5], "ed_frame": 0}')
    agree(read(study), read(drawn))


def test_three_levels_at_unequal_distances_are_read_with_a_warning(
    drawn: Path, tmp_path: Path
) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    (study / "label_sa_ED.nii.gz").unlink()
    for path in scans(study)[10:20] + scans(study)[40:]:
        path.unlink()
    cine = read(study)
    assert np.linalg.norm(cine.affine[:3, 2]) == pytest.approx(12)
    assert cine.warnings == [
        "Slice distances differ (16.0, 8.0 mm). Files of results say 12.0 mm throughout; slices "
        "are tracked one by one, so nothing within a slice depends on it."
    ]


def test_different_heart_rates_are_averaged_with_a_warning(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    for path in scans(study)[:10]:
        edit(path, TriggerTime=2 * float(pydicom.dcmread(path).TriggerTime))
    cine = read(study)
    assert cine.frame_times_ms is not None
    assert cine.frame_times_ms[-1] == pytest.approx(9 * 38.5 * 1.2)
    assert len(cine.warnings) == 1 and "different heart rates" in cine.warnings[0]


def test_slices_never_taken_can_be_allowed(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    (study / "label_sa_ED.nii.gz").unlink()
    for path in scans(study)[10:20]:
        path.unlink()
    (study / "info.json").write_text('{"allow_missing_slices": true}')
    assert read(study).image.shape[2] == 4


def test_writer_refuses_a_folder_in_use_and_a_sheared_cine(
    drawn: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert main([str(drawn / "sa.nii.gz"), "--output", str(target), "--multi-frame"]) == 0
    assert [p.name for p in target.glob("[!.]*")] == ["cine.dcm"]
    (target / "other.dcm").write_bytes(b"")
    assert main([str(drawn / "sa.nii.gz"), "--output", str(target)]) == 2
    assert "out: cannot be replaced: it is there already" in capsys.readouterr().err
    affine = oblique()
    affine[:3, 2] += affine[:3, 0]
    place(drawn, affine)
    with pytest.raises(InputError, match="not at right angles"):
        write_cine(drawn / "sa.nii.gz", tmp_path / "sheared")
    assert not (tmp_path / "sheared").exists()
