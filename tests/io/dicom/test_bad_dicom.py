"""DICOM that cannot be read as a cine is refused with its file, what was found and the fix."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

from myomotion.errors import InputError
from tests.support.cines.dicom import (
    as_dicom,
    compress_falsely,
    cut,
    draw,
    drop,
    edit,
    edit_all,
    read,
    scans,
    shift,
    tilt,
)


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """A NIfTI study of five slices and ten frames that lie obliquely, at known times."""
    return draw(tmp_path / "nifti" / "drawn")


BAD_DICOM: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong modality": (
        lambda s: edit_all(s, Modality="CT"),
        r"50 x modality CT, not MR \(IM001_00001.dcm\)",
    ),
    "cut in the pixels": (
        lambda s: cut(scans(s)[13], 3000),
        r"IM001_00014.dcm: its pixels cannot be read, probably cut short \(3000 bytes",
    ),
    "cut in the header": (
        lambda s: cut(scans(s)[13], 700),
        r"IM001_00014.dcm: .*cut short \(700 bytes",
    ),
    "empty file": (lambda s: cut(scans(s)[13], 0), r"IM001_00014.dcm: not a .*DICOM file"),
    "not DICOM": (
        lambda s: (s / "scan" / "IM001_00001.dcm").write_text("hello " * 100),
        r"IM001_00001.dcm: not a .*DICOM file.*Export it again",
    ),
    "missing frame": (
        lambda s: drop(scans(s)[13:14]),
        r"slice 1 of series 1 .* has 9 frames where others have 10 .*IM001_000",
    ),
    "missing slice": (
        lambda s: drop(scans(s)[10:20]),
        r"lacks 1 slice between slice 0 and 1: they are 16.0 mm apart, the others 8.0 mm",
    ),
    "single pictures": (
        lambda s: drop([p for k, p in enumerate(scans(s)) if k % 10]),
        r"no cine: no series shows a slice more than once",
    ),
    "tilted slice": (lambda s: tilt(scans(s)[10:20]), r"dcm: lies at 10.0 degrees to IM001_00001"),
    "shifted slice": (
        lambda s: shift(scans(s)[10:20]),
        r"IM001_000..\.dcm: its ImagePositionPatient is shifted by 14.0 mm within the slice plane",
    ),
    "changed copy of a file": (
        lambda s: edit(shutil.copy(scans(s)[3], s / "copy.dcm"), RescaleIntercept=5),
        r"has the SOPInstanceUID of .*: the picture is there twice",
    ),
    "no order": (
        lambda s: edit_all(
            s, TriggerTime=None, TemporalPositionIdentifier=None, InstanceNumber=None
        ),
        r"the order of the frames is not known: none of TriggerTime, .* InstanceNumber",
    ),
    "no position": (
        lambda s: edit_all(s, ImagePositionPatient=None),
        r"no MR picture that says where it lies; found: 50 x no ImagePositionPatient",
    ),
    "no decoder": (
        lambda s: compress_falsely(scans(s)[4]),
        r"IM001_00005.dcm: its pixels are compressed \(JPEG 2000.*Install pylibjpeg",
    ),
    "modality table": (
        lambda s: edit(scans(s)[0], ModalityLUTSequence=[pydicom.Dataset()]),
        r"IM001_00001.dcm: has a ModalityLUTSequence",
    ),
}


@pytest.mark.parametrize("change", BAD_DICOM)
def test_bad_dicom_names_file_value_and_fix(drawn: Path, tmp_path: Path, change: str) -> None:
    study = as_dicom(drawn, tmp_path / "dicom")
    action, expected = BAD_DICOM[change]
    action(study)
    with pytest.raises(InputError, match=expected) as error:
        read(study)
    assert "\n" not in str(error.value)


def test_enhanced_file_cut_short_is_named(drawn: Path, tmp_path: Path) -> None:
    study = as_dicom(drawn, tmp_path / "dicom", multi_frame=True)
    cut(study / "scan" / "cine.dcm", 200_000)
    with pytest.raises(InputError, match=r"cine.dcm: .*cut short \(200000 bytes"):
        read(study)
