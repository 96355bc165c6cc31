"""Codings of labels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.labels import (
    CAVITY,
    LABEL_CODINGS,
    MYOCARDIUM,
    RIGHT_VENTRICLE,
    internal_codes,
    read_label,
    with_filled_cavity,
)
from tests.support.studies import write_study

FILE = Path("label.nii.gz")


@pytest.mark.parametrize("coding", LABEL_CODINGS)
def test_a_coding_is_one_to_one_onto_internal_codes(coding: str) -> None:
    table = LABEL_CODINGS[coding]
    meanings = list(table.values())
    if coding == "ukbb":  # some exports have the right ventricle as 4, others as 3
        assert table[3] == table[4] == RIGHT_VENTRICLE
        meanings.remove(RIGHT_VENTRICLE)
    assert len(set(meanings)) == len(meanings)
    whole = {CAVITY, MYOCARDIUM, RIGHT_VENTRICLE}
    assert set(meanings) == ({MYOCARDIUM} if coding == "myocardium" else whole)
    assert 0 not in table and 0 not in meanings


@pytest.mark.parametrize("coding", LABEL_CODINGS)
def test_a_label_comes_back_from_every_coding_and_type(coding: str) -> None:
    backwards = {meaning: code for code, meaning in LABEL_CODINGS[coding].items()}
    label = np.random.default_rng(0).choice([0, *backwards], (6, 5, 2)).astype(np.uint8)
    stored = np.vectorize({0: 0, **backwards}.get)(label)
    for dtype in (np.uint8, np.int16, np.float64):
        found = internal_codes(FILE, stored.astype(dtype), coding)
        assert found.dtype == np.uint8 and np.array_equal(found, label)


def test_the_only_label_one_is_the_wall_and_more_are_internal() -> None:
    assert internal_codes(FILE, np.array([0, 1, 1])).tolist() == [0, MYOCARDIUM, MYOCARDIUM]
    assert internal_codes(FILE, np.array([0, 1, 2])).tolist() == [0, CAVITY, MYOCARDIUM]
    with pytest.raises(InputError, match=r"label.nii.gz: label values \[4\] .*'acdc'"):
        internal_codes(FILE, np.array([2, 4]), "acdc")


def test_the_cavity_is_what_a_closed_wall_encloses_slice_by_slice() -> None:
    label = np.zeros((7, 7, 2), np.uint8)
    label[1:6, 1:6] = MYOCARDIUM
    label[2:5, 2:5] = 0
    label[3, 1, 1] = 0  # a small gap is bridged, and counts as cavity
    filled = with_filled_cavity(label)
    assert (filled == CAVITY).sum(axis=(0, 1)).tolist() == [9, 10]
    assert np.array_equal(filled == MYOCARDIUM, label == MYOCARDIUM)
    assert not (label == CAVITY).any()


@pytest.mark.parametrize("order", [(2, 0, 1), (0, 2, 1), (1, 2, 0)])
@pytest.mark.parametrize("codes", [{1: 0, 2: 1}, {1: 3, 2: 2}, {1: 2, 2: 1}])
def test_meaning_of_codes_does_not_depend_on_which_axis_counts_the_slices(
    tmp_path: Path, order: tuple[int, int, int], codes: dict[int, int]
) -> None:
    write_study(tmp_path, slices=3)
    own = nib.load(tmp_path / "label_sa_ED.nii.gz")
    label = np.asarray(own.dataobj)
    recoded = np.zeros_like(label)
    for old, code in codes.items():
        recoded[label == old] = code
    turned = nib.Nifti1Image(recoded, own.affine).as_reoriented(
        np.array([(axis, 1) for axis in order])
    )
    path = tmp_path / "turned.nii.gz"
    nib.save(turned, path)
    found = read_label(path, turned.shape, "auto", turned.affine)
    back = np.transpose(found.map, order)
    assert np.array_equal(back, label)


def test_both_labels_of_a_study_have_one_coding_where_both_know_it(tmp_path: Path) -> None:
    """A cavity that has closed at end-systole leaves a disc of wall, which alone looks a cavity."""
    write_study(tmp_path, slices=1)
    path, closed, other = (tmp_path / f"{name}.nii.gz" for name in ("label_sa_ED", "es", "other"))
    own = nib.load(path)
    label = np.asarray(own.dataobj)
    nib.save(nib.Nifti1Image(np.where(label > 0, 2, 0).astype(np.uint8), own.affine), closed)
    nib.save(nib.Nifti1Image(np.where(label > 0, 7, 0).astype(np.uint8), own.affine), other)
    first = read_label(path, label.shape)
    assert first.codes[2] == MYOCARDIUM
    assert set(np.unique(read_label(closed, label.shape, like=first).map)) == {0, MYOCARDIUM}
    assert set(np.unique(read_label(closed, label.shape).map)) == {0, CAVITY}
    assert set(np.unique(read_label(other, label.shape, like=first).map)) == {0, CAVITY}
    right = replace(first, codes={**first.codes, 7: RIGHT_VENTRICLE})  # no left ventricle then
    assert set(np.unique(read_label(other, label.shape, like=right).map)) == {0, CAVITY}


@pytest.mark.parametrize("axes", ["z1", "z11", "z1t", "zt1", "zt"])
def test_axes_of_one_entry_are_none(tmp_path: Path, axes: str) -> None:
    write_study(tmp_path)
    own = nib.load(tmp_path / "label_sa_ED.nii.gz")
    label = np.asarray(own.dataobj)
    frames = np.stack([np.zeros_like(label), label, np.zeros_like(label)], -1)
    sizes = {"1": 1, "t": 3}
    stored = frames if "t" in axes else label
    stored = stored.reshape(*label.shape, *(sizes[axis] for axis in axes[1:]))
    path = tmp_path / "odd.nii.gz"
    nib.save(nib.Nifti1Image(stored, own.affine), path)
    assert np.array_equal(read_label(path, label.shape, "internal", own.affine, 3).map, label)


def test_cine_of_one_slice_takes_a_map_of_one(tmp_path: Path) -> None:
    write_study(tmp_path, slices=1)
    own = nib.load(tmp_path / "label_sa_ED.nii.gz")
    label = np.asarray(own.dataobj)
    path = tmp_path / "flat.nii.gz"
    nib.save(nib.Nifti1Image(label[..., 0], own.affine), path)
    assert np.array_equal(read_label(path, label.shape, "auto", own.affine).map, label)
    with pytest.raises(InputError, match=r"shape \(80, 72\) .* Save one map \(x, y, z\)"):
        read_label(path, (80, 72, 2), "auto", own.affine)


def test_map_for_each_structure_is_told_what_to_do(tmp_path: Path) -> None:
    write_study(tmp_path, slices=1)
    own = nib.load(tmp_path / "label_sa_ED.nii.gz")
    label = np.asarray(own.dataobj)
    hot = np.stack([label == code for code in range(3)], -1).astype(np.uint8)
    for part in (hot, hot[10:70, 8:]):  # of another extent, as editors crop it
        nib.save(nib.Nifti1Image(part, own.affine), tmp_path / "hot.nii.gz")
        with pytest.raises(InputError, match=r"holds 3 maps.* Save one map with a code for each"):
            read_label(tmp_path / "hot.nii.gz", label.shape, "auto", own.affine, 10)
