"""How far slices lie apart, and when that is not known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.io.info import StudyInfo, Subject, read_info
from myomotion.io.slabs import Slabs, slabs_of


def affine(distance: float, sideways: float = 0.0) -> np.ndarray:
    """Slices that lie apart, and each shifted sideways of the one before."""
    stack = np.diag([1.4, 1.4, distance, 1.0])
    stack[0, 2] = sideways
    return stack


def info(folder: Path, **content: object) -> StudyInfo:
    path = folder / "info.json"
    path.write_text(json.dumps(content))
    return read_info(path)


def thickness(slabs: Slabs) -> list[float]:
    return slabs.thickness_mm.round(6).tolist()


def test_distance_is_from_middle_to_middle_across_the_planes() -> None:
    slabs = slabs_of(affine(10.0, sideways=4.0), 4)  # 8 mm thick, 2 mm apart
    assert thickness(slabs) == [10.0] * 4 and slabs.mean_mm == 10
    assert slabs.doubt is None and slabs.neighbours


def test_slices_lie_sideways_by_the_affine_unless_that_is_rounding() -> None:
    shifts = slabs_of(affine(10.0, sideways=4.0), 3).sideways_mm
    assert shifts is not None and np.allclose(shifts, [[0, 0], [4, 0], [8, 0]])
    for straight in (0.0, 0.05):
        assert slabs_of(affine(10.0, sideways=straight), 3).sideways_mm is None
    own = np.array([[0.0, 0.0], [1.0, -2.0], [0.0, 3.0]])
    given = slabs_of(affine(10.0, sideways=4.0), 3, sideways_mm=own).sideways_mm
    assert given is not None and np.array_equal(given, own)


def test_slice_stands_for_what_is_nearer_to_it_than_to_others() -> None:
    slabs = slabs_of(affine(9.0), 4, places_mm=np.array([0.0, 8.0, 16.0, 28.0]))
    assert thickness(slabs) == [8.0, 8.0, 10.0, 12.0]
    assert slabs.found == "positions of the slices in the file"
    assert thickness(slabs_of(affine(9.0), 2, places_mm=np.array([5.0, -4.0]))) == [9.0, 9.0]


def test_what_info_says_goes_before_the_file(tmp_path: Path) -> None:
    given = info(tmp_path, slice_spacing_mm=9)
    slabs = slabs_of(affine(25.0), 3, np.array([0, 25.0, 50.0]), given)
    assert thickness(slabs) == [9.0] * 3
    assert slabs.doubt is None and slabs.found == "info.json"


@pytest.mark.parametrize(
    ("distance", "notes", "doubt", "neighbours"),
    [
        (25.0, {}, "do not lie 25 mm apart", False),
        (1.0, {}, "1 mm of the file look like a placeholder", True),
        (8.0, {"spacing_known": False}, "voxel size is assumed", True),
        (
            8.0,
            {"slices": [{"source_slice_index": z} for z in (2, 5, 7)]},
            "slices 2, 5, 7 of a stack were picked",
            False,
        ),
        (8.0, {"slices": [{"source_slice_index": z} for z in (4, 3, 2)]}, None, True),
        (8.0, {"slices": [{"level": "basal"}, {"source_slice_index": 4}]}, None, True),
    ],
)
def test_nominal_distances_are_told(
    tmp_path: Path, distance: float, notes: dict[str, object], doubt: str | None, neighbours: bool
) -> None:
    places = np.arange(3) * distance  # say the same in another way
    slabs = slabs_of(affine(distance), 3, info=info(tmp_path, **notes))
    other = slabs_of(affine(distance), 3, places, info(tmp_path, **notes))
    assert thickness(other) == thickness(slabs)
    assert (other.doubt, other.found, other.neighbours) == (
        slabs.doubt,
        slabs.found,
        slabs.neighbours,
    )
    assert slabs.neighbours is neighbours
    assert slabs.doubt is None if doubt is None else doubt in (slabs.doubt or "")
    assert thickness(slabs) == [distance] * 3


def test_picked_slices_with_a_stated_distance_have_millilitres_but_are_no_stack(
    tmp_path: Path,
) -> None:
    notes = {"slices": [{"source_slice_index": z} for z in (2, 4, 6)], "slice_spacing_mm": 20}
    slabs = slabs_of(affine(25.0), 3, info=info(tmp_path, **notes))
    assert slabs.doubt is None and not slabs.neighbours and slabs.mean_mm == 20


def test_patient_and_slices_reach_the_cine(small_study: Path) -> None:
    content = {"height_cm": 180, "weight_kg": 80.5, "heart_rate_bpm": 64, "slice_spacing_mm": 9.5}
    info(small_study, **content)
    cine = read_cine(find_studies(small_study)[0])
    assert cine.subject == Subject(height_cm=180, weight_kg=80.5, heart_rate_bpm=64)
    assert thickness(cine.slabs) == [9.5, 9.5]
    (small_study / "info.json").unlink()
    cine = read_cine(find_studies(small_study)[0])
    assert cine.subject == Subject() and thickness(cine.slabs) == [8.0, 8.0]


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("height_cm", 1.8, "height in centimetres, 30 to 250"),
        ("height_cm", "tall", "height in centimetres"),
        ("height_cm", True, "height in centimetres"),
        ("weight_kg", 0, "weight in kilograms, 1 to 400"),
        ("weight_kg", float("nan"), "weight in kilograms"),
        ("heart_rate_bpm", 800, "beats in a minute, 20 to 300"),
        ("slice_spacing_mm", [8, 8], "middle of a slice"),
        ("spacing_known", "no", "true or false"),
    ],
)
def test_values_that_cannot_be_are_refused_with_file_value_and_fix(
    tmp_path: Path, key: str, value: object, message: str
) -> None:
    with pytest.raises(InputError, match=rf"info\.json: {key} is .*{message}"):
        info(tmp_path, **{key: value})


def test_slip_of_a_new_key_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"'height' is not a known key\. Did you mean 'height_cm'"):
        info(tmp_path, height=180)
