"""DICOM folders that are not one clean series: what can be read is, and the rest is said."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest

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
            dicom.second_pictures,
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
    (warning,) = same(dicom.slice_planned_sideways(drawn), drawn)
    assert "Slices 2 lie up to 1.5 mm sideways of slice 0" in warning


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
