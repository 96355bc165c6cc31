"""The mesh of a tracked slice: strain in the tables, its check by contours, walls without one."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN
from myomotion.analysis.measures.on_wall.contours import GAP, GAP_LIMITS, moved_contours
from myomotion.analysis.measures.on_wall.mesh import counter_clockwise, wall_of, why_no_wall
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.regions import slice_regions
from myomotion.analysis.segmentation import DRAWN
from myomotion.analysis.study import Study, analyse
from myomotion.core.segments import ASSUMED, BY_LABEL, BY_PICTURE, BY_POINTS, Septum
from myomotion.core.view import View
from myomotion.errors import InputError
from myomotion.io.cine import Cine
from tests.support.analytic import coordinates
from tests.support.cines.ring import FRAMES, beat, contraction, ring_cine

INNER, OUTER, DROP = 22.0, 32.0, 500.0 / np.pi  # of the drawn ring, mm and mm^2


def one_slice(displacement: torch.Tensor, cine: Cine | None = None) -> TrackedSlice:
    slices = working_slices(cine or ring_cine(beat()))
    return tracked_slices(source_motion(slices, displacement))[0]


def opened(cine: Cine) -> Cine:
    """The wall of the label with a gap through which the cavity meets what lies outside."""
    assert cine.label_ed is not None
    cine.label_ed[48:, 44:52] = 0
    return cine


def at_es(study: Study) -> list[dict[str, float]]:
    return [row for row in study.rows if row["frame"] == study.motion.es_frame]


def test_table_has_the_strain_of_the_formula_for_wall_layers_and_segments() -> None:
    shares = beat()
    study = analyse(working_slices(ring_cine(shares)), contraction(shares))
    whole, *segments = at_es(study)
    drop = DROP * shares[study.motion.es_frame]
    radius = np.linspace(INNER, OUTER, 3001)
    ecc = -50 * drop / radius**2
    err = 50 * (1 / (1 - drop / radius**2) - 1)
    assert whole["ecc_percent"] == pytest.approx(np.average(ecc, weights=radius), abs=0.1)
    assert whole["err_percent"] == pytest.approx(np.average(err, weights=radius), abs=0.4)
    for index, layer in enumerate(("endo", "mid", "epi")):
        part = slice(1000 * index, 1000 * (index + 1))
        mean = np.average(ecc[part], weights=radius[part])
        assert whole[f"ecc_{layer}_percent"] == pytest.approx(mean, abs=0.2)
    assert whole["mean_j"] == pytest.approx(1.0, abs=2e-3)
    assert whole["erc_percent"] == pytest.approx(0.0, abs=0.05)
    assert whole["e1_percent"] == pytest.approx(whole["err_percent"], abs=0.05)
    assert len(segments) == 6
    for row in segments:
        assert row["ecc_percent"] == pytest.approx(whole["ecc_percent"], abs=0.4)


def test_contours_have_the_length_of_the_formula() -> None:
    shares = beat()
    tracked = one_slice(contraction(shares))
    contours, es = moved_contours(tracked), tracked.motion.es_frame
    assert contours is not None
    drop = DROP * shares[es]
    radius = np.array([INNER, (INNER + OUTER) / 2, OUTER])
    assert 100 * contours.ecc[es] == pytest.approx(-50 * drop / radius**2, abs=0.25)
    assert GAP.limits is GAP_LIMITS
    gap = GAP.compute(tracked)
    assert gap is not None and gap < 0.3 and GAP_LIMITS.light(gap) == GREEN


def test_motion_that_is_too_rough_for_the_mesh_is_amber() -> None:
    shares = beat()
    rng = np.random.default_rng(0)
    rough = contraction(shares)
    rough[:, 1:] += torch.from_numpy(rng.normal(0, 1.5, rough[:, 1:].shape)).float()
    gap = GAP.compute(one_slice(rough))
    assert gap is not None and GAP_LIMITS.light(gap) == AMBER


def test_wall_that_is_no_ring_has_no_number_but_a_word() -> None:
    shares = beat()
    cine = opened(ring_cine(shares))
    study = analyse(working_slices(cine), contraction(shares))
    whole = at_es(study)[0]
    for key in ("ecc_percent", "err_percent", "mean_j", "thickening_percent"):
        assert whole[key] is None
    assert whole["fold_fraction"] == 0
    assert "ecc_percent" not in study.summary["slices"][0]
    assert study.summary["mean_of_slices_at_end_systole"]["ecc_percent"] is None
    (said,) = (text for text in study.summary["warnings"] if "closed ring" in text)
    assert said.startswith("Slice 0 (mid) has a wall without strain") and "cavity" in said


def test_slice_without_a_wall_has_no_mesh_and_no_reason() -> None:
    cine = ring_cine(beat())
    cine.label_ed = None
    tracked = one_slice(contraction(beat()), cine)
    assert wall_of(tracked) is None and why_no_wall(tracked) is None
    assert moved_contours(tracked) is None


def test_shear_counts_counter_clockwise_in_the_view_however_the_file_is_stored() -> None:
    stored = View()
    assert counter_clockwise(stored) == -1  # axis 0 to the right, axis 1 down
    assert counter_clockwise(View(right=(0, 1), down=(1, -1), from_header=True)) == 1
    assert counter_clockwise(View(right=(1, 1), down=(0, 1), from_header=True)) == 1
    x = coordinates(96, 1.5)
    radius = np.maximum(np.hypot(*x), 1.0)
    angle = np.deg2rad(1.0) * (radius - INNER)
    turned = np.stack(
        [np.cos(angle) * x[0] - np.sin(angle) * x[1], np.sin(angle) * x[0] + np.cos(angle) * x[1]]
    )
    field = torch.from_numpy(np.stack([turned - x] * FRAMES)[None]).float()
    wall = wall_of(one_slice(field))
    assert wall is not None and wall.turn == -1
    assert wall.strain.mean("erc")[0] == pytest.approx(-np.deg2rad(1.0) * 27.3 / 2, abs=0.01)
    assert set(np.unique(wall.segments)) == {7, 8, 9, 10, 11, 12}


def test_segment_that_lags_behind_its_slice_stands_above_it() -> None:
    shares = beat()
    field = contraction(shares)
    x = coordinates(96, 1.5)
    field *= torch.from_numpy(np.where(x[0] > 0, 0.5, 1.0)).float()  # one half moves half as far
    study = analyse(working_slices(ring_cine(shares)), field)
    whole, *segments = at_es(study)
    assert whole["ecc_from_slice_points"] is None
    gaps = [row["ecc_percent"] - whole["ecc_percent"] for row in segments]
    assert [row["ecc_from_slice_points"] for row in segments] == pytest.approx(gaps)
    assert min(gaps) < -1 and max(gaps) > 1


RIGHT = np.arctan2(*coordinates(96, 1.5)[::-1])  # angle from axis 0 towards axis 1


def beside(label: np.ndarray, degrees: float) -> np.ndarray:
    """A crescent that touches the ring for 100 degrees about an angle."""
    apart = np.abs((np.rad2deg(RIGHT) - degrees + 180) % 360 - 180)
    radius = np.hypot(*coordinates(96, 1.5))
    found: np.ndarray = (apart < 50) & (label == 0) & (radius < 55)
    return found


def septum_of(slices: Slices) -> Septum:
    (region,) = slice_regions(source_motion(slices, contraction(beat())))
    return region.septum


def middle(septum: Septum) -> float:
    return float(np.rad2deg(septum.anterior + septum.sweep / 2) % 360)


def test_septum_lies_where_the_right_ventricle_is_seen_where_no_label_has_it() -> None:
    slices = working_slices(ring_cine(beat()))
    assert slices.cine.label_ed is not None
    shares = torch.zeros(1, slices.images.shape[1], 3, 96, 96)
    shares[0, 0, 2] = torch.from_numpy(beside(slices.cine.label_ed[..., 0], 250)).float()
    seen = septum_of(replace(slices, tissues=shares))
    assert seen.found == BY_PICTURE and middle(seen) == pytest.approx(250, abs=5)
    assert np.rad2deg(abs(seen.sweep)) == pytest.approx(105, abs=10)
    assert septum_of(slices).found == ASSUMED
    slices.cine.label_ed[beside(slices.cine.label_ed[..., 0], 150), 0] = 3
    labelled = septum_of(replace(working_slices(slices.cine), tissues=shares))
    assert labelled.found == BY_LABEL and middle(labelled) == pytest.approx(150, abs=5)


@pytest.mark.parametrize("level", ["mid", "apical"])
def test_right_ventricle_of_a_drawn_label_is_what_the_segmentation_sees(level: str) -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    cine.levels = [level]
    cine.label_ed[beside(cine.label_ed[..., 0], 150), 0] = 3
    studies = {
        found: analyse(working_slices(replace(cine, label_found=found)), contraction(beat()))
        for found in ("given", DRAWN)
    }
    given, drawn = studies["given"], studies[DRAWN]
    assert (given.summary["septum_from"], drawn.summary["septum_from"]) == (BY_LABEL, BY_PICTURE)
    assert np.array_equal(given.regions[0].segments, drawn.regions[0].segments)
    told = [set(study.summary["warnings"]) for study in (given, drawn)]
    (said,) = told[1] - told[0]
    assert said.startswith("No right-ventricular label: the septum lies where the segmentation")


def test_septum_that_the_user_has_marked_goes_before_all() -> None:
    cine = ring_cine(beat())
    assert cine.label_ed is not None
    cine.label_ed[beside(cine.label_ed[..., 0], 150), 0] = 3
    spots = np.deg2rad([40.0, 120.0])
    around = 47.5 + 12 * np.stack([np.cos(spots), np.sin(spots)], axis=-1)
    cine.septum_points = np.column_stack([around, [0, 0]])
    septum = septum_of(working_slices(cine))
    assert septum.found == BY_POINTS and middle(septum) == pytest.approx(80, abs=1)
    assert np.rad2deg(septum.sweep) == pytest.approx(80, abs=1)
    cine.septum_points[1] = cine.septum_points[0]
    with pytest.raises(InputError, match="septum_points enclose no septum"):
        working_slices(cine)
