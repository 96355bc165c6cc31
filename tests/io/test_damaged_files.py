"""Damage that a file tells by itself is refused, and named, before anything is computed."""

from __future__ import annotations

import gzip
import struct
from collections.abc import Callable
from pathlib import Path

import itk
import numpy as np
import pydicom
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.itk_files import read_itk
from tests.support.studies import write_study
from tools.convert.dicom import write_cine

Damage = Callable[[bytearray], object]


@pytest.fixture
def study(tmp_path: Path) -> Path:
    """A drawn study of two slices and three frames."""
    write_study(tmp_path / "a", frames=3)
    return tmp_path / "a"


def field(place: int, form: str, *values: float) -> Damage:
    """Other numbers in a NIfTI header."""
    return lambda content: struct.pack_into(f"<{form}", content, place, *values)


HEADERS: dict[str, tuple[Damage, str]] = {
    "terabytes": (field(42, "4h", 30000, 30000, 3000, 9), "header says .* the file has at most"),
    "fewer frames": (field(48, "h", 2), "bytes follow the last voxel"),
    "one column less": (field(42, "h", 39), "bytes follow the last voxel"),
    "smaller numbers": (field(70, "2h", 2, 8), "bytes follow the last voxel"),
    "infinite offset": (field(108, "f", float("inf")), "not a readable NIfTI file"),
    "unknown unit of time": (field(123, "B", 7), "not a readable NIfTI file"),
}


@pytest.mark.parametrize("name", HEADERS)
def test_header_that_disagrees_with_its_file_is_refused(study: Path, name: str) -> None:
    change, message = HEADERS[name]
    path = study / "sa.nii.gz"
    content = bytearray(gzip.decompress(path.read_bytes()))
    change(content)
    path.write_bytes(gzip.compress(bytes(content)))
    with pytest.raises(InputError, match=rf"sa\.nii\.gz: .*{message}.*Export it again"):
        read_cine(find_studies(study)[0])


@pytest.mark.parametrize("added", [7, 160])
def test_bytes_after_the_last_voxel_change_nothing_and_are_said(
    study: Path, added: int, caplog: pytest.LogCaptureFixture
) -> None:
    plain = read_cine(find_studies(study)[0]).image
    path = study / "sa.nii.gz"
    path.write_bytes(gzip.compress(gzip.decompress(path.read_bytes()) + bytes(added)))
    assert np.array_equal(read_cine(find_studies(study)[0]).image, plain)
    assert f"{added} bytes after the last voxel were not read" in caplog.text


def test_sum_of_a_compressed_file_tells_a_changed_voxel(study: Path) -> None:
    path = study / "sa.nii.gz"
    plain = bytearray(gzip.decompress(path.read_bytes()))
    packed = bytearray(gzip.compress(bytes(plain), 0))  # stored, so that a byte is a voxel's
    packed[len(packed) // 2] ^= 1
    path.write_bytes(packed)
    with pytest.raises(InputError, match=r"sa\.nii\.gz: not a readable NIfTI file \(CRC"):
        read_cine(find_studies(study)[0])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "not readable JSON"),
        ('{"ed_frame": 0, "ed_frame": 1}', "'ed_frame' is given twice"),
        ('{"labels": 5}', "labels: label_coding: '5' is unknown"),
        ('{"allow_missing_slices": "false"}', "'false', expected true or false"),
        ('{"frame_times_ms": [1' + "0" * 400 + ", 2, 3]}", "3 rising numbers"),
    ],
)
def test_info_without_a_meaning_is_refused(study: Path, text: str, message: str) -> None:
    (study / "info.json").write_text(text)
    with pytest.raises(InputError, match=rf"info\.json: .*{message}"):
        read_cine(find_studies(study)[0])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (b"NDims = 4", b"NDims =74", "NDims is 74, expected at most 4"),
        (b"DimSize = 40 40 2 3", b"DimSize = 40 40 9000000 3", "header says .* the file has"),
        (b"ElementSpacing", b"ElementSpaging", "does not say how large its voxels are"),
    ],
)
def test_metaimage_that_itk_would_misread_is_refused(
    tmp_path: Path, old: bytes, new: bytes, message: str
) -> None:
    image = itk.image_view_from_array(np.zeros((3, 2, 40, 40), np.int16))
    image.SetSpacing([1.5, 1.5, 8.0, 40.0])
    path = tmp_path / "sa.mha"
    itk.imwrite(image, str(path))
    assert read_itk(path).sized
    path.write_bytes(path.read_bytes().replace(old, new))
    with pytest.raises(InputError, match=rf"sa\.mha: .*{message}"):
        read_cine(find_studies(tmp_path)[0])


@pytest.mark.parametrize("element", ["TransferSyntaxUID", "Modality"])
def test_damaged_dicom_element_is_named_with_its_file(study: Path, element: str) -> None:
    folder = study.parent / "dicom"
    write_cine(study / "sa.nii.gz", folder)
    path = sorted(folder.glob("*.dcm"))[1]
    content = path.read_bytes()
    if element == "TransferSyntaxUID":
        uid = str(pydicom.dcmread(path).file_meta.TransferSyntaxUID).encode()
        damaged = content.replace(uid, b"7" + uid[1:], 1)
    else:
        damaged = content.replace(b"\x08\x00\x60\x00CS", b"\x08\x00\x60\x00C\x81", 1)
    assert damaged != content
    path.write_bytes(damaged)
    with pytest.raises(InputError, match=rf"{path.name}: "):
        read_cine(find_studies(folder)[0])
