"""Segments of the wall on labels whose insertions are known, and frame times and views."""

from __future__ import annotations

import json
from pathlib import Path

import nibabel as nib
import numpy as np
import pytest

from myomotion.core.segments import (
    ASSUMED,
    BY_LABEL,
    BY_POINTS,
    FROM_ANTERIOR_THROUGH_SEPTUM,
    Septum,
    assumed_septum,
    at_shares,
    levels_by_thirds,
    segment_map,
    septum_from_labels,
    septum_from_points,
    slice_levels,
)
from myomotion.core.view import View, standard_view
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from tests.support.analytic import coordinates, ring_labels
from tests.support.studies import write_study

CENTER = (47.5, 47.5)
WALL = ring_labels() == 2
VIEW = View()
UP, LEFT = VIEW.direction(0, -1), VIEW.direction(-1, 0)


def right_ventricle(start: float, end: float) -> np.ndarray:
    """A crescent outside the wall between two picture angles (degrees, anticlockwise)."""
    x, y = coordinates(96, 1.5)
    angle = np.rad2deg(np.arctan2(-y, x)) % 360
    radius = np.hypot(x, y)
    return (radius > 32) & (radius < 50) & (angle >= start) & (angle <= end)


def segment_at(segments: np.ndarray, picture_angle: float) -> int:
    """Segment in the middle of the wall at an angle of the picture, in degrees."""
    angle = np.deg2rad(picture_angle)
    i, j = 47.5 + 18 * np.cos(angle), 47.5 - 18 * np.sin(angle)
    return int(segments[round(i), round(j)])


def test_insertions_are_the_ends_of_the_contact_with_the_right_ventricle() -> None:
    septum = septum_from_labels(WALL, right_ventricle(130, 235), CENTER, UP.tolist(), 1.5)
    assert septum is not None and septum.found == BY_LABEL
    # Grid angles turn with axis 1, which points down in the picture. The contact reaches 3 mm
    # around the crescent's corners, 5 degrees at 32 mm.
    assert np.rad2deg(septum.anterior) % 360 == pytest.approx(360 - 130, abs=7)
    assert abs(np.rad2deg(septum.sweep)) == pytest.approx(105, abs=13)
    basal = segment_map(WALL, CENTER, "basal", septum)
    assert segment_at(basal, 155) == 2
    assert segment_at(basal, 210) == 3
    assert [segment_at(basal, a) for a in (270, 325, 25, 90)] == [4, 5, 6, 1]
    mid = segment_map(WALL, CENTER, "mid", septum)
    assert np.array_equal(mid[WALL], basal[WALL] + 6)


def test_mirrored_heart_keeps_its_names() -> None:
    ventricle = right_ventricle(120, 240)
    septum = septum_from_labels(WALL, ventricle, CENTER, UP.tolist(), 1.5)
    mirrored = septum_from_labels(WALL[::-1], ventricle[::-1], CENTER, UP.tolist(), 1.5)
    assert septum is not None and mirrored is not None
    one = segment_map(WALL, CENTER, "basal", septum)
    other = segment_map(WALL[::-1], CENTER, "basal", mirrored)[::-1]
    assert (one != other)[WALL].mean() < 0.02


def test_assumed_septum_gives_equal_segments_in_the_standard_order() -> None:
    septum = assumed_septum(LEFT.tolist(), UP.tolist())
    assert septum.found == ASSUMED
    basal = segment_map(WALL, CENTER, "basal", septum)
    expected = {150: 2, 210: 3, 270: 4, 330: 5, 30: 6, 90: 1}
    assert {angle: segment_at(basal, angle) for angle in expected} == expected
    share = np.bincount(basal[WALL], minlength=7)[1:] / WALL.sum()
    assert share == pytest.approx(1 / 6, abs=0.01)
    apical = segment_map(WALL, CENTER, "apical", septum)
    assert [segment_at(apical, a) for a in (180, 270, 0, 90)] == [14, 15, 16, 13]


@pytest.mark.parametrize("level", FROM_ANTERIOR_THROUGH_SEPTUM)
def test_every_voxel_of_the_wall_and_no_other_has_a_segment_of_its_level(level: str) -> None:
    segments = segment_map(WALL, CENTER, level, Septum(anterior=1.0, sweep=-2.5, found=BY_LABEL))
    assert set(np.unique(segments[WALL])) == set(FROM_ANTERIOR_THROUGH_SEPTUM[level])
    assert not segments[~WALL].any()


@pytest.mark.parametrize("ends", [(170, 190), (10, 350)], ids=["sliver", "all around"])
def test_contact_that_is_no_septum_is_refused(ends: tuple[float, float]) -> None:
    assert septum_from_labels(WALL, right_ventricle(*ends), CENTER, UP.tolist(), 1.5) is None
    assert septum_from_labels(WALL, np.zeros_like(WALL), CENTER, UP.tolist(), 1.5) is None


