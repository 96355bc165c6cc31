"""Refinement in the autoencoder's manifold: gradients become motion, and codes move the heart."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch

from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.core.kinematics import (
    displacement_gradient,
    mean_rotation,
    remove_mean_rotation,
    rotate_deformation,
)
from myomotion.errors import InputError
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.refinement.latent import (
    GradientIntegration,
    LatentMotion,
    LatentRefinement,
    output_of,
)
from myomotion.transforms.refine_motion import RefineMotion, load_refinement
from tests.support.analytic import ring_labels

SPACING = 1.5


@pytest.fixture(scope="module")
def wall() -> torch.Tensor:
    return torch.from_numpy(ring_labels() == 2).float()[None, None]


@pytest.fixture
def regulariser(vae_weights: Path) -> Plausibility:
    return Plausibility(load_state(GradientVAE(), vae_weights), spacing=SPACING)


def smooth_motion(frames: int = 2) -> torch.Tensor:
    """Smooth displacement ``(B, 2, 96, 96)`` in millimetres, still at the border."""
    torch.manual_seed(0)
    coarse = torch.randn(frames, 2, 6, 6) * 3
    field = torch.nn.functional.interpolate(coarse, size=(96, 96), mode="bicubic")
    window = torch.zeros(1, 1, 96, 96)
    window[..., 12:-12, 12:-12] = 1
    return field * torch.nn.functional.avg_pool2d(window, 9, 1, 4)


def mean_over(values: torch.Tensor, wall: torch.Tensor) -> torch.Tensor:
    return (values * wall).sum((2, 3)) / wall.sum()


def test_gradient_of_a_motion_integrates_to_that_motion(wall: torch.Tensor) -> None:
    motion = smooth_motion()
    gradient = displacement_gradient(motion, SPACING)
    found = GradientIntegration(wall, SPACING)(gradient, mean_over(motion, wall))
    error = mean_over((found - motion).norm(dim=1, keepdim=True), wall)
    assert error.max() < 0.1  # millimetres; the motion is about 3
    assert mean_over(motion.norm(dim=1, keepdim=True), wall).min() > 2


def test_mean_displacement_is_met_exactly_and_the_border_stays(wall: torch.Tensor) -> None:
    gradient = 0.1 * torch.randn(1, 4, 96, 96)
    mean = torch.tensor([[2.0, -3.0]])
    found = GradientIntegration(wall, SPACING)(gradient, mean)
    assert torch.allclose(mean_over(found, wall), mean, atol=1e-3)
    assert found[..., 0, :].abs().max() < 1e-6


def test_rotation_taken_out_and_put_back_changes_nothing(wall: torch.Tensor) -> None:
    gradient = displacement_gradient(smooth_motion(), SPACING)
    walls = wall.expand(2, -1, -1, -1)
    again = rotate_deformation(
        remove_mean_rotation(gradient, walls), *mean_rotation(gradient, walls)
    )
    assert torch.allclose(again, gradient, atol=1e-5)


def test_decoded_motion_is_nearly_a_fixed_point_of_encoding(
    wall: torch.Tensor, regulariser: Plausibility
) -> None:
    motion = LatentMotion(regulariser, wall, SPACING)
    with torch.no_grad():
        first = motion(*motion.encode(smooth_motion(1)))
        second = motion(*motion.encode(first))
    change = mean_over((second - first).norm(dim=1, keepdim=True), wall)
    assert change < 0.5 * mean_over((first - smooth_motion(1)).norm(dim=1, keepdim=True), wall)


def test_velocity_of_a_motion_gives_that_motion() -> None:
    motion = smooth_motion() / SPACING
    integrator = FieldIntegrator()
    assert (integrator(output_of(motion, integrator)) - motion).abs().mean() < 0.01


def cine(wall: torch.Tensor, regulariser: Plausibility) -> tuple[torch.Tensor, torch.Tensor]:
    """Frames ``(3, 96, 96)`` of a ring moved by motions that the autoencoder decodes."""
    motion = LatentMotion(regulariser, wall, SPACING)
    torch.manual_seed(1)
    code = torch.randn(2, regulariser.vae.latent)
    with torch.no_grad():
        fields = motion(code, torch.tensor([0.05, 0.0]), torch.tensor([[1.5, 0.0], [0.0, 1.5]]))
    blurred = torch.nn.functional.avg_pool2d(wall, 5, 1, 2)
    # Pulling the moving frame back by u gives the reference, so it is moved by the inverse.
    inverse = FieldIntegrator()(output_of(fields / SPACING, FieldIntegrator()), inverse=True)
    return torch.cat([blurred, warp(blurred.expand(2, -1, -1, -1), inverse)])[:, 0], fields


@pytest.mark.slow
def test_a_motion_of_the_manifold_is_found_from_rest(
    wall: torch.Tensor, regulariser: Plausibility
) -> None:
    frames, _ = cine(wall, regulariser)
    refine = LatentRefinement(
        integrator=FieldIntegrator(), regulariser=regulariser, steps=40, temporal=0.0
    )
    output = refine(frames[None], torch.zeros(1, 3, 2, 96, 96), wall)[0]
    warped = warp(frames[1:, None], FieldIntegrator()(output[1:]))[:, 0]
    before = ((frames[1:] - frames[0]) ** 2).mean()
    assert ((warped - frames[0]) ** 2).mean() < 0.3 * before
    assert output[0].abs().max() == 0
    assert torch.isfinite(output).all()


def test_slice_without_myocardium_keeps_its_motion(
    regulariser: Plausibility, caplog: pytest.LogCaptureFixture
) -> None:
    refine = LatentRefinement(integrator=FieldIntegrator(), regulariser=regulariser, steps=3)
    output = torch.randn(1, 3, 2, 96, 96)
    item = {"image": torch.rand(1, 3, 96, 96), "pred": output, "mask": torch.zeros(1, 1, 96, 96)}
    with caplog.at_level(logging.WARNING):
        same = RefineMotion(refine)(item)["pred"]
    assert torch.equal(same, output)
    assert "1 slice(s): they keep the network's motion" in caplog.text


def test_unknown_mode_is_refused(vae_weights: Path) -> None:
    with pytest.raises(InputError, match="refine_mode: 'manifold' is unknown"):
        load_refinement(5, 0.0, 0.0, vae_weights, FieldIntegrator(), mode="manifold")
    latent = load_refinement(5, 0.0, 0.0, vae_weights, FieldIntegrator(), mode="latent")
    assert isinstance(latent, LatentRefinement)
