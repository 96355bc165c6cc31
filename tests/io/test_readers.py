"""Formats of cines: which one a place is, and what it takes to add one."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.analysis.provenance import input_hashes
from myomotion.errors import InputError
from myomotion.files.paths import file_sha256
from myomotion.io import source
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.readers.base import FileReader
from myomotion.io.source import image_title, locate_cine, reader_of
from tests.support.bundle_runs import track
from tests.support.cines.npz import NpzCine
from tests.support.studies import write_study

TIMES = np.array([0.0, 35.0, 70.0, 105.0])


@pytest.fixture
def with_npz(monkeypatch: pytest.MonkeyPatch) -> None:
    """The one line that a new format takes."""
    monkeypatch.setattr(source, "READERS", (NpzCine(), *source.READERS))


def as_npz(folder: Path) -> np.ndarray:
    """Put ``sa.npz`` in the place of ``sa.nii.gz``; its voxels."""
    cine = nib.load(folder / "sa.nii.gz")
    image = np.asarray(cine.dataobj)
    np.savez(folder / "sa.npz", image=image, affine=cine.affine, times_ms=TIMES)
    (folder / "sa.nii.gz").unlink()
    return image


def test_a_format_of_one_file_and_one_line_is_found_read_and_hashed(
    small_study: Path, with_npz: None
) -> None:
    (before,) = find_studies(small_study)
    expected = read_cine(before)
    as_npz(small_study)
    write_study(small_study.parent / "other", frames=4)
    for where in (small_study.parent, small_study):
        study = find_studies(where)[-1]
        assert study["image"] == str(small_study / "sa.npz") and "label_ed" in study
    cine = read_cine(study)
    assert np.array_equal(cine.image, expected.image)
    assert np.array_equal(cine.label_ed, expected.label_ed)
    assert np.array_equal(cine.frame_times_ms, TIMES)
    assert cine.source == {"format": "NPZ"}
    assert input_hashes(study)["image"] == file_sha256(small_study / "sa.npz")
    (alone,) = find_studies(small_study / "sa.npz")
    assert read_cine(alone).name == alone["name"] == "small"


def test_a_format_that_is_not_registered_is_refused(small_study: Path) -> None:
    as_npz(small_study)
    assert locate_cine(small_study) is None
    with pytest.raises(InputError, match=r"sa\.npz: not a readable NIfTI file"):
        read_cine({"image": str(small_study / "sa.npz")})


@pytest.mark.slow
def test_a_new_format_is_tracked_like_any_other(
    small_study: Path, with_npz: None, net_weights: Path, tmp_path: Path
) -> None:
    track(small_study, net_weights, tmp_path / "nifti", report=False)
    as_npz(small_study)
    track(small_study, net_weights, tmp_path / "npz", report=False)
    fields = [
        np.asarray(
            nib.load(tmp_path / kind / "small" / "displacement" / "frame_002.nii.gz").dataobj
        )
        for kind in ("nifti", "npz")
    ]
    assert np.abs(fields[0]).max() > 0 and np.array_equal(*fields)
    summary = json.loads((tmp_path / "npz" / "small" / "summary.json").read_text())
    assert summary["source"] == {"format": "NPZ"} and summary["frame_times_known"]


class PairedCine(FileReader):
    """A header beside a file of voxels, as MetaImage has them."""

    endings = (".head",)
    read = NpzCine.read

    def files(self, place: Path) -> list[Path]:
        return [place, place.with_suffix(".raw")]


def test_every_file_of_a_cine_counts_in_its_hash(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source, "READERS", (PairedCine(), *source.READERS))
    (tmp_path / "sa.head").write_text("size")
    (tmp_path / "sa.raw").write_text("voxels")
    study = {"image": str(tmp_path / "sa.head")}
    first = input_hashes(study)
    (tmp_path / "sa.raw").write_text("other voxels")
    assert input_hashes(study) != first
    (tmp_path / "sa.raw").write_text("voxels")
    assert input_hashes(study) == first


@pytest.mark.parametrize("part", ["image", "label_ed", "label_es"])
@pytest.mark.parametrize(
    ("given", "beside"),
    [
        ("a.hdr", "a.img"),
        ("a.img", "a.hdr"),
        ("a.mhd", "a.raw"),
        ("a.nhdr", "a.raw.gz"),
    ],
)
def test_both_files_of_a_pair_count_in_its_hash(
    tmp_path: Path, part: str, given: str, beside: str
) -> None:
    names = {"a.mhd": "ElementDataFile = a.raw", "a.nhdr": "data file: a.raw.gz"}
    (tmp_path / given).write_text(names.get(given, "one"))
    (tmp_path / beside).write_text("one")
    study = {part: str(tmp_path / given)}
    first = input_hashes(study)
    (tmp_path / beside).write_text("two")
    assert input_hashes(study) != first
    (tmp_path / beside).write_text("one")
    assert input_hashes(study) == first


def test_label_of_one_file_has_the_hash_of_that_file(small_study: Path) -> None:
    (study,) = find_studies(small_study)
    assert input_hashes(study) == {
        key: file_sha256(str(study[key])) for key in ("image", "label_ed")
    }


def test_nifti_wins_over_frames_and_frames_over_dicom(small_study: Path) -> None:
    dicom = b"\0" * 128 + b"DICM"
    (small_study / "scan").mkdir()
    (small_study / "scan" / "IM1").write_bytes(dicom)
    (small_study / "frames").mkdir()
    (small_study / "frames" / "t0.nii").write_bytes(b"")
    places = []
    for name in ("sa.nii.gz", "frames/t0.nii", "scan/IM1"):
        place = locate_cine(small_study)
        assert place is not None
        places.append((place, type(reader_of(place)).__name__))
        (small_study / name).unlink()
    assert places == [
        (small_study / "sa.nii.gz", "NiftiCine"),
        (small_study / "frames", "NiftiFrames"),
        (small_study, "DicomCine"),
    ]
    assert locate_cine(small_study) is None


def test_titles_lose_endings_but_uids_keep_their_dots(tmp_path: Path) -> None:
    dicom = b"\0" * 128 + b"DICM"
    names = {"anna.nii.gz": "anna", "1.2.840.7.dcm": "1.2.840.7", "1.2.840.7": "1.2.840.7"}
    for name, title in names.items():
        (tmp_path / name).write_bytes(b"" if name.startswith("anna") else dicom)
        assert image_title(tmp_path / name) == title
    (tmp_path / "bert" / "frames").mkdir(parents=True)
    (tmp_path / "bert" / "frames" / "t0.nii").write_bytes(b"")
    assert image_title(tmp_path / "bert" / "frames") == "bert"
