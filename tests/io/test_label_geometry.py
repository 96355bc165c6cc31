"""The code that the wall encloses is the cavity, whatever the codes are called."""

from __future__ import annotations

from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.core.stack_order import TOWARDS_APEX
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.codes import coding_table
from myomotion.io.label_geometry import contradiction, enclosed, label_order, meanings
from myomotion.io.labels import CAVITY, LABEL_CODINGS, MYOCARDIUM, RIGHT_VENTRICLE

SIZE = 64


def heart(cavity: int, wall: int, right: int, gap: float = 0.0) -> np.ndarray:
    """A ring with its cavity and a crescent beside it, two slices; ``gap`` in radians."""
    x, y = np.indices((SIZE, SIZE)) - 32.0
    radius, angle = np.hypot(x, y), np.arctan2(y, -x)
    ring = (radius >= 10) & (radius < 16) & (np.abs(np.pi - np.abs(angle)) >= gap / 2)
    crescent = (radius >= 16) & (radius < 25) & (np.abs(angle) < 0.9)
    label = np.select([radius < 10, ring, crescent], [cavity, wall, right], 0)
    return np.stack([label, label], axis=-1)


@pytest.mark.parametrize(
    "codes", [(1, 2, 3), (3, 2, 1), (2, 1, 3), (3, 1, 2), (500, 205, 600), (4, 7, 1)]
)
def test_codes_are_told_by_how_they_lie(codes: tuple[int, int, int]) -> None:
    cavity, wall, right = codes
    assert meanings(heart(*codes)) == {
        cavity: CAVITY,
        wall: MYOCARDIUM,
        right: RIGHT_VENTRICLE,
    }


def with_parts(scar: int, papillary: int) -> np.ndarray:
    """The drawn heart with a scar in its wall and a papillary muscle at the endocardium."""
    label = heart(1, 2, 3)
    x, y = np.indices((SIZE, SIZE)) - 32.0
    radius, angle = np.hypot(x, y), np.arctan2(y, x)
    label[(radius >= 10) & (radius < 13) & (np.abs(angle) < 0.8)] = scar
    label[np.hypot(x, y - 6) < 2.5] = papillary
    return label


def test_scars_belong_to_the_wall_and_papillary_muscles_to_the_cavity() -> None:
    found = meanings(with_parts(scar=4, papillary=5))
    assert found == {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: MYOCARDIUM, 5: CAVITY}


@pytest.mark.parametrize("papillary", [CAVITY, MYOCARDIUM, 0])
def test_what_papillary_muscles_are_called_contradicts_nothing(papillary: int) -> None:
    table = {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: MYOCARDIUM, 5: papillary}
    assert contradiction(with_parts(scar=4, papillary=5), table) is None


@pytest.mark.parametrize("nothing", [-1, 9, 255])
def test_background_is_what_the_border_is_where_nothing_is_0(nothing: int) -> None:
    label = heart(1, 2, 3)
    label[label == 0] = nothing
    found = meanings(label)
    assert found == {nothing: 0, 1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE}


def test_open_ring_still_encloses_its_cavity() -> None:
    found = meanings(heart(1, 2, 3, gap=0.8))
    assert found == {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE}


def with_right_wall(codes: tuple[int, int, int, int]) -> np.ndarray:
    """The drawn heart with a right ventricle larger than the left, which has a wall of its own."""
    cavity, wall, right, right_wall = codes
    x, y = np.indices((SIZE, SIZE)) - 32.0
    radius, angle = np.hypot(x, y), np.arctan2(y, -x)
    label = heart(cavity, wall, 0)
    label[(radius >= 16) & (radius < 27) & (np.abs(angle) < 1.4)] = right
    label[(radius >= 27) & (radius < 30) & (np.abs(angle) < 1.5)] = right_wall
    assert (label == right).sum() > (label == cavity).sum()
    return label


@pytest.mark.parametrize("codes", [(1, 2, 3, 4), (3, 2, 1, 4), (4, 3, 2, 1)])
def test_wall_of_the_right_ventricle_is_neither_ventricle(codes: tuple[int, int, int, int]) -> None:
    label = with_right_wall(codes)
    table = dict(zip(codes, (CAVITY, MYOCARDIUM, RIGHT_VENTRICLE, 0), strict=True))
    assert meanings(label) == table
    assert contradiction(label, table) is None
    cavity, wall, right, right_wall = codes
    wrong = {right: CAVITY, right_wall: MYOCARDIUM, wall: RIGHT_VENTRICLE, cavity: 0}
    assert "lies as the" in (contradiction(label, wrong) or "")


@pytest.mark.parametrize("code", [1, 2, 255])
def test_lone_ring_is_the_wall_and_a_lone_disc_the_cavity(code: int) -> None:
    assert meanings(heart(0, code, 0)) == {code: MYOCARDIUM}
    assert meanings(heart(code, 0, 0)) == {code: CAVITY}


def test_wall_beside_a_right_ventricle_without_a_cavity() -> None:
    assert meanings(heart(0, 2, 1)) == {2: MYOCARDIUM, 1: RIGHT_VENTRICLE}


def test_two_separate_discs_are_no_heart() -> None:
    x, y = np.indices((SIZE, SIZE)) - 32.0
    discs = np.select([np.hypot(x - 15, y) < 8, np.hypot(x + 15, y) < 8], [1, 2], 0)
    assert meanings(discs[..., None]) is None


def test_stated_coding_is_checked_by_the_shapes() -> None:
    acdc = heart(3, 2, 1)
    assert contradiction(acdc, LABEL_CODINGS["acdc"]) is None
    assert contradiction(acdc, LABEL_CODINGS["mnms"]) == (
        "1 is called cavity but lies as the right ventricle does; "
        "3 is called right ventricle but lies as the cavity does"
    )


