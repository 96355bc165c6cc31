"""Measuring a cohort: what it is made of, and what two runs of it do not agree on."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np

from myomotion.io.cine import find_studies, read_cine
from tools.track_cohort.measure import differences, write_studies


def test_studies_are_slices_of_the_real_heart_whose_end_diastole_is_known(tmp_path: Path) -> None:
    names = write_studies(tmp_path, 8)
    studies = find_studies(tmp_path)
    assert [study["name"] for study in studies] == names == sorted(names)
    first, last = (read_cine(studies[i]) for i in (0, 7))
    assert first.image.shape == last.image.shape == (88, 88, 2, 10)
    assert (first.ed_frame, last.ed_frame) == (0, 9)  # the same slices again, turned by a frame
    np.testing.assert_array_equal(np.roll(first.image, -1, axis=3), last.image)
    assert not np.array_equal(first.image, read_cine(studies[1]).image)


def write_cohort(folder: Path, rows: dict[str, float]) -> Path:
    folder.mkdir()
    with (folder / "cohort.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["name", "light", "ecc_percent"])
        writer.writerows([name, "green", value] for name, value in rows.items())
    return folder


def test_lost_studies_and_other_numbers_are_named(tmp_path: Path) -> None:
    one = write_cohort(tmp_path / "one", {"a": -15.0, "b": -12.0})
    same = write_cohort(tmp_path / "same", {"b": -12.001, "a": -15.0})
    other = write_cohort(tmp_path / "other", {"a": -15.4})
    assert differences(["a", "b"], one, same) == []
    assert differences(["a", "b"], one, other) == [
        "other: studies in cohort.csv are not those given",
        "a: ecc_percent differ",
        "b: name, light, ecc_percent differ",
    ]
