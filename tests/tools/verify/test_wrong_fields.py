"""Motions that heart muscle does not make have the energy, area, fold and rotation asked for."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from myomotion.core.kinematics import displacement_gradient, jacobian_determinant, masked_mean
from tools.verify.autoencoder.measures import FieldSet
from tools.verify.autoencoder.reference_cycle import without_rigid_part
from tools.verify.autoencoder.wrong_fields import (
    folded,
    mean_area_change,
    perturbed,
    scaled_to_area,
    turned,
    wall_rms,
)

SPACING = 1.5


def test_perturbation_has_the_energy_asked_for_and_no_mean_rotation(
    fields: FieldSet, generator: torch.Generator
) -> None:
    wrong = perturbed(fields.displacement, fields.mask, SPACING, 0.5, generator)
    added = displacement_gradient(wrong - fields.displacement, SPACING)
    own = wall_rms(displacement_gradient(fields.displacement, SPACING), fields.mask)
    torch.testing.assert_close(wall_rms(added, fields.mask), 0.5 * own, rtol=1e-3, atol=0)
    mean = masked_mean(added, fields.mask)
    torch.testing.assert_close(mean[:, 2], mean[:, 1], rtol=0, atol=1e-5)


@pytest.mark.parametrize("area", [0.8, 1.25])
def test_scaling_gives_the_mean_area_asked_for(fields: FieldSet, area: float) -> None:
    wrong = scaled_to_area(fields.displacement, fields.mask, SPACING, area)
    found = mean_area_change(wrong, fields.mask, SPACING)
    torch.testing.assert_close(found, torch.full_like(found, area), rtol=1e-4, atol=0)
    ratio = [
        jacobian_determinant(displacement_gradient(u, SPACING))
        for u in (wrong, fields.displacement)
    ]
    assert float((ratio[0] / ratio[1]).std((2, 3)).max()) < 1e-4  # the same factor everywhere


def test_fold_lies_in_the_wall_and_turns_a_patch_over(
    fields: FieldSet, generator: torch.Generator
) -> None:
    before = jacobian_determinant(displacement_gradient(fields.displacement, SPACING))
    wrong = folded(fields.displacement, fields.mask, SPACING, generator)
    after = jacobian_determinant(displacement_gradient(wrong, SPACING))
    assert float((before * fields.mask).min()) >= 0
    for j, wall in zip(after, fields.mask, strict=True):
        assert float(j[wall > 0.5].min()) < -0.6  # incompressible: J goes from 1 to about -1
        assert 3 <= int((j[wall > 0.5] < 0).sum()) < 0.1 * float(wall.sum())


def test_turning_turns_the_deformation_gradient(fields: FieldSet) -> None:
    wrong = turned(fields.displacement, 15.0, SPACING)
    before, after = (
        displacement_gradient(u, SPACING).unflatten(1, (2, 2)) + torch.eye(2)[:, :, None, None]
        for u in (fields.displacement, wrong)
    )
    c, s = np.cos(np.deg2rad(15)), np.sin(np.deg2rad(15))
    rotation = torch.tensor([[c, -s], [s, c]], dtype=torch.float32)
    expected = torch.einsum("ij,bjkhw->bikhw", rotation, before)
    torch.testing.assert_close(after, expected, rtol=0, atol=2e-4)
    still, angle = without_rigid_part(wrong, fields.mask, SPACING)
    torch.testing.assert_close(angle, torch.full_like(angle, 15.0), rtol=0, atol=0.05)
    assert float(masked_mean(still, fields.mask).abs().max()) < 1e-4
