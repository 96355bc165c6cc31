"""Contours of every frame: moved with the motion, put half of the way to what is seen."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.areas import CORRECTED, MOVED_LABEL, Areas, contour_areas
from myomotion.analysis.drawing.over_time import (
    LIMIT_MM,
    contour_labels,
    contours_over_time,
)
from myomotion.analysis.grids import working_slices
from myomotion.analysis.motion import Motion, source_motion
from myomotion.core.contours import dice
from myomotion.io.cine import Cine, find_studies
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.tracker import Tracker
from tests.support.cines.ring import FRAMES, RADIUS, beat, contraction, ring_cine
from tests.support.paths import SHIPPED

STILL = np.zeros(FRAMES)
ES = FRAMES // 2
ENDO, EPI = 22.0, 32.0  # of the ring at end-diastole


def shares(endo: np.ndarray, epi: np.ndarray) -> torch.Tensor:
    """What a network that sees circles of these radii (mm) gives, ``(1, T, 3, 96, 96)``."""
    inner, outer = (
        np.clip(0.5 + (radii[:, None, None] - RADIUS) / 1.5, 0, 1) for radii in (endo, epi)
    )
    return torch.from_numpy(np.stack([inner, outer - inner, 0 * inner], axis=1)[None]).float()


def motion_of(cine: Cine, moved: np.ndarray, tissues: torch.Tensor | None = None) -> Motion:
    """A cine that the motion of :func:`contraction` moves, and what a network sees in it."""
    field = contraction(moved)
    slices = replace(working_slices(cine), tissues=tissues)
    return source_motion(slices, field)


def seen(
    endo: np.ndarray, epi: np.ndarray, moved: np.ndarray = STILL, label: np.ndarray | None = None
) -> tuple[Areas, np.ndarray]:
    """Areas and labels ``(X, Y, T)`` of the drawn ring, or of another label in its place."""
    cine = ring_cine(beat())
    if label is not None:
        cine.label_ed = label[..., None].astype(np.uint8)
    motion = motion_of(cine, moved, shares(endo, epi))
    contours = contours_over_time(motion)
    assert contours is not None
    areas = contour_areas(cine, contours)
    return areas, contour_labels(cine, [motion.on_window(0)], contours)[:, :, 0]


def radius(area_mm2: float) -> float:
    """Of the circle of an area."""
    return float(np.sqrt(area_mm2 / np.pi))


def test_contours_follow_the_wall_and_start_as_the_label() -> None:
    cine = ring_cine(beat())
    motion = motion_of(cine, beat())
    labels = contour_labels(cine, [motion.on_window(0)], contours_over_time(motion))
    assert labels.dtype == np.uint8 and labels.shape == cine.image.shape
    assert np.array_equal(labels[..., 0], cine.label_ed)
    drop = 500 * beat()[ES] / np.pi
    expected = np.abs(RADIUS**2 + drop - (ENDO**2 + EPI**2) / 2) < (EPI**2 - ENDO**2) / 2
    assert dice(labels[:, :, 0, ES] == MYOCARDIUM, expected) > 0.95
    as_they_are = contour_labels(cine, [motion.on_window(0)], None)
    assert dice(labels[..., 0, ES] == MYOCARDIUM, as_they_are[..., 0, ES] == MYOCARDIUM) > 0.97


def test_contours_are_put_half_of_the_way_to_what_is_seen() -> None:
    areas, labels = seen(ENDO - 4 * beat(0), EPI - 2 * beat(0))
    assert areas.found == CORRECTED and areas.wall_mm2 is not None
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(ENDO - 2, abs=0.15)
    whole = areas.cavity_mm2 + areas.wall_mm2
    assert radius(whole[ES, 0]) == pytest.approx(EPI - 1, abs=0.15)
    assert dice(labels[..., ES] == CAVITY, RADIUS < ENDO - 2) > 0.98
    assert np.array_equal(labels[..., 0] == MYOCARDIUM, (RADIUS < EPI) & (RADIUS >= ENDO))


def test_what_motion_and_network_agree_on_is_kept() -> None:
    drop = 500 * beat(0) / np.pi
    areas, _ = seen(np.sqrt(ENDO**2 - drop), np.sqrt(EPI**2 - drop), beat(0))
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(np.sqrt(ENDO**2 - drop[ES]), abs=0.15)


def test_habit_of_a_network_does_not_count() -> None:
    areas, labels = seen(np.full(FRAMES, ENDO - 3), np.full(FRAMES, EPI + 3))
    assert areas.cavity_mm2[:, 0] == pytest.approx(areas.cavity_mm2[0, 0], rel=1e-3)
    assert areas.wall_mm2 is not None
    assert areas.wall_mm2[:, 0] == pytest.approx(areas.wall_mm2[0, 0], rel=3e-3)
    assert dice(labels[..., ES] == MYOCARDIUM, labels[..., 0] == MYOCARDIUM) > 0.99


def test_what_is_seen_fades_towards_end_diastole_and_is_smooth() -> None:
    jump = np.where(np.arange(FRAMES) == 0, ENDO, ENDO - 4)
    areas, _ = seen(jump, np.full(FRAMES, EPI))
    at = np.array([radius(a) for a in areas.cavity_mm2[:, 0]])
    assert at[0] == pytest.approx(radius((RADIUS < ENDO).sum() * 2.25), abs=1e-6)
    assert (at[1:] < at[0] - 1.5).all()  # eight frames are far apart: the next is wholly corrected


def test_what_is_seen_far_away_counts_to_a_limit() -> None:
    areas, _ = seen(ENDO - 20 * beat(0), np.full(FRAMES, EPI))
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(ENDO - LIMIT_MM / 2, abs=0.15)


@pytest.mark.parametrize("habit", [-3.0, 0.0, 3.0])
@pytest.mark.parametrize("lost", ["one frame", "three frames", "all but end-diastole"])
def test_frames_in_which_no_heart_is_seen_move_as_they_are(lost: str, habit: float) -> None:
    frames = {"one frame": [ES], "three frames": [ES - 1, ES, ES + 1]}
    gone = frames.get(lost, list(range(1, FRAMES)))
    endo, epi = ENDO - 4 * beat(0) + habit, np.full(FRAMES, EPI + habit)
    endo[gone], epi[gone] = 3.0, 5.0  # a speck
    areas, _ = seen(endo, epi)
    assert np.isfinite(areas.cavity_mm2).all()
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(ENDO, abs=0.15)
    if lost == "one frame":
        assert radius(areas.cavity_mm2[ES - 1, 0]) < ENDO - 1


@pytest.mark.parametrize("part", ["cavity", "ventricle"])
def test_what_is_not_seen_at_end_diastole_changes_nothing(part: str) -> None:
    endo, epi = ENDO - 4 * beat(0), np.full(FRAMES, EPI)
    endo[0] = 5.0
    if part == "ventricle":
        epi[0] = 6.0
    areas, _ = seen(endo, epi)
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(ENDO, abs=0.15)
    assert (areas.found == CORRECTED) == (part == "cavity")  # by its epicardium then


def test_cavity_that_is_seen_to_close_gets_smaller() -> None:
    endo = np.where(np.abs(np.arange(FRAMES) - ES) <= 1, -5.0, ENDO - 3)  # with a habit beside
    areas, _ = seen(endo, np.full(FRAMES, EPI))
    assert radius(areas.cavity_mm2[ES, 0]) == pytest.approx(ENDO - LIMIT_MM / 2, abs=0.3)


def test_papillary_muscles_of_a_label_do_not_move_its_endocardium() -> None:
    label = np.where(RADIUS < ENDO, CAVITY, np.where(RADIUS < EPI, MYOCARDIUM, 0))
    for row in (40, 55):
        label[np.hypot(*(np.indices(label.shape) - [[[row]], [[47]]])) < 3] = MYOCARDIUM
    areas, labels = seen(np.full(FRAMES, ENDO), np.full(FRAMES, EPI), label=label)
    assert areas.found == CORRECTED
    assert areas.cavity_mm2[:, 0] == pytest.approx(areas.cavity_mm2[0, 0], rel=5e-3)
    assert dice(labels[..., ES] == MYOCARDIUM, label == MYOCARDIUM) > 0.98


def test_wall_keeps_half_of_its_thickness_and_contours_do_not_cross() -> None:
    label = np.where(RADIUS < 28, CAVITY, np.where(RADIUS < 31, MYOCARDIUM, 0))
    areas, labels = seen(28 + 12 * beat(0), 31 - 2 * beat(0), label=label)
    assert areas.wall_mm2 is not None
    inner = radius(areas.cavity_mm2[ES, 0])
    outer = radius(areas.cavity_mm2[ES, 0] + areas.wall_mm2[ES, 0])
    assert outer - inner == pytest.approx(1.5, abs=0.3)
    assert (labels[..., ES] == CAVITY).sum() * 2.25 == pytest.approx(np.pi * inner**2, rel=0.02)


def test_contours_of_an_open_wall_are_moved_alone() -> None:
    label = np.where(RADIUS < ENDO, CAVITY, np.where(RADIUS < EPI, MYOCARDIUM, 0))
    label[44:52, :48][label[44:52, :48] == MYOCARDIUM] = 0
    areas, labels = seen(ENDO - 4 * beat(0), np.full(FRAMES, EPI), label=label)
    assert areas.found == MOVED_LABEL
    assert dice(labels[..., ES] == MYOCARDIUM, label == MYOCARDIUM) > 0.99


def test_holes_and_parts_apart_are_moved_as_they_are() -> None:
    label = np.where(RADIUS < ENDO, CAVITY, np.where(RADIUS < EPI, MYOCARDIUM, 0))
    label[RADIUS < 8] = MYOCARDIUM
    label[2:6, 2:6] = MYOCARDIUM
    areas, labels = seen(ENDO - 4 * beat(0), np.full(FRAMES, EPI), label=label)
    inside = areas.cavity_mm2[ES, 0] + (RADIUS < 8).sum() * 2.25
    assert radius(inside) == pytest.approx(ENDO - 2, abs=0.2)
    hole, apart = (labels[..., ES] == MYOCARDIUM) & (RADIUS < 15), labels[2:6, 2:6, ES]
    assert dice(hole, RADIUS < 8) > 0.98 and (apart == MYOCARDIUM).mean() > 0.7


def test_other_parts_of_the_label_move_with_the_motion() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    cine.label_ed[40:56, 4:14] = RIGHT_VENTRICLE
    motion = motion_of(cine, beat())
    maps = [motion.on_window(0)]
    labels, moved = (
        contour_labels(cine, maps, c) == RIGHT_VENTRICLE for c in (contours_over_time(motion), None)
    )
    assert labels[..., ES].any() and np.array_equal(labels, moved)


def test_wall_beside_a_slice_of_cavity_alone_is_not_made_up() -> None:
    label = np.where(RADIUS < ENDO, CAVITY, 0)
    areas, labels = seen(np.full(FRAMES, ENDO), EPI + 5 * beat(0), label=label)
    assert areas.wall_mm2 is None and not (labels == MYOCARDIUM).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_what_is_seen_ends_where_the_picture_does(axis: int) -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    cut = int(np.argwhere(cine.label_ed == CAVITY).mean(0)[axis])
    cine.image, cine.label_ed = (
        np.delete(a, np.s_[:cut], axis) for a in (cine.image, cine.label_ed)
    )
    cine.label_ed[cine.label_ed == MYOCARDIUM] = 0  # a wall that is cut is open
    slices = working_slices(cine)
    share = torch.from_numpy((cine.label_ed[..., 0] > 0).astype(np.float32))
    drawn = slices.grids[0].to_working(share[None, None])  # goes on beside the picture
    tissues = torch.zeros(1, FRAMES, 3, *drawn.shape[-2:])
    tissues[:, :, CAVITY - 1] = drawn
    motion = source_motion(replace(slices, tissues=tissues), contraction(STILL))
    contours = contours_over_time(motion)
    assert contours is not None and contours[0].seen
    areas = contour_areas(cine, contours)
    assert areas.cavity_mm2[:, 0] == pytest.approx(areas.cavity_mm2[0, 0], rel=0.02)


@pytest.mark.slow
@pytest.mark.skipif(not SHIPPED.is_file(), reason=f"no shipped weights at {SHIPPED}")
@pytest.mark.parametrize("name", ["patient061", "patient042"])
def test_contours_of_a_real_heart_lie_nearer_to_the_readers_than_the_moved_label(
    acdc_groups: Path, name: str
) -> None:
    study = Tracker(device="cpu", refine_steps=15, intervals=False)(
        find_studies(acdc_groups / name)[0]
    )
    cine = study.cine
    assert cine.label_es is not None and cine.es_frame is not None
    maps = [study.motion.on_window(z) for z in range(cine.image.shape[2])]
    overlap = [
        dice(contour_labels(cine, maps, c)[..., cine.es_frame] == MYOCARDIUM, cine.label_es == 2)
        for c in (study.contours, None)
    ]
    assert overlap[0] > overlap[1] + 0.005
