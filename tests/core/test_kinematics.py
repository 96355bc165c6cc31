"""Gradients, Jacobians and strains of motions whose values are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from myomotion.core.kinematics import (
    displacement_gradient,
    green_lagrange_strain,
    jacobian_determinant,
    masked_mean,
    radial_circumferential_strain,
    radial_direction,
    remove_mean_rotation,
)
from myomotion.core.rotate import rotation_matrices, transform_displacement
from myomotion.losses.plausibility import GradientPatch
from myomotion.training.vae import transform_patch
from tests.support.analytic import as_batch, coordinates, ring_contraction, ring_labels


@pytest.mark.parametrize("spacing", [(1.5, 1.5), (0.8, 2.0)])
def test_affine_motion_has_its_matrix_as_gradient_up_to_the_border(
    spacing: tuple[float, float],
) -> None:
    matrix = torch.tensor([[0.1, -0.2], [0.3, 0.05]], dtype=torch.float64)
    axes = [
        torch.arange(n, dtype=torch.float64) * s for n, s in zip((30, 40), spacing, strict=True)
    ]
    x = torch.stack(torch.meshgrid(*axes, indexing="ij"))
    field = torch.einsum("ij,jhw->ihw", matrix, x)[None]
    gradient = displacement_gradient(field, spacing)
    assert torch.allclose(gradient, matrix.flatten()[None, :, None, None].expand_as(gradient))
    jacobian = jacobian_determinant(gradient)
    assert torch.allclose(jacobian, torch.full_like(jacobian, 1.1 * 1.05 + 0.06))


def test_rotation_has_unit_jacobian_and_no_strain() -> None:
    angle = 0.4
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    field = np.einsum("ij,jhw->ihw", rotation - np.eye(2), coordinates(48, 1.5))
    gradient = displacement_gradient(as_batch(field), 1.5)
    assert (jacobian_determinant(gradient) - 1).abs().max() < 1e-12
    assert green_lagrange_strain(gradient).abs().max() < 1e-12


def test_uniaxial_stretch_has_the_textbook_green_lagrange_strain() -> None:
    field = np.stack([0.2 * coordinates(32, 1.5)[0], np.zeros((32, 32))])
    strain = green_lagrange_strain(displacement_gradient(as_batch(field), 1.5))
    expected = torch.tensor([(1.2**2 - 1) / 2, 0.0, 0.0], dtype=torch.float64)
    assert torch.allclose(strain, expected[None, :, None, None].expand_as(strain), atol=1e-12)


def test_ring_contraction_has_the_analytic_jacobian_and_strain_in_the_wall() -> None:
    size, spacing, drop = 192, 0.75, 500.0
    x = coordinates(size, spacing)
    radius = np.hypot(*x)
    wall = torch.from_numpy(ring_labels(size, spacing) == 2)[None, None]
    field = as_batch(ring_contraction(size, spacing, drop))
    gradient = displacement_gradient(field, spacing)
    assert (masked_mean((jacobian_determinant(gradient) - 1).abs(), wall)).item() < 2e-3
    center = ((size - 1) / 2,) * 2
    radial = radial_direction(center, field.shape[-2:], (spacing, spacing), field)
    strain = radial_circumferential_strain(green_lagrange_strain(gradient), radial)
    new = np.sqrt(radius**2 - drop / np.pi)
    inside = ring_labels(size, spacing) == 2
    err = ((radius / new) ** 2 - 1)[inside].mean() / 2
    ecc = ((new / radius) ** 2 - 1)[inside].mean() / 2
    measured = masked_mean(strain, wall)[0]
    assert abs(measured[0].item() - err) < 0.005 and abs(measured[1].item() - ecc) < 0.005


def test_removing_the_mean_rotation_ignores_rigid_rotation_of_the_deformed_state() -> None:
    field = as_batch(ring_contraction())
    mask = torch.from_numpy(ring_labels() == 2)[None, None].double()
    gradient = displacement_gradient(field, 1.5)
    angle = math.radians(15)
    rotation = torch.tensor(
        [[math.cos(angle), -math.sin(angle)], [math.sin(angle), math.cos(angle)]],
        dtype=torch.float64,
    )
    identity = torch.eye(2, dtype=torch.float64)
    deformation = gradient.unflatten(1, (2, 2)) + identity[None, :, :, None, None]
    turned = torch.einsum("ij,bjkhw->bikhw", rotation, deformation)
    turned = (turned - identity[None, :, :, None, None]).flatten(1, 2)
    assert torch.allclose(
        remove_mean_rotation(gradient, mask), remove_mean_rotation(turned, mask), atol=1e-12
    )
    assert (gradient - turned).abs().max() > 0.2


def test_augmenting_then_differentiating_equals_differentiating_then_rotating() -> None:
    torch.manual_seed(0)
    field = as_batch(ring_contraction()).expand(4, -1, -1, -1)
    # Sheared, so that the motion is not symmetric under the rotations.
    field = field + 0.05 * torch.from_numpy(coordinates(96, 1.5))[None].flip(1)
    matrix = rotation_matrices(4, True, field)
    assert sorted(torch.linalg.det(matrix).round().unique().tolist()) == [-1.0, 1.0]
    mask = torch.from_numpy(ring_labels() == 2)[None, None].double().expand(4, -1, -1, -1)
    first = displacement_gradient(transform_displacement(field, matrix), 1.5)
    patch = GradientPatch(displacement_gradient(field, 1.5), mask)
    then = transform_patch(patch, matrix)
    difference = masked_mean((first - then.gradient) ** 2, then.mask).sum(1)
    size = masked_mean(then.gradient**2, then.mask).sum(1)
    assert ((difference / size).sqrt() < 0.03).all()


def test_field_of_the_wrong_shape_is_refused() -> None:
    with pytest.raises(ValueError, match=r"\(B, 2, H, W\)"):
        displacement_gradient(torch.zeros(1, 3, 8, 8), 1.5)
