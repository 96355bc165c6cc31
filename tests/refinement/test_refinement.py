"""Refinement at inference: better images, no folds, and nothing where nothing is asked for."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.refinement import objective as objective_module
from myomotion.refinement.field import Refinement, control_weights
from myomotion.refinement.objective import (
    FrameTerms,
    Objective,
    Weights,
    bending_energy,
    temporal_roughness,
)
from myomotion.transforms.load_cine import LoadCine
from myomotion.transforms.refine_motion import RefineMotion, load_refinement
from tests.support.studies import write_study

INTEGRATOR = FieldIntegrator()


@pytest.fixture
def item(tmp_path: Path) -> dict:
    """A study of two slices and four frames on a working grid of 64 voxels, and a zero field."""
    write_study(tmp_path / "small")
    paths = {
        "image": str(tmp_path / "small" / "sa.nii.gz"),
        "label_ed": str(tmp_path / "small" / "label_sa_ED.nii.gz"),
    }
    loaded = LoadCine(size=64, spacing=2.0)(paths)
    return {**loaded, "pred": torch.zeros(2, 4, 2, 64, 64)}


@pytest.fixture
def regulariser(vae_weights: Path) -> Plausibility:
    return Plausibility(load_state(GradientVAE(), vae_weights), spacing=2.0)


def one_slice(item: dict) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    return item["image"][:1], item["pred"][:1], item["mask"][:1]


def image_error(item: dict, output: torch.Tensor) -> float:
    images = item["image"][0]
    warped = warp(images[:, None], INTEGRATOR(output))[:, 0]
    return float(((warped - images[:1]) ** 2).mean())


def refined(item: dict, **settings: object) -> torch.Tensor:
    settings = {"integrator": INTEGRATOR, "spacing": 2.0, **settings}
    return Refinement(**settings)(*one_slice(item))[0]


def test_zero_steps_return_the_output_itself(item: dict) -> None:
    images, _, mask = one_slice(item)
    output = torch.randn(1, 4, 2, 64, 64)
    assert Refinement(integrator=INTEGRATOR, steps=0)(images, output, mask) is output
    assert RefineMotion(None)(item)["pred"] is item["pred"]


def test_zero_steps_need_no_autoencoder(tmp_path: Path) -> None:
    missing = tmp_path / "missing.pt"
    assert load_refinement(0, 0.002, 0.001, missing, INTEGRATOR) is None
    assert load_refinement(1, 0.0, 0.001, missing, INTEGRATOR) is not None
    with pytest.raises(InputError, match=r"missing\.pt: no such weights file"):
        load_refinement(1, 0.002, 0.001, missing, INTEGRATOR)
    with pytest.raises(InputError, match="refine_alpha: -1 is negative"):
        load_refinement(1, -1, 0.001, missing, INTEGRATOR)


@pytest.mark.slow
def test_shrinking_ring_is_followed_from_rest_without_folds(
    item: dict, regulariser: Plausibility
) -> None:
    output = refined(item, regulariser=regulariser)
    assert image_error(item, output) < 0.4 * image_error(item, item["pred"][0])
    gradient = displacement_gradient(2.0 * INTEGRATOR(output), 2.0)
    assert jacobian_determinant(gradient).min() > 0
    assert output[0].abs().max() == 0


def test_ring_moves_inwards(item: dict) -> None:
    displacement = INTEGRATOR(refined(item))[2]
    offset = torch.stack(torch.meshgrid(*[torch.arange(64) - 31.5] * 2, indexing="ij"))
    radial = (displacement * offset / offset.norm(dim=0)).sum(0)
    wall = item["mask"][0, 0] > 0.5
    assert -1.25 < radial[wall].mean() < -0.3  # the endocardium moves by 2.5 mm or 1.25 voxels


def test_result_is_never_worse_than_the_start(item: dict) -> None:
    torch.manual_seed(0)
    item["pred"][:, 1:] = torch.randn(2, 3, 2, 64, 64)
    before = image_error(item, item["pred"][0])
    after = refined(item, steps=3, temporal=0.0)
    assert image_error(item, after) <= before
    item["image"] = item["image"][:, :1].expand(-1, 4, -1, -1)
    item["pred"] = torch.zeros(2, 4, 2, 64, 64)
    assert refined(item, steps=3).abs().max() == 0


@pytest.mark.slow
def test_weight_of_the_regulariser_lowers_its_value(item: dict, regulariser: Plausibility) -> None:
    mask = (item["mask"][0] > 0.5).float().expand(3, 1, -1, -1)
    scores = []
    for alpha in (0.0, 0.02):
        output = refined(item, regulariser=regulariser, alpha=alpha)
        scores.append(float(regulariser(2.0 * INTEGRATOR(output)[1:], mask).mean()))
    assert scores[1] < 0.8 * scores[0]


def beating(frames: list[float]) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """A disc at these shares of its largest contraction, a zero output, and no wall."""
    axis = torch.arange(64.0) - 31.5
    radius = torch.hypot(axis[:, None], axis[None])
    edge = 16 - 3 * torch.tensor(frames)
    images = torch.sigmoid(edge[:, None, None] - radius)
    return images[None], torch.zeros(1, len(frames), 2, 64, 64), torch.zeros(1, 1, 64, 64)


def test_weight_of_time_smooths_the_motion_over_time() -> None:
    rough, smooth = (
        temporal_roughness(
            INTEGRATOR(refine(*beating([0, 0.9, 0.1, 1, 0.3, 0.1]))[0])[None, 1:], [True]
        )
        for refine in (Refinement(integrator=INTEGRATOR, temporal=w) for w in (0.0, 0.1))
    )
    assert smooth < 0.7 * rough


def test_pair_of_frames_moves_as_far_as_the_same_frame_of_the_cine() -> None:
    refine = Refinement(integrator=INTEGRATOR)
    whole = refine(*beating([0, 0.3, 0.6, 0.9, 1, 0.9, 0.6, 0.3, 0.1]))[0]
    pair = refine(*beating([0, 1]))[0]
    axis = torch.arange(64.0) - 31.5
    radius = torch.hypot(axis[:, None], axis[None])
    rim = (radius > 12) & (radius < 18)
    moved, expected = (v.norm(dim=0)[rim] for v in (pair[1], whole[4]))
    assert moved.mean() == pytest.approx(float(expected.mean()), rel=0.1)


def test_roughness_joins_the_ends_of_a_cycle_only_where_it_closes() -> None:
    steady = torch.arange(1.0, 8)[None, :, None, None, None].expand(2, -1, 2, 4, 4)
    open_ended, closed = temporal_roughness(steady, periodic=[False, True])
    assert open_ended == 0
    assert closed > 0


def test_bending_smooths_the_motion_in_space(item: dict) -> None:
    rough, smooth = (
        bending_energy(INTEGRATOR(refined(item, bending=weight))).mean() for weight in (0.0, 10.0)
    )
    assert smooth < 0.7 * rough


def test_roughness_of_a_cycle_counts_the_way_back_to_the_reference() -> None:
    times = torch.arange(1, 8)
    steady = (1 - torch.cos(2 * torch.pi * times / 8))[None, :, None, None, None]
    steady = steady.expand(1, 7, 2, 3, 3)
    # The second difference of cos(w t) is 2 (cos w - 1) cos(w t), and cos^2 is 1 / 2 in the mean.
    expected = (2 * (np.cos(2 * np.pi / 8) - 1)) ** 2 / 2
    assert temporal_roughness(steady, [True]).item() == pytest.approx(expected, rel=1e-5)
    assert temporal_roughness(torch.ones(1, 7, 2, 3, 3), [True]).item() == pytest.approx(6 / 8)


def test_bending_energy_of_a_parabola_and_of_a_straight_motion() -> None:
    axis = torch.arange(12.0)
    field = torch.stack([axis[:, None].expand(12, 12) ** 2, 3 * axis[None].expand(12, 12)])[None]
    # One of two components has the second derivative 2 along one of the four pairs of axes.
    assert bending_energy(field).item() == pytest.approx(2**2 / 4 / 2)


def test_finest_wave_costs_bending() -> None:
    wave = (-1.0) ** torch.arange(16)
    assert bending_energy((wave[:, None] * wave[None]).expand(1, 2, 16, 16)) > 8


def test_prior_between_its_evaluations_is_continued_by_its_gradient_and_from_above(
    item: dict, regulariser: Plausibility
) -> None:
    frames, _, mask = one_slice(item)
    torch.manual_seed(0)
    motion = torch.nn.functional.avg_pool2d(torch.randn(3, 2, 64, 64), 9, 1, 4)[None] * 4
    step = 0.02 * motion
    weights = Weights(regulariser=regulariser, alpha=1.0, spacing=2.0)
    every, seldom = (
        Objective(weights, frames, (mask > 0.5).float(), [False], lasting)
        for lasting in (False, True)
    )
    first = [float(objective(motion)) for objective in (every, seldom)]
    then = [float(objective(motion + step)) for objective in (every, seldom)]
    assert first[0] == first[1]
    change = then[0] - first[0]
    assert abs(then[1] - first[1] - change) < 0.3 * abs(change)
    far = [float(objective(motion + 20 * step)) for objective in (every, seldom)]
    assert far[1] > 0.8 * far[0]  # by the gradient alone it would have no bottom
    seldom.all.renew()
    assert float(seldom(motion + 20 * step)) == far[0]


def test_slices_are_refined_each_for_itself(item: dict, regulariser: Plausibility) -> None:
    refine = Refinement(integrator=INTEGRATOR, spacing=2.0, regulariser=regulariser, steps=5)
    both = refine(item["image"], item["pred"], item["mask"])
    alone = refine(item["image"][1:], item["pred"][1:], item["mask"][1:])
    assert torch.allclose(both[1:], alone, atol=1e-4)


def test_without_a_mask_it_runs_and_says_so(
    item: dict, regulariser: Plausibility, caplog: pytest.LogCaptureFixture
) -> None:
    item["mask"] = torch.zeros_like(item["mask"])
    refine = Refinement(integrator=INTEGRATOR, spacing=2.0, regulariser=regulariser, steps=2)
    with caplog.at_level(logging.INFO):
        output = RefineMotion(refine)(item)["pred"]
    said = [record for record in caplog.records if "without the regulariser" in record.message]
    assert len(said) == 1 and "no myocardium in 2 slice(s)" in said[0].message
    caplog.clear()
    with caplog.at_level(logging.INFO):  # as the repeats of the intervals do
        again = RefineMotion(refine).refined(item["image"], item["pred"], item["mask"])
    assert torch.equal(again, output) and not caplog.records
    plain = Refinement(integrator=INTEGRATOR, spacing=2.0, steps=2)
    assert torch.equal(output, RefineMotion(plain)(item)["pred"])


def test_slices_of_few_frames_are_refined_together_and_as_each_alone(
    item: dict, regulariser: Plausibility, monkeypatch: pytest.MonkeyPatch
) -> None:
    refine = Refinement(integrator=INTEGRATOR, spacing=2.0, regulariser=regulariser, steps=5)
    sizes: list[int] = []

    class Counted(Refinement):
        def __call__(self, images: torch.Tensor, *others: Any) -> torch.Tensor:
            sizes.append(len(images))
            return super().__call__(images, *others)

    monkeypatch.setattr(refine, "__class__", Counted)
    pair = {"mask": item["mask"], "image": item["image"][:, :2], "pred": item["pred"][:, :2]}
    together = RefineMotion(refine)(pair)["pred"]
    assert sizes == [2]
    alone = [RefineMotion(refine)({k: v[[z]] for k, v in pair.items()})["pred"] for z in (0, 1)]
    assert torch.allclose(together, torch.cat(alone), atol=1e-4)


def test_same_input_gives_the_same_output(item: dict, regulariser: Plausibility) -> None:
    first, second = (refined(item, regulariser=regulariser, steps=10) for _ in range(2))
    assert torch.equal(first, second)


def test_transform_refines_every_slice_under_no_grad(item: dict, vae_weights: Path) -> None:
    refinement = load_refinement(5, 0.002, 0.001, vae_weights, INTEGRATOR, spacing=2.0)
    with torch.no_grad():
        pred = RefineMotion(refinement)(item)["pred"]
    assert pred.shape == item["pred"].shape
    assert not pred.requires_grad
    assert refinement is not None
    torch.testing.assert_close(pred[:1], refinement(*one_slice(item)), atol=1e-4, rtol=0)
    assert pred[1, 1:].abs().max() > 0


def test_what_is_not_finite_or_does_not_fit_is_refused(item: dict) -> None:
    images, output, mask = one_slice(item)
    refinement = Refinement(integrator=INTEGRATOR, steps=3)
    without_end = Refinement(integrator=INTEGRATOR, steps=3, bending=float("inf"))
    with pytest.raises(InputError, match=r"the sum that is lowered is nan\. Lower its weights"):
        without_end(images, output, mask)
    with pytest.raises(InputError, match="values of images are NaN"):
        refinement(torch.where(images == images.max(), torch.nan, images), output, mask)
    with pytest.raises(InputError, match="expected images"):
        refinement(images[:, :3], output, mask)


def test_control_points_reproduce_a_constant_on_any_grid() -> None:
    for size in (96, 61, 5):
        weights = control_weights(size, 4, torch.zeros(1, dtype=torch.float64))
        assert weights.shape == (size, -(-size // 4))
        assert torch.allclose(weights.sum(1), torch.ones(size, dtype=torch.float64))


def test_prior_in_bfloat16_is_that_in_single_precision_within_its_digits(
    regulariser: Plausibility, monkeypatch: pytest.MonkeyPatch
) -> None:
    torch.manual_seed(0)
    motion = torch.nn.functional.interpolate(torch.randn(6, 2, 8, 8), size=(96, 96), mode="bicubic")
    wall = torch.zeros(6, 1, 96, 96)
    wall[:, :, 30:66, 30:66] = 1
    wall[:, :, 38:58, 38:58] = 0
    picture = torch.zeros(6, 1, 96, 96)
    found = []
    for half in (False, True):
        monkeypatch.setattr(objective_module, "has_bfloat16", lambda _, half=half: half)
        terms = FrameTerms(
            Weights(regulariser=regulariser, alpha=1.0),
            picture,
            picture,
            wall,
            False,
            (picture[:, :0], picture[:, :0]),
        )
        at = motion.clone().requires_grad_(True)
        value = terms(at)
        (slope,) = torch.autograd.grad(value.sum(), at)
        found.append((value.detach(), slope.flatten()))
    (value, slope), (half_value, half_slope) = found
    assert not torch.equal(value, half_value)  # it was computed otherwise
    assert torch.allclose(value, half_value, rtol=0.01)
    assert torch.cosine_similarity(slope, half_slope, dim=0) > 0.99
