"""Tissues that a segmentation sees pull a motion where the image says nothing."""

from __future__ import annotations

import pytest
import torch

from myomotion.core.integrator import FieldIntegrator
from myomotion.refinement.field import Refinement
from myomotion.refinement.objective import Objective, Weights

INTEGRATOR = FieldIntegrator()
SIZE, FRAMES = 64, 4
AXIS = torch.arange(float(SIZE)) - (SIZE - 1) / 2
RADIUS = torch.hypot(AXIS[:, None], AXIS[None])
INNER, OUTER = torch.tensor([14.0, 12.5, 11.0, 13.0]), 22.0  # voxels, in each frame


def shares() -> torch.Tensor:
    """Cavity, wall and right ventricle of a ring whose cavity shrinks, ``(1, T, 3, 64, 64)``."""
    cavity = torch.sigmoid(2 * (INNER[:, None, None] - RADIUS))
    whole = torch.sigmoid(2 * (OUTER - RADIUS)).expand_as(cavity)
    return torch.stack([cavity, whole - cavity, torch.zeros_like(cavity)], 1)[None]


def flat() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Pictures that show nothing, no motion, and no mask."""
    images = torch.full((1, FRAMES, SIZE, SIZE), 0.5)
    return images, torch.zeros(1, FRAMES, 2, SIZE, SIZE), torch.zeros(1, 1, SIZE, SIZE)


def radial(output: torch.Tensor, frame: int) -> float:
    """Mean motion outwards of the inner edge of the wall, in voxels."""
    displacement = INTEGRATOR(output[0])[frame]
    outwards = torch.stack(torch.meshgrid(AXIS, AXIS, indexing="ij")) / RADIUS
    edge = (RADIUS - INNER[0]).abs() < 1
    return float((displacement * outwards).sum(0)[edge].mean())


def test_without_a_weight_or_without_shares_the_result_is_the_same_to_the_last_bit() -> None:
    torch.manual_seed(0)
    images, output, mask = flat()
    images = images + 0.3 * torch.sigmoid(INNER[:, None, None] - RADIUS)
    plain = Refinement(integrator=INTEGRATOR, steps=3)(images, output, mask)
    assert plain.abs().max() > 0
    weightless = Refinement(integrator=INTEGRATOR, steps=3, tissue=0.0)
    assert torch.equal(weightless(images, output, mask, shares()), plain)
    blind = Refinement(integrator=INTEGRATOR, steps=3, tissue=0.05)
    assert torch.equal(blind(images, output, mask), plain)
    assert not torch.equal(blind(images, output, mask, shares()), plain)


def test_ring_follows_its_tissues_where_the_image_is_flat() -> None:
    still = Refinement(integrator=INTEGRATOR)(*flat())
    assert still.abs().max() == 0
    moved = Refinement(integrator=INTEGRATOR, tissue=1.0)(*flat(), shares())
    assert moved[:, 0].abs().max() == 0
    for frame in range(1, FRAMES):
        expected = float(INNER[frame] - INNER[0])
        assert radial(moved, frame) == pytest.approx(expected, abs=0.4)


def test_value_is_the_mean_over_frames_and_voxels_of_the_squared_difference_of_all_tissues() -> (
    None
):
    images, output, mask = flat()
    tissues = shares()
    value = Objective(Weights(tissue=0.3), images, mask, [False], tissues=tissues)(output[:, 1:])
    apart = (tissues[:, 1:] - tissues[:, :1]).square().sum(2).mean()
    assert float(value) == pytest.approx(0.3 * float(apart), rel=1e-5)
    same = tissues[:, :1].expand_as(tissues)
    assert Objective(Weights(tissue=0.3), images, mask, [False], tissues=same)(output[:, 1:]) == 0


def test_slices_do_not_see_the_tissues_of_each_other() -> None:
    parts = [torch.cat([part, part]) for part in flat()]
    tissues = torch.cat([shares(), shares()[:, :1].expand(-1, FRAMES, -1, -1, -1)])
    both = Refinement(integrator=INTEGRATOR, tissue=1.0, steps=5)(*parts, tissues)
    assert both[0].abs().max() > 0.1 and both[1].abs().max() == 0
