"""Strain, inverse fields and quality control on motions that are known."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.measures.measure import AMBER, GREEN, LIGHTS, RED
from myomotion.analysis.measures.tracked import TrackedSlice, tracked_slices
from myomotion.analysis.motion import source_motion, tracked_labels
from myomotion.analysis.plausibility_table import read_table
from myomotion.analysis.quality import StudyQuality, assess
from myomotion.analysis.quality_control import QualityControl, load_quality_control
from myomotion.analysis.strain import strain_rows
from myomotion.analysis.study import analyse
from myomotion.core.flow import compose
from myomotion.core.integrator import FieldIntegrator
from myomotion.errors import InputError
from myomotion.files import file_sha256
from myomotion.io.cine import Cine
from myomotion.losses.plausibility import load_plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.transforms.displacement import OutputToDisplacementd
from tests.support.analytic import coordinates, ring_labels, write_cycles
from tests.support.ring_cine import RADIUS, WALL, beat, contraction, ring_cine
from tools.plausibility_table import make_table, write_plausibility_table


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
    item = OutputToDisplacementd(FieldIntegrator(field))({"pred": output})
    forward, inverse = item["displacement"][0] / 1.5, item["inverse"][0] / 1.5
    assert forward.norm(dim=1)[:, WALL].max() * 1.5 > 3
    both = compose(forward, inverse).norm(dim=1) * 1.5
    assert both[:, WALL].mean() < 0.05
    assert both[:, WALL].max() < 0.3


def test_tracked_labels_follow_the_wall_and_start_as_the_label() -> None:
    shares = beat()
    cine = ring_cine(shares)
    labels = tracked_labels(cine, source_motion(working_slices(cine), contraction(shares)))
    assert labels.dtype == np.uint8 and labels.shape == cine.image.shape
    assert np.array_equal(labels[..., 0], cine.label_ed)
    drop = 500 * shares[4] / np.pi
    expected = np.abs(RADIUS**2 + drop - (22**2 + 32**2) / 2) < (32**2 - 22**2) / 2
    tracked = labels[:, :, 0, 4] == 2
    assert 2 * (tracked & expected).sum() / (tracked.sum() + expected.sum()) > 0.95


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
