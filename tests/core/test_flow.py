"""Sampling, warping, composing, integrating and inverting fields."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from monai.networks.blocks import DVF2DDF
from scipy.ndimage import map_coordinates

from myomotion.core.flow import border_window, compose, exponentiate, invert, sample, warp
from tests.support.analytic import as_batch, ring_contraction


@pytest.mark.parametrize("size", [(96, 96), (37, 50), (64, 128)])
def test_identity_field_returns_the_image_bit_for_bit(size: tuple[int, int]) -> None:
    image = torch.rand(2, 3, *size)
    assert torch.equal(warp(image, torch.zeros(2, 2, *size)), image)


def test_whole_voxel_shift_moves_the_image_exactly() -> None:
    image = torch.rand(1, 1, 20, 30)
    field = torch.zeros(1, 2, 20, 30)
    field[:, 0], field[:, 1] = 3, -2
    assert torch.equal(warp(image, field)[..., :17, 2:], image[..., 3:, :28])


def test_sampling_agrees_with_scipy_between_voxels() -> None:
    image = torch.rand(1, 1, 40, 50, dtype=torch.float64)
    at = torch.rand(1, 2, 25, 25, dtype=torch.float64) * torch.tensor([39.0, 49.0])[:, None, None]
    expected = map_coordinates(image[0, 0].numpy(), at[0].numpy(), order=1)
    assert np.abs(sample(image, at)[0, 0].numpy() - expected).max() < 1e-12


def test_composition_of_shifts_adds_them() -> None:
    a, b = torch.full((1, 2, 32, 32), 1.5), torch.full((1, 2, 32, 32), -0.25)
    assert torch.allclose(compose(a, b), torch.full_like(a, 1.25))


def test_exponential_agrees_with_monai() -> None:
    torch.manual_seed(0)
    velocity = torch.nn.functional.interpolate(
        torch.randn(1, 2, 6, 6) * 4, size=(64, 64), mode="bicubic"
    )
    velocity = velocity * border_window([64, 64], 16, velocity)
    ours = exponentiate(velocity, 7)
    theirs = DVF2DDF(num_steps=7, mode="bilinear", padding_mode="border")(velocity)
    assert (ours - theirs).abs().max() < 1e-3


def test_exponential_of_the_negative_velocity_is_the_inverse() -> None:
    torch.manual_seed(1)
    velocity = torch.nn.functional.interpolate(
        torch.randn(1, 2, 6, 6, dtype=torch.float64) * 4, size=(96, 96), mode="bicubic"
    )
    velocity = velocity * border_window([96, 96], 16, velocity)
    there_and_back = compose(exponentiate(velocity), exponentiate(-velocity))
    assert there_and_back.abs().mean() < 0.05 < exponentiate(velocity).abs().mean() / 20


def test_fixed_point_inverse_undoes_a_contraction() -> None:
    field = as_batch(ring_contraction()) / 1.5 * 0.5
    residual = compose(invert(field), field)
    assert residual[..., 16:-16, 16:-16].abs().max() < 0.02


def test_border_window_vanishes_at_the_border_and_is_one_inside() -> None:
    window = border_window([40, 50], 8, torch.zeros(()))
    assert window[..., 0, :].abs().max() == 0 and window[..., :, -1].abs().max() == 0
    assert torch.equal(window[..., 8:-8, 8:-8], torch.ones(1, 1, 24, 34))
