"""The layout of UK Biobank's bulk DICOM: all series of an examination in one folder, or its zip."""

from __future__ import annotations

import shutil
from pathlib import Path

import nibabel as nib
import numpy as np
import pydicom
import pytest
from pydicom.uid import generate_uid
from scipy.spatial.transform import Rotation

from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from tests.support.cines.dicom import draw, place, read
from tests.support.studies import write_study
from tools.convert.dicom import write_cine
from tools.convert.ukbb_dicom import main

EXAMINATION = "1000001_20209_2_0"
HEADINGS = "filename,patientid,patientname,date,series discription,institutionname"


def put_series(source: Path, folder: Path, description: str, **changes: object) -> list[str]:
    """Write a cine, each file called by its UID as in the data set; lines of its manifest.

    Args:
        source: study with ``sa.nii.gz``.
        folder: of the examination.
        description: of its series; ``{}`` stands for the number of a slice, each its own series.
        changes: elements of all files.
    """
    written = folder.with_name("written")
    write_cine(source / "sa.nii.gz", written, series_per_slice="{}" in description)
    lines = []
    folder.mkdir(exist_ok=True)
    for path in sorted(written.glob("*.dcm")):
        dataset = pydicom.dcmread(path)
        dataset.SeriesDescription = description.format(path.name[2:5].lstrip("0"))
        for keyword, value in changes.items():
            setattr(dataset, keyword, value)
        name = f"{dataset.SOPInstanceUID}.dcm"
        dataset.save_as(folder / name)
        lines.append(f"{name},1000001,,2016-Mar-01 10:20:30,{dataset.SeriesDescription},UKB")
        path.unlink()
    return lines


def long_axis(folder: Path) -> Path:
    """A single slice across the short axis."""
    write_study(folder, frames=10, slices=1)
    affine = np.eye(4)
    affine[:3, :3] = Rotation.from_euler("xyz", [80, 10, -30], degrees=True).as_matrix()
    affine[:3, :3] *= [1.8, 1.8, 6.0]
    place(folder, affine)
    return folder


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    return draw(tmp_path / "nifti" / "drawn")


@pytest.fixture
def examination(drawn: Path, tmp_path: Path) -> Path:
    """Short-axis slices a series each, the scanner's own copy with contours, long axes."""
    folder = tmp_path / "bulk" / EXAMINATION
    folder.parent.mkdir()
    study = {"StudyInstanceUID": generate_uid()}
    copy = tmp_path / "copy"
    write_study(copy, frames=10, slices=5)
    image = nib.load(drawn / "sa.nii.gz")
    marked = np.where(np.asarray(image.dataobj) == 250, 999, np.asarray(image.dataobj))
    nib.save(nib.Nifti1Image(marked, image.affine), copy / "sa.nii.gz")
    lines = [
        *put_series(drawn, folder, "CINE_segmented_SAX_b{}", **study),
        *put_series(
            copy,
            folder,
            "CINE_segmented_SAX_InlineVF",
            ImageType=["DERIVED", "SECONDARY", "M"],
            **study,
        ),
    ]
    for chambers in (2, 3, 4):
        source = long_axis(tmp_path / f"la{chambers}")
        lines += put_series(source, folder, f"CINE_segmented_LAX_{chambers}Ch", **study)
    (folder / "manifest.cvs").write_text("\n".join([HEADINGS, *lines]) + "\n")
    return folder


def test_short_axis_is_found_among_all_series_of_a_folder(drawn: Path, examination: Path) -> None:
    cine = read(examination)
    assert cine.name == EXAMINATION
    assert np.array_equal(cine.image, read(drawn).image)
    assert np.allclose(cine.affine, read(drawn).affine, atol=1e-6)
    assert "CINE_segmented_SAX_InlineVF" in " ".join(cine.warnings)
    assert "CINE_segmented_LAX_2Ch" in " ".join(cine.warnings)


def test_short_axis_is_found_where_each_series_has_a_folder(drawn: Path, examination: Path) -> None:
    for path in sorted(examination.glob("*.dcm")):
        folder = examination / str(pydicom.dcmread(path).SeriesDescription)
        folder.mkdir(exist_ok=True)
        path.rename(folder / path.name)
    for where in (examination, examination.parent):
        cine = read(where)
        assert cine.name == EXAMINATION
        assert np.array_equal(cine.image, read(drawn).image)


def test_zips_of_the_short_axis_become_studies_and_others_are_named(
    drawn: Path, examination: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    bulk, output = tmp_path / "zips", tmp_path / "studies"
    bulk.mkdir()
    for name in (EXAMINATION, "1000001_20208_2_0", "photographs"):
        shutil.make_archive(str(bulk / name), "zip", examination)
    (bulk / "1000002_20209_2_0.zip").write_bytes(b"cut short")
    assert main([str(bulk), "--output", str(output)]) == 0
    told = capsys.readouterr()
    assert "1 studies, 3 skipped" in told.out
    assert "1000001_20208_2_0.zip: field 20208, long axes" in told.err
    assert "photographs.zip: not called" in told.err
    assert "1000002_20209_2_0.zip: File is not a zip file" in told.err
    cine = read(output)
    assert cine.name == EXAMINATION
    assert np.array_equal(cine.image, read(drawn).image)
    before = {path: path.stat().st_mtime_ns for path in output.rglob("*")}
    assert main([str(bulk / f"{EXAMINATION}.zip"), "--output", str(output)]) == 0
    assert {path: path.stat().st_mtime_ns for path in output.rglob("*")} == before


def test_a_zip_is_said_to_need_unpacking(tmp_path: Path) -> None:
    path = tmp_path / "1000001_20209_2_0.zip"
    path.write_bytes(b"PK")
    with pytest.raises(InputError, match="unpack"):
        find_studies(path)
