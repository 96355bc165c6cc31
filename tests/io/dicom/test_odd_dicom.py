"""DICOM folders that are not one clean series: what can be read is, and the rest is said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from myomotion.errors import InputError
from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.studies import write_study
from tools.verify.robustness.faults import dicom


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of three slices and ten frames."""
    folder = tmp_path / "nifti" / "drawn"
    write_study(folder, frames=10, slices=3)
    (folder / "info.json").write_text('{"frame_times_ms": [0,40,80,120,160,200,240,280,320,360]}')
    return folder


def read(folder: Path) -> Cine:
    return read_cine(find_studies(folder)[0])


def same(study: Path, drawn: Path) -> list[str]:
    """Claim: the study is the drawn one; what it says."""
    cine, expected = read(study), read(drawn)
    assert np.array_equal(cine.image, expected.image)
    assert cine.label_ed is not None and np.array_equal(cine.label_ed, expected.label_ed)
    return cine.warnings


def second_pictures(dataset: pydicom.Dataset) -> None:
    """There again under another number."""
    dataset.InstanceNumber = int(dataset.InstanceNumber) + 1000


def test_phase_pictures_of_a_mixed_file_are_left_out(drawn: Path) -> None:
    study = dicom.magnitude_and_phase(drawn)
    assert same(study, drawn) == ["30 pictures were left out: they are no magnitude images."]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("again", "said"),
    [
        (
            dicom.second_acquisition,
            "3 of 3 slices .* several acquisitions: .*smallest AcquisitionNumber",
        ),
        (
            second_pictures,
            "several times at the same TriggerTime: .*smallest InstanceNumber",
        ),
        (dicom.second_echo, "3 of 3 slices .* several echoes: .*smallest EchoTime"),
    ],
)
def test_slices_that_are_there_twice_are_read_once(
    drawn: Path, again: Callable[[pydicom.Dataset], None], said: str
) -> None:
    (warning,) = same(dicom.every_slice_twice(again)(drawn), drawn)
    assert re.search(said, warning) and "a folder of their own" in warning


def test_a_lost_spacing_is_that_of_the_series(drawn: Path) -> None:
    assert same(dicom.lost_spacing(drawn), drawn) == [
        "10 pictures have no PixelSpacing: they were given that of the other pictures of their "
        "series."
    ]


def test_slices_planned_sideways_are_read_and_it_is_said(drawn: Path) -> None:
    study = dicom.slice_planned_sideways(drawn)
    (warning,) = same(study, drawn)
    assert "Slices 2 lie up to 1.5 mm sideways of slice 0" in warning
    cine = read(study)
    shifts = cine.slabs.sideways_mm
    assert shifts is not None
    inward = cine.affine[:3, :2] / cine.spacing
    first, _, last = (pydicom.dcmread(file) for file in sorted(study.rglob("*.dcm"))[::10])
    way = np.subtract(last.ImagePositionPatient, first.ImagePositionPatient) * [-1, -1, 1]  # RAS
    assert np.hypot(*shifts.T) == pytest.approx([0, 0, 1.5], abs=1e-3)
    assert shifts[2] == pytest.approx(way @ inward, abs=1e-3)
    assert read(drawn).slabs.sideways_mm is None


def test_a_series_for_every_phase_is_one_cine(drawn: Path) -> None:
    assert same(dicom.series_per_phase(drawn), drawn) == []


@pytest.mark.parametrize("slices", [3, 4])
def test_a_slice_with_other_rows_is_left_out_and_said(drawn: Path, slices: int) -> None:
    write_study(drawn, frames=10, slices=slices)
    cine = read(dicom.slice_with_other_rows(drawn))
    assert cine.image.shape[2] == slices - 1
    warning, cut = cine.warnings
    assert cut.startswith("label_sa_ED.nii.gz: ") and "lie outside the cine" in cut
    assert warning.startswith(
        f"Left out beside series 1 'cine short axis' ({slices - 1} slices x 10 frames)"
    )
    assert warning.endswith("1 of the series whose Rows, Columns or PixelSpacing differ.")
    whole = read(drawn).label_ed
    assert cine.label_ed is not None and whole is not None
    assert np.array_equal(cine.label_ed, whole[..., :-1])


def test_a_folder_that_was_copied_beside_itself_is_read_once(drawn: Path) -> None:
    target, _ = dicom.as_dicom(drawn)
    shutil.copytree(target / "scan", target / "scan - copy")
    assert same(target, drawn) == ["30 files are copies of others and were not read."]


def add_series(files: list[Path], number: int, change: dicom.Edit) -> None:
    """Put the pictures beside themselves in a series of their own, changed."""
    uid = generate_uid()

    def own(dataset: pydicom.Dataset) -> None:
        change(dataset)
        dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, number

    for path in files:
        dicom.add_copy(path, own, blank=False)