@pytest.mark.parametrize("gap", [0, 1, 3])
def test_small_gap_of_a_ring_is_bridged(gap: int) -> None:
    x, y = np.indices((SIZE, SIZE)) - 32.0
    radius = np.hypot(x, y)
    ring = (radius >= 10) & (radius < 14)
    whole = int((radius < 10).sum())
    ring[32:, 32 : 32 + gap] = False
    inside = enclosed(ring)
    assert int(inside.sum()) == pytest.approx(whole, abs=0 if gap == 0 else 0.1 * whole)
    assert not (inside & ring).any()


def test_wide_open_ring_encloses_nothing() -> None:
    assert not enclosed(heart(0, 1, 0, gap=2.0)[..., 0] == 1).any()


@pytest.mark.parametrize(
    "text", ["{1: myocardium, 2: cavity}", '{"1": "Myocardium", "2": "cavity"}']
)
def test_coding_of_ones_own_is_understood(text: str) -> None:
    assert coding_table(text) == {1: MYOCARDIUM, 2: CAVITY}


@pytest.mark.parametrize("text", ["acdcc", "{1: heart}", "{a: cavity}", "{1: ", "{}"])
def test_coding_that_is_not_understood_names_what_is(text: str) -> None:
    with pytest.raises(InputError, match=r"label_coding: '.*cavity"):
        coding_table(text)


def recode(study: Path, codes: dict[int, int]) -> None:
    path = study / "label_sa_ED.nii.gz"
    image = nib.load(path)
    values = np.asarray(image.dataobj)
    new = np.zeros_like(values)
    for old, code in codes.items():
        new[values == old] = code
    nib.save(nib.Nifti1Image(new, image.affine), path)


def test_study_reads_the_same_in_every_coding_and_refuses_a_wrong_one(small_study: Path) -> None:
    expected = read_cine(find_studies(small_study)[0]).label_ed
    recode(small_study, {1: 3, 2: 2})  # ACDC, without its right ventricle; nothing says so
    study = find_studies(small_study)[0]
    for coding in ("auto", "acdc", "{3: cavity, 2: myocardium}"):
        assert np.array_equal(read_cine(study, coding).label_ed, expected)
    with pytest.raises(InputError, match="'internal' cannot be right: 3 is called right ventr"):
        read_cine(study, "internal")


def test_cavity_alone_is_read(small_study: Path) -> None:
    recode(small_study, {1: 3})
    label = read_cine(find_studies(small_study)[0]).label_ed
    assert label is not None and set(np.unique(label)) == {0, CAVITY}


def test_label_of_every_frame_counts_where_one_frame_is_labelled(small_study: Path) -> None:
    expected = read_cine(find_studies(small_study)[0]).label_ed
    path = small_study / "label_sa_ED.nii.gz"
    image = nib.load(path)
    whole = np.zeros((*image.shape, 4), np.uint8)
    whole[..., 0] = np.asarray(image.dataobj)
    nib.save(nib.Nifti1Image(whole, image.affine), path)
    assert np.array_equal(read_cine(find_studies(small_study)[0]).label_ed, expected)
    whole[..., 2] = whole[..., 0]
    nib.save(nib.Nifti1Image(whole, image.affine), path)
    with pytest.raises(InputError, match="frames 0, 2 are labelled"):
        read_cine(find_studies(small_study)[0])


def test_side_files_are_found_in_any_case_and_near_misses_are_said(small_study: Path) -> None:
    (small_study / "label_sa_ED.nii.gz").rename(small_study / "Label_SA_ed.nii.gz")
    assert "label_ed" in find_studies(small_study)[0]
    (small_study / "Label_SA_ed.nii.gz").rename(small_study / "labels_sa_ED.nii.gz")
    (study,) = find_studies(small_study)
    assert "label_ed" not in study
    note = "labels_sa_ED.nii.gz: not read; did you mean label_sa_ed.nii.gz?"
    assert study["not_read"] == [note] and note in read_cine(study).warnings


@pytest.mark.slow
def test_real_labels_are_told_rightly(real_cines: Path) -> None:
    kinds = {
        "acdc_cine": {1: MYOCARDIUM},
        "acdc_groups": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
        "acdc_stack": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
        "acdc_pairs": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
        "sunnybrook": {2: MYOCARDIUM, 3: CAVITY},
    }
    seen = 0
    for folder, table in kinds.items():
        for pattern in ("*/label*.nii.gz", "*/*_gt.nii.gz"):
            for path in sorted((real_cines.parent / folder).glob(pattern)):
                found = meanings(np.asarray(nib.load(path).dataobj))
                assert found is not None and found.items() <= table.items(), path
                seen += 1
    assert seen >= 40


def test_ring_is_told_from_the_crescent_about_a_larger_right_ventricle_in_a_large_picture() -> None:
    label = np.pad(with_right_wall((1, 2, 3, 4)), ((40, 40), (40, 40), (0, 0)))
    assert meanings(label) == {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: 0}


def test_a_cap_of_wall_alone_has_no_say_in_where_the_base_is() -> None:
    label = np.zeros((16, 1, 4), np.uint8)
    for z, wall in enumerate((9, 8, 7, 2)):
        label[:wall, 0, z] = MYOCARDIUM
    label[12:, 0, :3] = CAVITY
    normal = -TOWARDS_APEX / np.linalg.norm(TOWARDS_APEX)  # the file goes from apex to base
    first = np.cross(normal, [0.0, 0.0, 1.0])
    header = np.stack([first, np.cross(normal, first), 10 * normal], axis=-1)
    assert not label_order([""] * 4, label, header).base_first
    label[label == CAVITY] = 0  # walls are all there is
    assert label_order([""] * 4, label, header).base_first
