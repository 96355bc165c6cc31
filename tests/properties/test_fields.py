"""What holds of warping, gradients, inverses and grids whatever the field."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from myomotion.core.flow import border_window, compose, exponentiate, invert, warp
from myomotion.core.kinematics import displacement_gradient, jacobian_determinant
from myomotion.core.working_grid import WorkingGrid

SEEDS = st.integers(0, 2**31 - 1)
SIZES = st.tuples(st.integers(2, 70), st.integers(2, 70))


def picture(seed: int, size: tuple[int, int]) -> torch.Tensor:
    """Noise over seven orders of magnitude, so that no rounding passes unseen."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(1, 2, *size, generator=generator) * torch.tensor([1e-3, 1e4])[:, None, None]


def smooth_velocity(seed: int, largest: float, size: int = 64) -> torch.Tensor:
    """Velocity ``(1, 2, size, size)`` in voxels that changes over 16 voxels and rests outside."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, 2, 5, 5, dtype=torch.float64, generator=generator)
    velocity = torch.nn.functional.interpolate(coarse, size=(size, size), mode="bicubic")
    velocity = velocity * border_window([size, size], 12, velocity)
    return velocity * largest / velocity.norm(dim=1).max()


@pytest.mark.slow
@given(SEEDS, SIZES)
def test_identity_field_returns_any_image_bit_for_bit(seed: int, size: tuple[int, int]) -> None:
    image = picture(seed, size)
    assert torch.equal(warp(image, torch.zeros(1, 2, *size)), image)


@given(SEEDS, SIZES, st.tuples(st.integers(-20, 20), st.integers(-20, 20)))
def test_whole_voxel_shift_returns_the_shifted_image_bit_for_bit(
    seed: int, size: tuple[int, int], shift: tuple[int, int]
) -> None:
    image = picture(seed, size)
    field = torch.tensor(shift, dtype=torch.float32)[None, :, None, None].expand(1, 2, *size)
    rows, columns = (
        (torch.arange(n) + s).clamp(0, n - 1) for n, s in zip(size, shift, strict=True)
    )
    assert torch.equal(warp(image, field), image[..., rows[:, None], columns])


@given(
    st.lists(st.floats(-2, 2), min_size=6, max_size=6),
    st.tuples(st.floats(0.3, 3), st.floats(0.3, 3)),
    st.tuples(st.integers(2, 12), st.integers(2, 12)),
)
def test_gradient_of_any_affine_field_is_its_matrix_up_to_the_border(
    numbers: list[float], spacing: tuple[float, float], size: tuple[int, int]
) -> None:
    matrix = torch.tensor(numbers[:4], dtype=torch.float64).reshape(2, 2)
    shift = torch.tensor(numbers[4:], dtype=torch.float64)
    axes = [torch.arange(n, dtype=torch.float64) * s for n, s in zip(size, spacing, strict=True)]
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    field = torch.einsum("ij,jhw->ihw", matrix, x) + shift[:, None, None]
    gradient = displacement_gradient(field[None], spacing)
    expected = matrix.flatten()[None, :, None, None].expand_as(gradient)
    assert torch.allclose(gradient, expected, rtol=0, atol=1e-11)
    determinant = torch.linalg.det(torch.eye(2, dtype=torch.float64) + matrix)
    assert (jacobian_determinant(gradient) - determinant).abs().max() < 1e-10


@given(SEEDS, st.floats(0.5, 4))
def test_smooth_velocity_and_its_negative_undo_each_other_without_folds(
    seed: int, largest: float
) -> None:
    velocity = smooth_velocity(seed, largest)
    there, back = exponentiate(velocity), exponentiate(-velocity)
    moved = there.norm(dim=1).max()
    assert moved > 0.5 * largest
    for pair in ((there, back), (back, there)):
        assert compose(*pair).norm(dim=1).max() < 0.05 * moved
    assert jacobian_determinant(displacement_gradient(there, 1.0)).min() > 0


@given(SEEDS, st.floats(0.5, 4))
def test_fixed_point_finds_the_inverse_that_the_negative_velocity_gives(
    seed: int, largest: float
) -> None:
    velocity = smooth_velocity(seed, largest)
    there = exponentiate(velocity)
    inverse = invert(there)
    assert compose(inverse, there).norm(dim=1).max() < 1e-3
    assert (inverse - exponentiate(-velocity)).norm(dim=1).max() < 0.05 * largest


@given(
    SEEDS,
    st.tuples(st.floats(0.9, 2.2), st.floats(0.9, 2.2)),
    st.tuples(st.floats(40, 60), st.floats(40, 60)),
)
def test_smooth_picture_comes_back_from_the_working_grid(
    seed: int, spacing: tuple[float, float], center: tuple[float, float]
) -> None:
    size = (100, 110)
    grid = WorkingGrid(source_size=size, source_spacing=spacing, center=center)
    angle, phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, 2)
    axes = [np.arange(n) * s for n, s in zip(size, spacing, strict=True)]
    x, y = np.meshgrid(*axes, indexing="ij")
    wave = np.sin((np.cos(angle) * x + np.sin(angle) * y) * 2 * np.pi / 40 + phase)
    image = torch.from_numpy(wave)[None, None]
    working = grid.to_working(image)
    back = grid.to_source(working)
    inside = grid.to_source(torch.ones_like(working)) > 0
    assert (back[~inside] == 0).all()
    # Beyond the source the working grid repeats its border: two voxels are more than a step of it.
    inner = torch.zeros_like(inside)
    inner[..., 2:-2, 2:-2] = True
    error = (back - image).abs()[inside & inner]
    assert len(error) > 3000
    # Twice linear interpolation of a wave of 40 mm: h^2 / 8 (2 pi / 40)^2 for each h.
    bound = sum(h**2 / 8 for h in (*spacing, 1.5, 1.5)) * (2 * np.pi / 40) ** 2
    assert error.max() < bound