def long_axis(angle: float) -> dicom.Edit:
    def turn(dataset: pydicom.Dataset) -> None:
        old = np.array(dataset.ImageOrientationPatient, float).reshape(2, 3)
        axis = Rotation.from_rotvec(angle * np.cross(*old), degrees=True).apply(old[0])
        new = [axis, np.cross(*old)]
        dataset.ImageOrientationPatient = [f"{v:.9f}" for v in np.ravel(new)]

    return turn


def add_long_axes(files: list[Path]) -> None:
    """A series 7 of three planes through the long axis."""
    uid = generate_uid()
    for k, angle in enumerate((0, 60, 120)):
        part = [path.with_name(f"plane{k}_{path.name}") for path in files[:10]]
        for path, copy in zip(files, part, strict=False):
            shutil.copy(path, copy)
        add_series(part, 7, long_axis(angle))
        for copy in part:
            copy.unlink()
            added = copy.with_name(f"a_{copy.name}")
            dicom.edit(added, lambda dataset: setattr(dataset, "SeriesInstanceUID", uid))


def test_planes_of_a_long_axis_series_are_left_out_and_said(drawn: Path) -> None:
    study, files = dicom.as_dicom(drawn)
    add_long_axes(files)
    assert same(study, drawn) == [
        "Left out beside series 1 'cine short axis' (3 slices x 10 frames): 3 x series 7 'cine "
        "short axis' (1 slice x 10 frames)."
    ]


def test_planes_beside_two_stacks_do_not_hide_the_choice(drawn: Path) -> None:
    study, files = dicom.as_dicom(drawn)
    add_series(files, 2, lambda dataset: None)
    add_long_axes(files)
    with pytest.raises(InputError, match=r'5 cine series: .*series 2 .*{"series": NUMBER}'):
        read(study)
    (study / "info.json").write_text('{"series": 2}')
    assert same(study, drawn) == []


@pytest.mark.parametrize("further", [0.5, 3.0])
def test_a_slice_that_was_taken_again_is_named_twice_and_a_list_chooses(
    drawn: Path, further: float
) -> None:
    write_study(drawn, frames=10, slices=4)
    study, files = dicom.as_dicom(drawn, series_per_slice=True)

    def move(dataset: pydicom.Dataset) -> None:
        normal = np.cross(*np.array(dataset.ImageOrientationPatient, float).reshape(2, 3))
        moved = np.array(dataset.ImagePositionPatient, float) + further * normal
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in moved]

    add_series(files[10:20], 50, move)
    twice = rf"slice 1 twice: .* series 2 and .* series 50 are {further} mm apart.*{{\"series\": \["
    with pytest.raises(InputError, match=twice):
        read(study)
    (study / "info.json").write_text('{"series": [1, 2, 3, 4]}')
    assert same(study, drawn) == []


@pytest.mark.parametrize("word", ["ORIGINAL", "DERIVED"])
def test_one_word_of_image_type_is_a_word(drawn: Path, word: str) -> None:
    study, files = dicom.as_dicom(drawn)
    for path in files:
        dicom.edit(path, lambda dataset: setattr(dataset, "ImageType", word))
    assert same(study, drawn) == []


def test_one_word_of_frame_type_is_a_word(drawn: Path) -> None:
    study, (path,) = dicom.as_dicom(drawn, multi_frame=True)
    frame_type = pydicom.Dataset()
    frame_type.FrameType = "ORIGINAL"

    def change(dataset: pydicom.Dataset) -> None:
        dataset.SharedFunctionalGroupsSequence[0].MRImageFrameTypeSequence = [frame_type]
        for group in dataset.PerFrameFunctionalGroupsSequence:
            group.pop("MRImageFrameTypeSequence", None)

    dicom.edit(path, change)
    assert same(study, drawn) == []


def test_a_link_to_a_series_elsewhere_is_followed(drawn: Path) -> None:
    study, _ = dicom.as_dicom(drawn)
    (study / "scan").rename(study.with_name("store"))
    (study / "scan").symlink_to(study.with_name("store"))
    assert same(study, drawn) == []


def test_files_without_a_study_are_not_of_one(drawn: Path) -> None:
    study, files = dicom.as_dicom(drawn)
    for path in files:
        dicom.edit(path, lambda dataset: setattr(dataset, "StudyInstanceUID", ""))
    (study / "label_sa_ED.nii.gz").unlink()
    group = study.with_name("group")
    group.mkdir()
    study.rename(group / "anna")
    shutil.copytree(group / "anna", group / "bert")
    assert [found["name"] for found in find_studies(group)] == ["anna", "bert"]
