"""Rotation and twist of a study: sign, distance, peaks and rates that are known."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from myomotion.analysis.measures.on_wall.rotation import slice_distance_mm
from myomotion.analysis.study import Study
from myomotion.core.view import standard_view
from myomotion.io.slabs import Slabs
from tests.support.cines.turning import (
    CYCLE_MS,
    EVEN,
    SLICE_MM,
    TURNS,
    short_axis_affine,
    turning_cine,
    turning_study,
)

TWIST = TURNS[2] - TURNS[0]


@pytest.fixture(scope="module")
def study() -> Study:
    return turning_study(turning_cine())


def rotation(study: Study, z: int, segment: int = 0, key: str = "rotation_deg") -> np.ndarray:
    rows = [r for r in study.rows if r["slice"] == z and r["segment"] == segment]
    return np.array([row[key] for row in rows])


def test_every_slice_layer_and_segment_turns_by_the_angle_of_the_motion(study: Study) -> None:
    for z, turn in enumerate(TURNS):
        # From axis 0, to the right, towards axis 1, down, is clockwise: negative.
        for key in ("rotation_deg", "rotation_endo_deg", "rotation_epi_deg"):
            assert rotation(study, z, key=key) == pytest.approx(-turn * EVEN, abs=0.05)
    assert rotation(study, 1, segment=9) == pytest.approx(-TURNS[1] * EVEN, abs=0.15)


def test_sign_is_that_of_the_patient_however_the_file_is_stored() -> None:
    """By the right-hand rule about the axis from base to apex, which points at the viewer."""
    affine = short_axis_affine(flipped=True)
    shares = np.array([0.0, 1.0])
    study = turning_study(turning_cine(2, affine), turns=(0.0, 6.0, 0.0), shares=shares)
    axes = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    to_apex = -np.array([1.0, -1.0, 0.3])  # in RAS; the base lies right, behind and above
    expected = 6.0 * np.sign(np.cross(axes[:, 0], axes[:, 1]) @ to_apex)
    assert expected > 0
    assert rotation(study, 1)[1] == pytest.approx(expected, abs=0.05)


def test_twist_is_apex_less_base_in_degrees_and_for_the_true_centimetre(study: Study) -> None:
    summary = study.summary
    assert summary["twist_deg"] == pytest.approx(-TWIST, abs=0.05)
    assert summary["peak_twist_deg"] == pytest.approx(-TWIST, abs=0.05)
    assert summary["twist_distance_mm"] == pytest.approx(2 * SLICE_MM)
    for key in ("twist_deg_per_cm", "peak_twist_deg_per_cm"):
        assert summary[key] == pytest.approx(-TWIST / (0.2 * SLICE_MM), abs=0.1)
    assert summary["time_to_peak_twist_ms"] == pytest.approx(CYCLE_MS / 2, abs=2)
    steepest = TWIST / 2 * 2 * np.pi / (CYCLE_MS / 1000)
    for phase, sign in (("systolic", -1), ("early_diastolic", 1)):
        found = summary[f"{phase}_twist_rate_deg_per_s"]
        assert found == pytest.approx(sign * steepest, rel=0.01)


def test_slice_that_hardly_turns_has_a_peak_and_no_time() -> None:
    summary = turning_study(turning_cine(), turns=(-0.4, 3.0, 0.4)).summary
    times = [entry["time_to_peak_rotation_ms"] for entry in summary["slices"]]
    assert times == [None, pytest.approx(CYCLE_MS / 2, abs=2), None]
    assert abs(summary["slices"][0]["peak_rotation_deg"]) == pytest.approx(0.4, abs=0.05)
    assert abs(summary["peak_twist_deg"]) == pytest.approx(0.8, abs=0.1)
    assert summary["time_to_peak_twist_ms"] is None


def test_pair_of_frames_with_a_nominal_distance_has_twist_at_end_systole_alone() -> None:
    cine = turning_cine(2)
    cine.slabs = replace(cine.slabs, doubt="picked")
    summary = turning_study(cine, shares=np.array([0.0, 1.0])).summary
    assert summary["twist_deg"] == pytest.approx(-TWIST, abs=0.05)
    for key in ("twist_deg_per_cm", "peak_twist_deg_per_cm", "twist_distance_mm"):
        assert summary[key] is None
    assert summary["peak_twist_deg"] is None
    assert summary["systolic_twist_rate_deg_per_s"] is None


def test_stack_without_an_apical_slice_has_no_twist() -> None:
    cine = turning_cine(2)
    cine.levels[2] = "mid"
    summary = turning_study(cine, shares=np.array([0.0, 1.0])).summary
    assert summary["twist_deg"] is None and summary["twist_deg_per_cm"] is None


def test_distance_of_slices_that_are_not_even_is_between_their_middles() -> None:
    gaps = np.array([8.0, 10.0, 6.0])
    thickness = (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:])) / 2
    slabs = Slabs(thickness_mm=thickness, found="positions")
    assert slice_distance_mm(slabs, 0, 3) == pytest.approx(24.0)
    assert slice_distance_mm(slabs, 2, 1) == pytest.approx(10.0)
    assert slice_distance_mm(replace(slabs, doubt="nominal"), 0, 3) is None


@pytest.mark.parametrize("header", [np.diag([-1.5, -1.5, 8, 1]), np.diag([1.5, 1.5, 8, 1])])
@pytest.mark.parametrize("side", [-1, 1])
def test_right_ventricle_on_the_right_of_a_placeholder_mirrors_the_view(
    header: np.ndarray, side: int
) -> None:
    """The same voxels, whatever a header says that says nothing; twist and torsion have one sense.

    In the array that is measured the right ventricle lies on the ``side`` of axis 0.
    """
    cine = turning_cine()
    cine.affine = header
    assert cine.label_ed is not None
    edge = 4 if side < 0 else cine.label_ed.shape[0] - 8
    cine.label_ed[edge : edge + 4, 40:56][cine.label_ed[edge : edge + 4, 40:56] == 0] = 3
    study = turning_study(cine)
    view = study.motion.slices.view
    assert view.right == (0, -side) and view.down == (1, 1) and not view.from_header
    plain = turning_study(turning_cine())
    assert study.summary["twist_deg"] == pytest.approx(-side * plain.summary["twist_deg"], abs=0.2)


@pytest.mark.parametrize("off", [-4.0, 0.0, 4.0])
@pytest.mark.parametrize(
    ("towards", "right"),
    [((-24, 0), (0, 1)), ((24, 0), (0, -1)), ((0, -24), (1, 1)), ((0, 24), (1, -1))],
)
def test_side_of_a_placeholder_rests_on_where_most_of_the_right_ventricle_lies(
    towards: tuple[float, float], right: tuple[int, int], off: float
) -> None:
    offset = np.array(towards) + off * (np.array(towards) == 0)
    view = standard_view(np.diag([1.5, 1.5, 8, 1]), offset)
    assert view.right == right and view.down == (1 - right[0], 1)
    assert view.offsets(offset)[0] == pytest.approx(-24)


def test_header_that_says_how_slices_lie_is_believed_whatever_side_the_right_ventricle_is_on() -> (
    None
):
    angle = np.deg2rad(40.0)
    turned = np.diag([1.5, 1.5, 8, 1])
    turned[:2, :2] = 1.5 * np.array(
        [[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]]
    )
    towards = np.array([20.0, 0.0])
    assert (
        standard_view(turned, towards) == standard_view(turned, -towards) == standard_view(turned)
    )
    assert standard_view(turned).from_header
