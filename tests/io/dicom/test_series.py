"""Which series make up a cine: as info.json names them, and where files do not say their series."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.uid import SecondaryCaptureImageStorage, generate_uid

from myomotion.errors import InputError
from myomotion.io.cine import Cine, read_cine
from tests.support.cines.dicom import read
from tests.support.studies import write_study
from tools.verify.robustness.faults import dicom

FRAMES = 9
PLACE = ("ImagePositionPatient", "ImageOrientationPatient")


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of three slices and nine frames."""
    folder = tmp_path / "nifti" / "drawn"
    write_study(folder, frames=FRAMES, slices=3)
    times = [40 * t for t in range(FRAMES)]
    (folder / "info.json").write_text(json.dumps({"frame_times_ms": times}))
    return folder


def ask_for(study: Path, series: object) -> Cine:
    """The cine of a study whose info.json names its series."""
    (study / "info.json").write_text(json.dumps({"series": series}))
    return read(study)


def in_two_series(drawn: Path, slices: int) -> tuple[Path, list[Path]]:
    """The stack as series 1 and 2, ``slices`` of it in the latter; the files of the latter."""
    study, files = dicom.as_dicom(drawn)
    uid = generate_uid()

    def other(dataset: pydicom.Dataset) -> None:
        dataset.SeriesInstanceUID, dataset.SeriesNumber = uid, 2

    part = files[-slices * FRAMES :]
    for path in part:
        dicom.edit(path, other)
    return study, part


def rest_and_stress(drawn: Path, shift_mm: float = 0.0, **options: bool) -> Path:
    """The stack twice, the second brighter by 1 and shifted along its axis."""
    study, files = dicom.as_dicom(drawn, **options)
    uids = {str(pydicom.dcmread(path).SeriesInstanceUID): generate_uid() for path in files}

    def again(dataset: pydicom.Dataset) -> None:
        dataset.SeriesInstanceUID = uids[str(dataset.SeriesInstanceUID)]
        dataset.SeriesNumber = int(dataset.SeriesNumber) + 40
        dataset.SeriesDescription = "stress"
        place, across = (np.array(dataset[k].value, float) for k in PLACE)
        place += shift_mm * np.cross(across[:3], across[3:])
        dataset.ImagePositionPatient = [round(float(x), 4) for x in place]
        dataset.PixelData = (dataset.pixel_array + 1).astype(np.uint16).tobytes()

    for path in files:
        dicom.add_copy(path, again, blank=False)
    return study


@pytest.mark.slow
@pytest.mark.parametrize("slices", [1, 2])
def test_a_list_of_series_is_one_stack(drawn: Path, slices: int) -> None:
    write_study(drawn, frames=FRAMES, slices=4)
    study, _ = in_two_series(drawn, slices)
    cine = ask_for(study, [1, 2])
    assert np.array_equal(cine.image, read(drawn).image)
    assert cine.warnings == [] and cine.source["series_numbers"] == [1, 2]


def test_a_list_of_series_that_are_no_stack_is_told_why(drawn: Path) -> None:
    study, part = in_two_series(drawn, 1)
    for path in part[::FRAMES]:
        path.unlink()
    message = r"the series \[1, 2\] of info.json make 2 cines, not one: .*number of frames"
    with pytest.raises(InputError, match=message) as error:
        ask_for(study, [1, 2])
    assert "a list of the series" not in str(error.value)


def test_a_description_tells_stacks_apart_whose_slices_are_a_series_each(drawn: Path) -> None:
    study = rest_and_stress(drawn, series_per_slice=True)
    assert np.array_equal(ask_for(study, "Stress").image, read(drawn).image + 1)


def test_a_description_of_two_whole_stacks_names_none(drawn: Path) -> None:
    study = rest_and_stress(drawn, shift_mm=4)
    for path in (study / "scan").glob("*.dcm"):
        dicom.edit(path, lambda dataset: setattr(dataset, "SeriesDescription", "cine"))
    with pytest.raises(InputError, match=r"2 cine series: series 1 'cine' .*; series 41 'cine'"):
        ask_for(study, "cine")
    assert ask_for(study, 1).image.shape[2] == 3


@pytest.mark.slow
def test_series_without_a_uid_are_told_apart_by_number_and_description(drawn: Path) -> None:
    study = rest_and_stress(drawn)
    for path in (study / "scan").glob("*.dcm"):
        dicom.edit(path, dicom.without("SeriesInstanceUID"))
    with pytest.raises(InputError, match=r"2 cine series: series 1 'cine .*; series 41 'stress'"):
        read(study)
    assert np.array_equal(ask_for(study, 41).image, read(drawn).image + 1)


@pytest.mark.parametrize("known", ["number", "folder"])
def test_a_long_axis_without_a_series_uid_is_left_out(drawn: Path, known: str) -> None:
    study = dicom.long_axis_beside(drawn)
    lost = ["SeriesInstanceUID"]
    if known == "folder":
        lost += ["SeriesNumber", "SeriesDescription"]
    (study / "long").mkdir()
    for path in (study / "scan").glob("*.dcm"):
        dicom.edit(path, dicom.without(*lost))
        if known == "folder" and path.name.startswith("a_"):
            path.rename(study / "long" / path.name)
    cine = read(study)
    assert np.array_equal(cine.image, read(drawn).image)
    (warning,) = cine.warnings
    assert warning.startswith("Left out beside") and "(1 slice x 9 frames)" in warning


def test_pictures_of_an_mr_class_are_mr_without_a_modality(drawn: Path) -> None:
    study, files = dicom.as_dicom(drawn)
    for k, path in enumerate(files):
        dicom.edit(path, dicom.without("Modality") if k % 2 else dicom.of_modality(""))
    assert np.array_equal(read(study).image, read(drawn).image)
    other = SecondaryCaptureImageStorage
    for path in files[1:]:
        path.unlink()
    dicom.edit(files[0], lambda dataset: setattr(dataset, "SOPClassUID", other))
    with pytest.raises(InputError, match="1 x modality unknown, not MR"):
        read(study)


def test_the_list_of_a_medium_is_no_cine(tmp_path: Path) -> None:
    path = tmp_path / "DICOMDIR"
    path.write_bytes(b"\0" * 128 + b"DICM")
    with pytest.raises(InputError, match=r"DICOMDIR: .*Give the folder it lies in"):
        read(path)
    with pytest.raises(InputError, match=r"DICOMDIR: .*Give the folder it lies in"):
        read_cine({"image": str(path)})
