"""Cines under names as in BIDS are found, named and labelled; what is no short axis is left."""

from __future__ import annotations

import logging
import shutil
from pathlib import Path

import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.readers.bids import bids_file
from myomotion.io.studies import folders_without_cine
from tests.support.studies import write_study


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A study as others are copied from."""
    folder = tmp_path_factory.mktemp("drawn") / "drawn"
    write_study(folder)
    return folder


def put(drawn: Path, path: Path, label: bool = False) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    return Path(shutil.copy(drawn / ("label_sa_ED.nii.gz" if label else "sa.nii.gz"), path))


def names(where: Path) -> list[str]:
    return [str(study["name"]) for study in find_studies(where)]


@pytest.mark.parametrize(
    ("name", "cine"),
    [
        ("sub-01_cine.nii.gz", True),
        ("sub-01_ses-b_acq-sax_run-2_cine.nii.gz", True),
        ("sub-01_view-SA_cine.nii", True),
        ("sub-01_acq-cineSAX_bssfp.nii.gz", True),
        ("sub-01_sax.nii.gz", True),
        ("sub-lax01_cine.nii.gz", True),  # a subject's name says nothing of the view
        ("sub-01_acq-sax_part-mag_cine.nii.gz", True),
        ("sub-01_acq-sax_part-phase_cine.nii.gz", False),
        ("sub-01_acq-sax_part-imag_cine.nii.gz", False),
        ("sub-01_acq-4ch_cine.nii.gz", False),
        ("sub-01_view-LAX2CH_cine.nii.gz", False),
        ("sub-01_acq-sax_desc-ED_dseg.nii.gz", False),
        ("sub-01_T1w.nii.gz", False),
        ("sub-01_task-rest_bold.nii.gz", False),
    ],
)
def test_name_says_whether_it_is_a_short_axis_cine(name: str, cine: bool) -> None:
    file = bids_file(Path(name))
    assert file is not None and file.is_cine is cine


@pytest.mark.parametrize(
    "name", ["sa.nii.gz", "sub-01.nii.gz", "sub-01_cine.json", "sub_1_cine.nii"]
)
def test_other_names_are_none_of_bids(name: str) -> None:
    assert bids_file(Path(name)) is None


@pytest.fixture
def dataset(drawn: Path, tmp_path: Path) -> Path:
    """Two subjects, one with two sessions; other views, modalities and folders beside them."""
    root = tmp_path / "bids"
    for session in ("a", "b"):
        folder = root / "sub-01" / f"ses-{session}" / "cmr"
        put(drawn, folder / f"sub-01_ses-{session}_acq-sax_cine.nii.gz")
        put(drawn, folder / f"sub-01_ses-{session}_acq-4ch_cine.nii.gz")
        put(drawn, folder / f"sub-01_ses-{session}_acq-rt_cine.nii.gz")
        put(drawn, folder / f"sub-01_ses-{session}_T1map.nii.gz")
    put(drawn, root / "sub-02" / "sub-02_cine.nii.gz")
    put(drawn, root / "sub-02" / "._sub-02_cine.nii.gz")
    put(drawn, root / "derivatives" / "resampled" / "sub-02" / "sub-02_desc-fine_cine.nii.gz")
    put(drawn, root / "sourcedata" / "sub-02" / "sa.nii.gz")
    (root / "dataset_description.json").write_text("{}")
    return root


def test_cines_of_a_data_set_are_found_by_their_own_names(
    dataset: Path, caplog: pytest.LogCaptureFixture
) -> None:
    expected = ["sub-01_ses-a_acq-sax_cine", "sub-01_ses-b_acq-sax_cine", "sub-02_cine"]
    with caplog.at_level(logging.INFO):
        assert names(dataset) == expected
    assert "taken for no short axis: sub-01_ses-a_acq-rt_cine.nii.gz" in caplog.text
    assert folders_without_cine(dataset) == {}
    assert names(dataset / "sub-01") == expected[:2]
    assert names(dataset / "sub-01" / "ses-b") == expected[1:2]
    assert names(dataset / "sub-01" / "ses-b" / "cmr") == expected[1:2]
    assert names(dataset / "sub-02" / "sub-02_cine.nii.gz") == expected[2:]


def test_labels_beside_a_cine_or_among_derivatives_are_its_own(drawn: Path, dataset: Path) -> None:
    derived = dataset / "derivatives" / "manual" / "sub-01" / "ses-a" / "cmr"
    first = put(drawn, derived / "sub-01_ses-a_acq-sax_desc-ED_dseg.nii.gz", label=True)
    put(drawn, derived / "sub-01_ses-a_acq-4ch_desc-ED_dseg.nii.gz", label=True)
    own = put(drawn, dataset / "sub-02" / "sub-02_phase-endDiastole_mask.nii.gz", label=True)
    end = put(drawn, dataset / "sub-02" / "sub-02_desc-ES_dseg.nii.gz", label=True)
    studies = {str(study["name"]): study for study in find_studies(dataset)}
    assert studies["sub-01_ses-a_acq-sax_cine"]["label_ed"] == str(first)
    assert "label_ed" not in studies["sub-01_ses-b_acq-sax_cine"]
    assert studies["sub-02_cine"]["label_ed"] == str(own)
    assert studies["sub-02_cine"]["label_es"] == str(end)
    cine = read_cine(studies["sub-02_cine"])
    assert cine.label_ed is not None and set(cine.label_ed.ravel().tolist()) == {0, 1, 2}
    put(drawn, dataset / "derivatives" / "other" / "sub-02" / own.name, label=True)
    with pytest.raises(InputError, match=r"sub-02_cine.nii.gz: .*may both be meant"):
        find_studies(dataset)


def test_info_beside_a_lone_cine_is_read(dataset: Path) -> None:
    (dataset / "sub-02" / "info.json").write_text('{"ed_frame": 2}')
    study = find_studies(dataset / "sub-02")[0]
    assert read_cine(study).ed_frame == 2


def test_studies_of_every_kind_may_lie_in_one_folder(drawn: Path, dataset: Path) -> None:
    put(drawn, dataset / "anna" / "sa.nii.gz")
    put(drawn, dataset / "frames of nobody" / "la_2ch.nii.gz")
    put(drawn, dataset / "sub-03" / "sa.nii.gz")
    put(drawn, dataset / "sub-03" / "sub-03_cine.nii.gz")  # the same again: sa.nii.gz goes before
    found = names(dataset)
    assert found[:1] == ["anna"] and found[-2:] == ["sub-02_cine", "sub-03"] and len(found) == 5
    assert list(folders_without_cine(dataset)) == ["frames of nobody"]


def test_a_folder_without_a_cine_says_which_names_are_looked_for(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no sub-\*_cine.nii.gz"):
        find_studies(tmp_path)


def test_folders_behind_links_and_endings_in_upper_case_are_found(
    drawn: Path, tmp_path: Path
) -> None:
    put(drawn, tmp_path / "store" / "cmr" / "sub-01_acq-sax_cine.NII.GZ")
    (tmp_path / "data" / "sub-01").mkdir(parents=True)
    (tmp_path / "data" / "sub-01" / "ses-1").symlink_to(tmp_path / "store")
    (study,) = find_studies(tmp_path / "data")
    assert study["name"] == "sub-01_acq-sax_cine"
    assert read_cine(study).image.shape == (80, 72, 2, 4)