def test_unnamed_slices_are_divided_into_thirds_from_the_base() -> None:
    names = [f"slice{z:02d}" for z in range(8)]
    wall = [0, 50, 60, 70, 80, 90, 90, 0]
    found = slice_levels(names, wall, base_first=False)
    assert found == [None, *["apical"] * 2, *["mid"] * 2, *["basal"] * 2, None]
    assert slice_levels(names, wall, base_first=True) == found[::-1]
    assert slice_levels(["mid", "apical"], [1, 1], base_first=False) == ["mid", "apical"]
    assert slice_levels(["slice00"], [5], base_first=True) == ["mid"]
    assert slice_levels(["slice00"], [0], base_first=True) == [None]


def test_levels_are_thirds_and_the_base_has_what_is_over() -> None:
    assert levels_by_thirds(0, True) == []
    assert levels_by_thirds(1, False) == ["mid"]
    assert levels_by_thirds(2, True) == ["basal", "mid"]
    assert levels_by_thirds(4, True) == ["basal", "basal", "mid", "apical"]
    assert levels_by_thirds(4, False) == ["apical", "mid", "basal", "basal"]


def test_oblique_header_turns_the_picture_and_a_placeholder_does_not() -> None:
    assert standard_view(np.diag([1.5, 1.5, 8, 1])) == View()
    # A short axis stored with its first axis to the head and its second to the right and front.
    affine = np.eye(4)
    affine[:3, 0] = [0.2, 0.3, 0.93]
    affine[:3, 1] = [0.75, 0.6, -0.28]
    view = standard_view(affine)
    assert view.from_header and view.down == (0, -1) and view.right == (1, -1)
    picture = view.picture(np.array([[1, 2], [3, 4]]))
    assert picture.tolist() == [[4, 3], [2, 1]]
    # The picture and the offsets agree: one step along axis 0 is one row up.
    assert view.offsets(np.array([1.0, 0.0])).tolist() == [0, -1]
    assert view.direction(*view.offsets(np.array([0.3, -2.0]))) == pytest.approx([0.3, -2.0])


def test_frame_times_come_from_info_or_a_believable_header(tmp_path: Path) -> None:
    write_study(tmp_path / "s", frames=4)
    path = tmp_path / "s" / "sa.nii.gz"

    def times() -> np.ndarray | None:
        return read_cine(find_studies(tmp_path / "s")[0]).frame_times_ms

    assert times() is None
    image = nib.load(path)
    for step, unit, expected in (
        (0.03, "sec", 30),
        (35.0, "msec", 35),
        (0.03, "unknown", 30),
        (35.0, "unknown", 35),
        (1.0, "unknown", None),
        (1.0, "sec", None),
    ):
        image.header.set_zooms((*image.header.get_zooms()[:3], step))
        image.header.set_xyzt_units("mm", unit)
        nib.save(image, path)
        found = times()
        if expected is None:
            assert found is None
        else:
            assert found == pytest.approx(np.arange(4) * expected)
    (tmp_path / "s" / "info.json").write_text(json.dumps({"frame_times_ms": [10, 40, 75, 100]}))
    assert times() == pytest.approx([0, 30, 65, 90])
    (tmp_path / "s" / "info.json").write_text(json.dumps({"frame_times_ms": [10, 5]}))
    with pytest.raises(InputError, match="expected 4 rising numbers in milliseconds"):
        times()


def test_one_slice_stands_for_each_level() -> None:
    assert [at_shares(count) for count in (0, 1, 3)] == [[], [0], [0, 1, 2]]
    assert [at_shares(count) for count in (4, 8, 10)] == [[1, 2, 3], [2, 4, 6], [2, 5, 7]]


@pytest.mark.parametrize("sign", [-1, 1])
def test_marked_septum_lies_between_the_points_on_their_nearer_side(sign: int) -> None:
    angles = np.deg2rad([200.0, 200.0 + sign * 110.0])
    anterior, inferior = (5 * np.array([np.cos(a), np.sin(a)]) for a in angles)
    septum = septum_from_points(anterior.tolist(), inferior.tolist())
    assert septum is not None and septum.found == BY_POINTS
    assert np.rad2deg(septum.sweep) == pytest.approx(sign * 110)
    assert np.rad2deg(septum.anterior) % 360 == pytest.approx(200)
    assert septum_from_points(anterior.tolist(), (1.1 * anterior).tolist()) is None


@pytest.mark.parametrize("right", [[-20.0, 3.0], [20.0, 3.0], [3.0, 20.0], [-3.0, -20.0]])
@pytest.mark.parametrize("sign", [-1, 1])
def test_placeholder_is_laid_out_by_two_points(right: list[float], sign: int) -> None:
    """The right ventricle on the left and the anterior insertion above, whatever the axes do."""
    anterior = sign * np.array(right)[::-1]
    view = standard_view(np.diag([1.5, 1.5, 8, 1]), np.array(right), anterior)
    assert view.offsets(np.array(right))[0] < -19
    assert view.offsets(anterior)[1] < -19
    assert not view.from_header
