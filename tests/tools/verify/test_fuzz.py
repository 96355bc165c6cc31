"""Damaged files and how they are judged: tools.verify.robustness.fuzz."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tools.verify.robustness.fuzz.damage import DAMAGES, Damage, damages
from tools.verify.robustness.fuzz.group import fuzz_claims, judged, make_sound, unclear, wrong_parts
from tools.verify.robustness.fuzz.guarded import Reading, readings

PARTS = {
    "values": np.arange(2.0 * 2 * 2 * 3).reshape(2, 2, 2, 3),
    "place": np.diag([1.5, 1.5, 8.0, 1.0]),
    "frame times": np.array([0.0, 40.0, 80.0]),
    "ed_frame": 0,
    "es_frame": 1,
    "levels": ["basal", "mid"],
    "label_ed": np.ones((2, 2, 2)),
    "label_es": None,
}


@pytest.mark.slow
def test_damaged_files_of_every_format_are_refused_or_read_rightly(tmp_path: Path) -> None:
    claims = list(fuzz_claims(tmp_path, seed=7, count=6 * len(DAMAGES)))
    assert [claim.note for claim in claims if not claim.passed] == []
    assert len(claims) == 3


@pytest.mark.slow
def test_a_seed_draws_the_same_damage_again(tmp_path: Path) -> None:
    make_sound(tmp_path)
    first, again, other = (damages(tmp_path, 12, np.random.default_rng(seed)) for seed in (1, 1, 2))
    assert first == again != other
    assert {damage.study for damage in first} == set(DAMAGES)
    for number, damage in enumerate(first):
        changed = damage.make(tmp_path / damage.study, tmp_path / f"damaged{number}")
        assert changed.read_bytes() != (tmp_path / damage.study / damage.file).read_bytes()


@pytest.mark.parametrize(
    ("change", "unseen", "wrong"),
    [
        ({}, (), ""),
        ({"values": PARTS["values"] + 1}, (), "voxels differ"),
        ({"values": PARTS["values"] * 3 - 7}, ("scale",), ""),
        ({"values": PARTS["values"][::-1]}, ("scale",), "voxels differ"),
        ({"values": PARTS["values"][::-1]}, ("values",), ""),
        ({"values": PARTS["values"] * np.nan}, ("values",), "voxels differ"),
        ({"values": PARTS["values"][:1]}, ("values", "scale"), "shape"),
        ({"place": np.diag([1.6, 1.5, 8.0, 1.0])}, (), "affine"),
        ({"place": np.diag([1.6, 1.5, 8.0, 1.0])}, ("place",), ""),
        ({"place": np.diag([np.nan, 1.5, 8.0, 1.0])}, ("place",), "affine"),
        ({"place": np.diag([16.0, 1.5, 8.0, 1.0])}, ("place",), "affine"),
        ({"frame times": None}, (), "frame times"),
        ({"frame times": np.array([0.0, -40.0, 80.0])}, ("frame times",), "frame times"),
        ({"ed_frame": 2}, ("es_frame",), "ed_frame is 2"),
        ({"label_ed": np.zeros((2, 2, 2))}, (), "label_ed"),
    ],
)
def test_what_could_be_known_is_told_from_what_could_not(
    change: dict, unseen: tuple[str, ...], wrong: str
) -> None:
    found = wrong_parts(PARTS, Reading(parts=PARTS | change), frozenset(unseen))
    assert " ".join(found).startswith(wrong) and bool(found) == bool(wrong)


@pytest.mark.parametrize(
    ("refusal", "fault"),
    [
        ("/a/sa.nii: is cut short. Export it again.", ""),
        ("/a/sa.nii: is cut\nshort.", "several lines"),
        ("/a/sa.nii: cannot allocate", "asked for too much memory"),
        ("label_coding: 'x' is unknown", "does not name a file"),
    ],
)
def test_refusal_must_be_one_line_that_names_a_file(refusal: str, fault: str) -> None:
    damage = Damage(study="nifti", file="sa.nii", what="bytes", content=b"")
    assert unclear(refusal, damage).startswith(fault) and bool(unclear(refusal, damage)) == bool(
        fault
    )


def test_each_way_to_fail_has_its_claim() -> None:
    damage = Damage(study="nifti", file="sa.nii", what="bytes", content=b"")
    found = [
        Reading(fault="KeyError"),
        Reading(refusal="?"),
        Reading(parts=PARTS | {"ed_frame": 9}),
    ]
    claims = list(judged([damage] * 3, found, {"nifti": Reading(parts=PARTS)}))
    assert [(claim.value, claim.passed) for claim in claims] == [(1, False)] * 3


@pytest.mark.slow
def test_reading_without_an_end_is_a_fault_and_the_next_is_read(tmp_path: Path) -> None:
    missing = tmp_path / "nothing"
    hung, refused = [*readings([missing], limit_s=0), *readings([missing])]
    assert hung.fault == "no end after 0 s"
    assert "no such file or folder" in refused.refusal
