"""Tracking end-systole again: shifts are undone, noise is that of the frames."""

from __future__ import annotations

import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.core.flow import warp
from myomotion.core.integrator import FieldIntegrator
from myomotion.transforms.displacement import OutputToDisplacement
from myomotion.transforms.refine_motion import RefineMotion
from myomotion.transforms.repeat_motion import RepeatMotion, noise_level, shifted
from tests.support.cines.ring import beat, contraction, ring_cine

NOISE = 0.05


def bumps() -> torch.Tensor:
    axis = torch.linspace(-1, 1, 96)
    return torch.exp(-4 * (axis[:, None] ** 2 + (axis[None] - 0.2) ** 2))


class Seen:
    """Puts out the motion that it is given, moved by as much as the frame that it sees."""

    def __init__(self, field: torch.Tensor) -> None:
        self.field = field
        self.pictures: list[torch.Tensor] = []

    def __call__(self, images: torch.Tensor, network: object) -> torch.Tensor:
        self.pictures.append(images[0])
        whole = torch.stack([torch.zeros_like(self.field), self.field], dim=1)
        return whole[None].expand(1, images.shape[1], -1, -1, -1, -1)


class AsItIs(OutputToDisplacement):
    """Takes the network's output for the motion."""

    def forth(self, output: torch.Tensor) -> torch.Tensor:
        return output


def repeated(repeats: int = 3, seed: int = 0) -> tuple[torch.Tensor | None, Seen]:
    shares = beat()
    field = contraction(shares)
    slices = working_slices(ring_cine(shares))
    frames = bumps() + NOISE * torch.randn(
        1, len(shares), 96, 96, generator=torch.Generator().manual_seed(1)
    )
    item = {"slices": slices, "image": frames, "mask": torch.ones(1, 1, 96, 96)}
    seen = Seen(torch.full((1, 2, 96, 96), 3.0))
    again = RepeatMotion(
        torch.nn.Identity(), seen, RefineMotion(None), AsItIs(FieldIntegrator()), repeats, seed
    )
    return again({**item, "displacement": field}).get("repeats"), seen


def test_repeats_see_both_frames_elsewhere_and_give_motion_on_the_grid_of_the_study() -> None:
    fields, seen = repeated()
    assert fields is not None and fields.shape == (3, 1, 2, 96, 96)
    assert torch.allclose(fields, torch.full_like(fields, 3.0))
    (pictures,) = seen.pictures  # in one batch
    assert pictures.shape == (3, 2, 96, 96)
    assert not torch.allclose(pictures[0], pictures[1])


def test_repeats_are_the_same_every_time_and_others_for_another_seed() -> None:
    pictures = [repeated(seed=seed)[1].pictures[0] for seed in (0, 0, 1)]
    assert torch.equal(pictures[0], pictures[1])
    assert not torch.equal(pictures[0], pictures[2])


def test_no_repeats_leave_the_item_as_it_is() -> None:
    fields, seen = repeated(repeats=0)
    assert fields is None and not seen.pictures


def test_noise_is_found_beside_an_edge_that_does_not_match() -> None:
    generator = torch.Generator().manual_seed(0)
    image = bumps()[None, None].repeat(2, 2, 1, 1)
    image[:, 1, :8] += 5  # a part that moves otherwise
    image = image + NOISE * torch.randn(image.shape, generator=generator)
    found = noise_level(image, torch.zeros(2, 2, 96, 96))
    assert found.tolist() == pytest.approx([NOISE, NOISE], rel=0.4)


def test_a_shift_and_its_opposite_leave_a_smooth_map_as_it_was() -> None:
    shift = torch.tensor([0.4, -0.3])
    smooth = bumps()[None, None]
    there = shifted(smooth, shift)
    assert (there - smooth).abs().max() > 0.005
    back = shifted(there, -shift)
    assert (back - smooth)[..., 2:-2, 2:-2].abs().max() < 3e-3
    assert torch.allclose(there, warp(smooth, shift[None, :, None, None].expand(1, 2, 96, 96)))
