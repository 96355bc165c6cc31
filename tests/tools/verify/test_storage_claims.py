"""The claim about storage holds for what reads the patient, and fails for what reads the file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace

import nibabel as nib
import numpy as np
import pytest

from myomotion.io.cine import find_studies, read_cine
from tests.support.studies import write_study
from tools.verify.robustness.storage import STORAGES, first_of_data_sets, storage_claims


def rows_of(values: np.ndarray) -> SimpleNamespace:
    """A number of every frame and slice as its strain."""
    depth, frames = values.shape[2:]
    numbers = {"segment": 0, "err_percent": 0.0}
    rows = [
        {"frame": t, "slice": z, "ecc_percent": float(values[52, 30, z, t]), **numbers}
        for z in range(depth)
        for t in range(frames)
    ]
    return SimpleNamespace(rows=rows)


def by_patient(study: Mapping[str, object]) -> SimpleNamespace:
    return rows_of(read_cine(study).image)


def by_file(study: Mapping[str, object]) -> SimpleNamespace:
    return rows_of(np.asarray(nib.load(str(study["image"])).dataobj))


def test_sixteen_storages_are_eight_in_plane_and_either_way_along_the_slices() -> None:
    assert len(set(STORAGES)) == 16
    assert STORAGES[0] == ((0, 1), (1, 1), (2, 1))


@pytest.mark.slow
def test_storage_does_not_matter_to_what_reads_the_patient(tmp_path: Path) -> None:
    write_study(tmp_path / "in" / "a", frames=2, slices=3)
    (study,) = first_of_data_sets(find_studies(tmp_path / "in"))
    claims = list(storage_claims("in memory", by_patient, [study], STORAGES, tmp_path / "work"))
    assert [(claim.value, claim.passed) for claim in claims] == [(0, True)] * 3 + [(6, True)]


def test_nothing_compared_is_nothing_shown(tmp_path: Path) -> None:
    write_study(tmp_path / "in" / "a", frames=2, slices=3)
    found = list(
        storage_claims(
            "none",
            lambda _: SimpleNamespace(rows=[]),
            find_studies(tmp_path / "in"),
            STORAGES[:2],
            tmp_path / "work",
        )
    )
    assert not any(claim.passed for claim in found if "not in both" not in claim.claim)


@pytest.mark.slow
def test_storage_that_matters_is_found(tmp_path: Path) -> None:
    write_study(tmp_path / "in" / "a", frames=2, slices=3)
    (study,) = find_studies(tmp_path / "in")
    ecc, err, missing, compared = storage_claims(
        "file", by_file, [study], STORAGES, tmp_path / "work"
    )
    assert ecc.passed is False and err.passed and missing.passed and compared.passed
