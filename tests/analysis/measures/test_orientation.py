"""A right ventricle on the patient's left by the header says that pictures are mirrored."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.measures.on_wall.orientation import LIMITS, right_ventricle_angle_deg
from myomotion.analysis.measures.tracked import TrackedStudy, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.core.view import off_right_deg
from myomotion.io.cine import Cine, find_studies
from myomotion.tracker import Tracker
from tests.support.analytic import coordinates
from tests.support.cines.turning import TURNS, turning_cine, turning_study

X, Y = coordinates(96, 1.5)
SHARES = np.array([0.0, 1.0])
TO_LEFT, TO_RIGHT = 180, 0  # of the picture: axis 0 of the drawn cine runs to its right
KEY = "right_ventricle_angle_deg"
SAID = "the pictures are mirrored or the header is wrong"


def crescent(degrees: float, gap_mm: float = 0.0) -> np.ndarray:
    """What lies about a ring for 100 degrees, from axis 0 towards axis 1."""
    radius, apart = np.hypot(X, Y), np.rad2deg(np.arctan2(Y, X)) - degrees
    shown: np.ndarray = np.abs((apart + 180) % 360 - 180) < 50
    return shown & (radius > 30 + gap_mm) & (radius < 50 + gap_mm)


def heart(degrees: float | None) -> Cine:
    """Two frames of a turning ring, its right ventricle labelled on one side."""
    cine = turning_cine(2)
    if degrees is not None:
        assert cine.label_ed is not None
        cine.label_ed[crescent(degrees) & (cine.label_ed[..., 0] == 0)] = 3
    return cine


def angle(slices: Slices) -> float | None:
    still = torch.zeros(len(slices.grids), slices.images.shape[1], 2, 96, 96)
    tracked = tracked_slices(source_motion(slices, still))
    return right_ventricle_angle_deg(
        TrackedStudy(slices=tracked, segments=[], frames=[], values=[], passed=[])
    )


@pytest.mark.parametrize("degrees", [0, 45, 80, 100, 180, 260, 280])
def test_angle_is_that_from_the_left_of_the_standard_view(degrees: float) -> None:
    found = angle(working_slices(heart(degrees)))
    off = abs(degrees - 180)
    assert found == pytest.approx(off, abs=2)
    assert LIMITS.light(found) == (off > 90)


def test_mirrored_pictures_are_amber_and_said_as_their_twist_has_the_other_sign() -> None:
    right = turning_study(heart(TO_LEFT), shares=SHARES).summary
    assert right[KEY] == pytest.approx(0, abs=2)
    assert not any(SAID in text for text in right["warnings"])
    upright = heart(TO_LEFT)
    assert upright.label_ed is not None
    mirrored = replace(upright, image=upright.image[::-1], label_ed=upright.label_ed[::-1])
    back = turning_study(mirrored, (-TURNS[0], -TURNS[1], -TURNS[2]), SHARES)
    assert back.summary["twist_deg"] == pytest.approx(-right["twist_deg"], abs=0.1)
    assert back.summary[KEY] == pytest.approx(180, abs=2) and back.summary["light"] != "green"
    assert any(reason.startswith("amber: by the file's header") for reason in back.quality.reasons)
    (said,) = (text for text in back.summary["warnings"] if SAID in text)
    assert "sign of twist" in said and "correct its header" in said


def test_angle_is_the_same_however_the_file_is_stored() -> None:
    plain = heart(130)
    assert plain.label_ed is not None
    expected = angle(working_slices(plain))
    turned = replace(  # axes exchanged, and then the first one reversed, with the header
        plain,
        image=plain.image.swapaxes(0, 1)[::-1],
        label_ed=plain.label_ed.swapaxes(0, 1)[::-1],
        affine=plain.affine[:, [1, 0, 2, 3]] * [-1, 1, 1, 1],
    )
    assert angle(working_slices(turned)) == pytest.approx(expected, abs=0.1)


def test_without_a_header_that_says_how_slices_lie_or_a_right_ventricle_there_is_no_angle() -> None:
    placeholder = replace(heart(TO_RIGHT), affine=np.diag([1.5, 1.5, 9, 1]))
    assert angle(working_slices(placeholder)) is None
    assert angle(working_slices(heart(None))) is None


def test_right_ventricle_that_is_seen_counts_where_it_touches_the_wall() -> None:
    slices = working_slices(heart(None))
    for gap_mm, expected in ((-5.0, pytest.approx(180, abs=2)), (15.0, None)):
        shares = torch.zeros(len(slices.grids), 2, 3, 96, 96)
        shares[:, :, 2] = torch.from_numpy(crescent(TO_RIGHT, gap_mm)).float()
        assert angle(replace(slices, tissues=shares)) == expected


def test_septum_that_is_marked_on_the_left_of_the_patient_contradicts_the_header() -> None:
    spots = np.deg2rad([-50.0, 50.0])
    around = 47.5 + 12 * np.stack([np.cos(spots), np.sin(spots)], axis=-1)
    cine = replace(heart(None), septum_points=np.column_stack([around, [0, 0]]))
    assert angle(working_slices(cine)) == pytest.approx(180, abs=2)


@pytest.mark.slow
def test_real_hearts_lie_as_their_headers_say_and_reversed_along_the_rows_they_do_not(
    sunnybrook: Path,
) -> None:
    tracker, found = Tracker(), 0
    for study in find_studies(sunnybrook):
        slices = tracker.load(dict(study))["slices"]
        side = slices.right_ventricle_side
        if slices.view.from_header and side is not None:
            found += 1
            assert off_right_deg(slices.cine.affine, side) < 30, study["name"]
            assert off_right_deg(slices.cine.affine, side * [-1, 1]) > 120, study["name"]
    assert found == 5
