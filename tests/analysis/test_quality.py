"""Strain, inverse fields and quality control on motions that are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import Slices, working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN, LIGHTS, RED
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion
from myomotion.analysis.plausibility_table import read_table
from myomotion.analysis.quality import NO_CAVITY, StudyQuality, assess
from myomotion.analysis.quality_control import QualityControl, load_quality_control
from myomotion.analysis.study import analyse
from myomotion.analysis.tables.strain import strain_rows
from myomotion.core.flow import compose
from myomotion.core.integrator import FieldIntegrator
from myomotion.errors import InputError
from myomotion.files.paths import file_sha256
from myomotion.io.cine import Cine
from myomotion.io.slabs import slabs_of
from myomotion.losses.plausibility import load_plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.report.page import slice_names
from myomotion.transforms.displacement import OutputToDisplacement
from tests.support.analytic import coordinates, ring_labels, write_cycles
from tests.support.cines.ring import RADIUS, WALL, beat, contraction, ring_cine
from tools.training.plausibility_table import make_table, write_plausibility_table


def tracked(
    cine: Cine, field: torch.Tensor, control: QualityControl | None = None
) -> list[TrackedSlice]:
    return tracked_slices(source_motion(working_slices(cine), field), control)


def judge(cine: Cine, field: torch.Tensor, control: QualityControl | None = None) -> StudyQuality:
    return assess(tracked(cine, field, control))


def test_strain_of_an_analytic_contraction_is_within_half_a_point() -> None:
    shares = beat()
    cine = ring_cine(shares)
    slices = tracked(cine, contraction(shares))
    rows = strain_rows(slices)
    for frame in (2, 4):
        now = RADIUS[WALL] ** 2 - 500 * shares[frame] / np.pi
        ecc = 50 * float((now / RADIUS[WALL] ** 2 - 1).mean())
        err = 50 * float((RADIUS[WALL] ** 2 / now - 1).mean())
        assert ecc < -7
        mine = [r for r in rows if r["frame"] == frame]
        assert [r["segment"] for r in mine] == [0, 7, 8, 9, 10, 11, 12]
        for row in mine:  # all segments of a ring are alike
            assert row["ecc_percent"] == pytest.approx(ecc, abs=0.5)
            assert row["err_percent"] == pytest.approx(err, abs=0.5)
            assert row["mean_j"] == pytest.approx(1, abs=0.005)
        ratio = 1 - 500 * shares[frame] / (np.pi * 22**2)
        assert mine[0]["area_ratio"] == pytest.approx(ratio, abs=0.02)
    assert slices[0].motion.es_frame == 4


@pytest.mark.parametrize("field", ["velocity", "displacement"])
def test_forward_and_inverse_compose_to_identity_in_the_wall(field: str) -> None:
    output = contraction(beat()) / 1.5
    item = OutputToDisplacement(FieldIntegrator(field))({"pred": output})
    forward, inverse = item["displacement"][0] / 1.5, item["inverse"][0] / 1.5
    assert forward.norm(dim=1)[:, WALL].max() * 1.5 > 3
    both = compose(forward, inverse).norm(dim=1) * 1.5
    assert both[:, WALL].mean() < 0.05
    assert both[:, WALL].max() < 0.3


def test_true_motion_is_green() -> None:
    shares = beat()
    judged = judge(ring_cine(shares), contraction(shares))
    assert judged.slices[0].light == GREEN and judged.slices[0].reasons == []
    assert {row["light"] for row in judged.frames} == {"green"}
    assert max(row["image_residual"] for row in judged.frames) < 0.05
    assert judged.frames[4]["image_residual_untracked"] > 0.15


def test_folded_motion_is_red_and_left_out_of_the_means() -> None:
    shares = beat()
    field = contraction(shares)
    stripes = torch.from_numpy(np.sin(np.arange(96) * 1.6)).float() * 3
    field[:, 1:, 0] += stripes[:, None]
    cine = ring_cine(shares)
    study = analyse(working_slices(cine), field)
    judged, summary = study.quality, study.summary
    assert judged.slices[0].light == RED
    assert any("folds: J <= 0 in" in reason for reason in judged.slices[0].reasons)
    assert summary["light"] == "red" and summary["mean_of_slices_at_end_systole"] is None
    assert summary["segments_at_end_systole"] == {}
    assert any("Slice 0 (mid) failed quality control" in text for text in summary["warnings"])


def test_motion_that_does_not_come_back_with_the_pictures_is_a_drift() -> None:
    cine = ring_cine(beat())
    for left, light in ((0.2, GREEN), (0.5, AMBER), (0.95, RED)):
        judged = judge(cine, contraction(beat(left))).slices[0]
        assert judged.values["drift"] == pytest.approx(left, abs=0.06)
        drifts = [reason for reason in judged.reasons if "drift" in reason]
        assert [reason.split(":")[0] for reason in drifts] == [LIGHTS[light]] * (light != GREEN)


def test_cine_that_ends_in_diastole_has_no_drift() -> None:
    shares = beat(0.95)
    judged = judge(ring_cine(shares), contraction(shares)).slices[0]
    assert judged.values["drift"] is None and judged.light == GREEN


def test_pair_of_frames_is_green_where_it_is_tracked_rightly() -> None:
    shares = beat()[[0, 4]]
    study = analyse(working_slices(ring_cine(shares)), contraction(shares))
    assert study.summary["light"] == "green"
    assert study.summary["mean_of_slices_at_end_systole"]["slices"] == 1


def test_cavity_that_grows_past_its_reference_says_that_ed_frame_may_be_wrong() -> None:
    place = torch.from_numpy(coordinates(96, 1.5)).float()
    for growth, light in ((1.0, GREEN), (1.1, AMBER), (1.25, RED)):
        field = contraction(beat())
        field[:, [1, -1]] = (growth**0.5 - 1) * place
        judged = judge(ring_cine(beat()), field)
        grown = [reason for reason in judged.reasons if "ed_frame may be wrong" in reason]
        assert [reason.split(":")[0] for reason in grown] == [LIGHTS[light]] * (light != GREEN)
        assert judged.light == light


def test_small_apex_that_bulges_while_the_base_contracts_says_nothing_of_ed_frame() -> None:
    small = ring_labels(inner=6.0, outer=16.0)
    slices, field = two_slices(small)
    place = torch.from_numpy(coordinates(96, 1.5)).float()
    field = field.clone()
    field[1, 1:-1] = 0.15 * place
    judged = assess(tracked_slices(source_motion(slices, field)))
    assert max(row["cavity_area_ratio"] for row in judged.frames if row["slice"] == 1) > 1.25
    assert judged.values["largest_cavity_ratio"] == pytest.approx(1, abs=0.01)
    assert not any("ed_frame" in r for s in (judged, *judged.slices) for r in s.reasons)


@pytest.mark.parametrize(
    ("frame", "light"), [(4, GREEN), (3, GREEN), (2, AMBER), (7, RED), (0, RED)]
)
def test_frame_in_diastole_given_as_end_systole_is_said(frame: int, light: int) -> None:
    cine = ring_cine(beat())
    cine.es_frame = frame
    judged = judge(cine, contraction(beat()))
    said = [reason for reason in judged.reasons if "es_frame may be wrong" in reason]
    assert [reason.split(":")[0] for reason in said] == [LIGHTS[light]] * (light != GREEN)


@pytest.mark.parametrize(("share", "light"), [(1.0, GREEN), (0.12, AMBER), (0.0, RED)])
def test_what_tracking_leaves_of_the_difference_between_frames_is_judged(
    share: float, light: int
) -> None:
    judged = judge(ring_cine(beat()), share * contraction(beat())).slices[0]
    said = [reason for reason in judged.reasons if "of the largest difference" in reason]
    assert [reason.split(":")[0] for reason in said] == [LIGHTS[light]] * (light != GREEN)


def two_slices(second: np.ndarray) -> tuple[Slices, torch.Tensor]:
    """The drawn ring twice, the second slice with another label; it is tracked rightly."""
    shares = beat()
    cine = ring_cine(shares)
    assert cine.label_ed is not None
    cine.image = np.repeat(cine.image, 2, axis=2)
    cine.label_ed = np.stack([cine.label_ed[..., 0], second], axis=2)
    cine.levels = ["basal", "mid"]
    cine.slabs = slabs_of(cine.affine, 2)
    return working_slices(cine), contraction(shares).repeat(2, 1, 1, 1, 1)


def test_unlabelled_slice_does_not_count_for_the_light_of_a_labelled_study() -> None:
    slices, field = two_slices(np.zeros((96, 96), np.uint8))
    study = analyse(slices, torch.cat([field[:1], -2 * field[1:]]))
    assert [s["light"] for s in study.summary["slices"]] == ["green", "red"]
    assert study.summary["light"] == "green"
    assert [s["measured"] for s in study.summary["slices"]] == [True, False]
    assert any("not part of the study's light: [1]" in w for w in study.summary["warnings"])
    unlabelled = ring_cine(beat())
    unlabelled.label_ed = None
    alone = judge(unlabelled, -2 * contraction(beat()))
    assert alone.light == RED


@pytest.mark.parametrize(
    ("names", "shown", "said"),
    [
        (["mid", "apical"], ["0 mid", "1 apical"], None),
        (["slice00", "slice01"], ["0 (basal)", "1 (mid)"], None),
        (["mid", "slice01"], ["0 (basal)", "1 (mid)"], "(slice 1 has no name)"),
        (["outflow tract", "apical"], ["0 (basal)", "1 (mid)"], "(slice 0 has 'outflow tract')"),
    ],
)
def test_names_of_slices_that_do_not_decide_on_segments_are_said_and_not_shown(
    names: list[str], shown: list[str], said: str | None
) -> None:
    slices, field = two_slices(ring_labels())
    slices.cine.levels = names
    study = analyse(slices, field)
    found = [text for text in study.summary["warnings"] if "go by thirds" in text]
    assert len(found) == (said is not None) and all(said in text for text in found if said)
    assert slice_names(slices.cine, study.regions) == shown
    assert [entry["level"] for entry in study.summary["slices"]] == names


def test_wall_without_a_cavity_has_no_strain_and_says_so() -> None:
    disc = np.where(RADIUS < 12, 2, 0).astype(np.uint8)
    study = analyse(*two_slices(disc))
    assert {row["slice"] for row in study.rows} == {0}
    assert study.quality.slices[1].light == AMBER and study.summary["light"] == "green"
    assert study.quality.slices[1].reasons == [f"amber: {NO_CAVITY}"]
    assert any("no cavity inside it" in text for text in study.summary["warnings"])


def test_label_of_the_cavity_alone_gives_its_area_and_no_strain() -> None:
    shares = beat()
    cine = ring_cine(shares)
    cine.label_ed = (cine.label_ed == 1).astype(np.uint8)
    study = analyse(working_slices(cine), contraction(shares))
    expected = 500 * shares[4] / (np.pi * 22**2)
    assert study.rows == []
    assert study.summary["slices"][0]["ejection_area_fraction"] == pytest.approx(expected, abs=0.02)
    assert any("area of a labelled cavity is tracked" in w for w in study.summary["warnings"])


def test_ejected_area_is_that_of_the_end_systolic_frame_and_the_same_everywhere() -> None:
    shares = beat()
    cine = ring_cine(shares)
    cine.es_frame = 2  # not the frame of the smallest cavity
    study = analyse(working_slices(cine), contraction(shares))
    expected = pytest.approx(500 * shares[2] / (np.pi * 22**2), abs=0.02)
    assert study.summary["slices"][0]["ejection_area_fraction"] == expected
    assert study.summary["mean_of_slices_at_end_systole"]["ejection_area_fraction"] == expected
    whole = next(r for r in study.rows if r["segment"] == 0 and r["frame"] == 2)
    assert 1 - whole["area_ratio"] == expected


def test_motion_that_makes_the_images_differ_more_is_red() -> None:
    shares = beat()
    judged = judge(ring_cine(shares), contraction(shares[::-1] * 0.9 + 0.3 * (shares > 0)) * -0.8)
    assert judged.slices[0].light == RED
    assert any("differ" in reason for reason in judged.slices[0].reasons)


def test_area_change_is_compared_with_the_labels() -> None:
    shares = beat()
    cine = ring_cine(shares)
    cine.es_frame = 4
    cine.label_es = ring_labels(inner=18, outer=33)[..., None]
    slice_ = judge(cine, contraction(shares)).slices[0]
    expected = (33**2 - 18**2) / (32**2 - 22**2) - 1
    assert slice_.values["area_change_error"] == pytest.approx(expected, abs=0.03)
    assert slice_.light == RED
    assert "area change of the wall at end-systole is off by" in slice_.reasons[0]
    assert slice_.values["cavity_change_error"] == pytest.approx(
        abs(18**2 / 22**2 - (1 - 500 / np.pi / 22**2)), abs=0.03
    )


@pytest.mark.parametrize("left", [0.12, 1.2])
def test_cavity_that_closes_by_the_label_must_not_stay(left: float) -> None:
    cine = ring_cine(beat())
    cine.es_frame = 4
    cine.label_es = (2 * (ring_labels(inner=4, outer=20) > 0))[..., None].astype(np.uint8)
    shares = torch.from_numpy(beat()).float()[:, None, None, None]
    tracked = (shares * (left**0.5 - 1) * torch.from_numpy(coordinates(96, 1.5)).float())[None]
    quality = judge(cine, tracked).slices[0]
    assert quality.values["cavity_change_error"] == pytest.approx(left - 0.1, abs=0.01)
    assert any("area change of the cavity" in reason for reason in quality.reasons) == (left > 1)
    cine.label_es[:] = 0
    assert judge(cine, tracked).slices[0].values["cavity_change_error"] is None


def test_without_labels_the_images_are_still_judged() -> None:
    shares = beat()
    cine = ring_cine(shares)
    cine.label_ed = None
    study = analyse(working_slices(cine), contraction(shares))
    assert study.quality.slices[0].light == GREEN
    assert study.rows == []
    warnings = study.summary["warnings"]
    assert any("no end-diastolic myocardium label was given" in text for text in warnings)


@pytest.mark.slow
def test_table_from_cycles_scores_them_in_its_middle_and_belongs_to_its_weights(
    vae_weights: Path, tmp_path: Path
) -> None:
    cycles = write_cycles(tmp_path / "cycles", per_section=6, frames=12)
    path = tmp_path / "plausibility.json"
    write_plausibility_table(cycles, vae_weights, path, ["validation", "test"])
    table = read_table(path)
    assert table.weights_sha256 == file_sha256(vae_weights)
    control = load_quality_control(vae_weights, path)
    assert control.warnings == []
    shares = beat()
    cine = ring_cine(shares, 400)
    judged = judge(cine, contraction(shares, 400), control)
    assert 5 < judged.frames[4]["r_vae_percentile"] < 100
    assert judged.frames[4]["r_vae_ratio"] < 2
    assert judged.slices[0].light == GREEN
    # A motion that no heart makes has a far larger R_VAE.
    field = contraction(shares, 400)
    field[:, 1:] += 1.5 * torch.from_numpy(np.sin(coordinates(96, 1.5) * 0.8)).float()
    worse = judge(cine, field, control).frames[4]
    assert worse["r_vae_percentile"] == 100
    assert worse["r_vae"] > 3 * judged.frames[4]["r_vae"]


def test_what_quality_control_lacks_is_said(vae_weights: Path, tmp_path: Path) -> None:
    assert "no autoencoder weights at" in load_quality_control(tmp_path / "no.pt", None).warnings[0]
    assert "no table at" in load_quality_control(vae_weights, tmp_path / "no.json").warnings[0]
    table = make_table(np.linspace(0, 1, 200), np.full(200, 0.1), "of other weights")
    path = tmp_path / "table.json"
    path.write_text(json.dumps(table))
    control = load_quality_control(vae_weights, path)
    assert control.table is None and "was made with other" in control.warnings[0]
    path.write_text("{}")
    with pytest.raises(InputError, match=r"table.json: not a plausibility table"):
        load_quality_control(vae_weights, path)


def test_loading_weights_gives_the_autoencoder(vae_weights: Path) -> None:
    assert isinstance(load_plausibility(vae_weights).vae, GradientVAE)
