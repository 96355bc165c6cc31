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

from myomotion.io.cine import Cine, find_studies, read_cine
from tests.support.studies import write_study
from tools.write_dicom import write_cine


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of three slices and ten frames."""
    folder = tmp_path / "nifti" / "drawn"
    write_study(folder, frames=10, slices=3)
    (folder / "info.json").write_text('{"frame_times_ms": [0,40,80,120,160,200,240,280,320,360]}')
    return folder


def read(folder: Path) -> Cine:
    return read_cine(find_studies(folder)[0])


def as_dicom(drawn: Path, **options: bool) -> tuple[Path, list[Path]]:
    target = drawn.parents[1] / "dicom"
    target.mkdir()
    write_cine(drawn / "sa.nii.gz", target / "scan", **options)
    shutil.copy(drawn / "label_sa_ED.nii.gz", target)
    return target, sorted((target / "scan").glob("*.dcm"))


def edit(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    dataset = pydicom.dcmread(path)
    change(dataset)
    dataset.save_as(path)


def copied(path: Path, change: Callable[[pydicom.Dataset], object]) -> None:
    dataset = pydicom.dcmread(path)
    dataset.SOPInstanceUID = dataset.file_meta.MediaStorageSOPInstanceUID = generate_uid()
    dataset.PixelData = bytes(len(dataset.PixelData))  # the other picture is another
    change(dataset)
    dataset.save_as(path.with_name(f"a_{path.name}"))


def same(study: Path, drawn: Path) -> list[str]:
    """Claim: the study is the drawn one; what it says."""
    cine, expected = read(study), read(drawn)
    assert np.array_equal(cine.image, expected.image)
    assert cine.label_ed is not None and np.array_equal(cine.label_ed, expected.label_ed)
    return cine.warnings


def test_phase_pictures_of_a_mixed_file_are_left_out(drawn: Path) -> None:
    study, (path,) = as_dicom(drawn, multi_frame=True)
    dataset = pydicom.dcmread(path)
    pixels, groups, pictures = dataset.pixel_array, [], []
    for k, picture in enumerate(pixels):
        for part, kind in (("MAGNITUDE", "M"), ("PHASE", "P")):
            group = pydicom.dcmread(path).PerFrameFunctionalGroupsSequence[k]
            frame_type = pydicom.Dataset()
            frame_type.FrameType = ["ORIGINAL", "PRIMARY", "CARDIAC", kind]
            frame_type.ComplexImageComponent = part
            group.MRImageFrameTypeSequence = [frame_type]
            groups.append(group)
            pictures.append(picture if kind == "M" else picture[::-1])
    dataset.PerFrameFunctionalGroupsSequence = groups
    dataset.NumberOfFrames, dataset.PixelData = len(groups), np.stack(pictures).tobytes()
    dataset.ImageType = ["ORIGINAL", "PRIMARY", "CARDIAC", "NONE"]
    dataset.save_as(path)
    assert same(study, drawn) == ["30 pictures were left out: they are no magnitude images."]


def second_acquisition(dataset: pydicom.Dataset) -> None:
    dataset.AcquisitionNumber, dataset.InstanceNumber = 2, int(dataset.InstanceNumber) + 1000


def second_pictures(dataset: pydicom.Dataset) -> None:
    dataset.InstanceNumber = int(dataset.InstanceNumber) + 1000


def second_echo(dataset: pydicom.Dataset) -> None:
    dataset.EchoTime = 9.0


@pytest.mark.parametrize(
    ("again", "said"),
    [
        (second_acquisition, "3 of 3 slices .* several acquisitions: .*smallest AcquisitionNumber"),
        (second_pictures, "several times at the same TriggerTime: .*smallest InstanceNumber"),
        (second_echo, "3 of 3 slices .* several echoes: .*smallest EchoTime"),
    ],
)
def test_slices_that_are_there_twice_are_read_once(
    drawn: Path, again: Callable[[pydicom.Dataset], None], said: str
) -> None:
    study, files = as_dicom(drawn)
    for path in files:
        edit(path, lambda dataset: setattr(dataset, "EchoTime", 1.5))
        copied(path, again)
    (warning,) = same(study, drawn)
    assert re.search(said, warning) and "a folder of their own" in warning


def test_a_lost_spacing_is_that_of_the_series(drawn: Path) -> None:
    study, files = as_dicom(drawn)
    for path in files[20:]:
        edit(path, lambda dataset: delattr(dataset, "PixelSpacing"))
    assert same(study, drawn) == [
        "10 pictures have no PixelSpacing: they were given that of the other pictures of their "
        "series."
    ]


def test_slices_planned_sideways_are_read_and_it_is_said(drawn: Path) -> None:
    study, files = as_dicom(drawn, series_per_slice=True)

    def move(dataset: pydicom.Dataset) -> None:
        along = np.array(dataset.ImageOrientationPatient[:3], float)
        moved = np.array(dataset.ImagePositionPatient, float) + 1.5 * along
        dataset.ImagePositionPatient = [f"{v:.4f}" for v in moved]

    for path in files[20:]:
        edit(path, move)
    (warning,) = same(study, drawn)
    assert "Slices 2 lie up to 1.5 mm sideways of slice 0" in warning


def test_a_series_for_every_phase_is_one_cine(drawn: Path) -> None:
    study, files = as_dicom(drawn)
    uids = [generate_uid() for _ in range(10)]
    for k, path in enumerate(files):

        def own_series(dataset: pydicom.Dataset, k: int = k) -> None:
            dataset.SeriesInstanceUID, dataset.SeriesNumber = uids[k % 10], 100 + k % 10
            dataset.InstanceNumber = k // 10 + 1

        edit(path, own_series)
    assert same(study, drawn) == []


def test_a_slice_with_other_rows_is_left_out_and_said(drawn: Path) -> None:
    write_study(drawn, frames=10, slices=4)
    study, files = as_dicom(drawn)
    (study / "label_sa_ED.nii.gz").unlink()

    def shorter(dataset: pydicom.Dataset) -> None:
        dataset.PixelData = dataset.pixel_array[:-2].tobytes()
        dataset.Rows -= 2

    for path in files[30:]:
        edit(path, shorter)
    cine = read(study)
    assert cine.image.shape[2] == 3 and len(cine.warnings) == 1
    assert (
        cine.warnings[0].startswith("Left out beside series 1") and "1 slice x" in cine.warnings[0]
    )
