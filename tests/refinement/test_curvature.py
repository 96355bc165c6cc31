"""Curvature of a refinement's objective: what the objective itself shows, and its solution."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from myomotion.core.flow import identity_coordinates
from myomotion.losses.plausibility import Plausibility
from myomotion.networks.gradient_vae import GradientVAE
from myomotion.networks.weights import load_state
from myomotion.refinement.curvature import (
    FADING,
    Curvature,
    curvature_of,
    inner,
    turn_about_the_wall,
)
from myomotion.refinement.objective import FrameTerms, Weights, bending_energy, stretch

SIZE, STEP = 64, 2
SMALL = SIZE // STEP


def smooth(count: int, seed: int, size: int = SMALL) -> torch.Tensor:
    """Motions ``(count, 2, size, size)`` without fine waves, zero at the border."""
    generator = torch.Generator().manual_seed(seed)
    rough = torch.randn(count, 2, 5, 5, generator=generator)
    wide = F.interpolate(F.pad(rough, (2,) * 4), size=(size, size), mode="bicubic")
    return F.pad(wide[:, :, 4:-4, 4:-4], (4,) * 4)


def picture() -> torch.Tensor:
    axis = torch.arange(SIZE) / SIZE * 2 * torch.pi
    return (torch.sin(2 * axis)[:, None] * torch.cos(3 * axis)[None] / 4 + 0.5)[None, None]


def terms_of(count: int = 1, wall: torch.Tensor | None = None, **weights: object) -> FrameTerms:
    """Frames that show the reference, so that they lie at the minimum of the image term."""
    frames = picture().expand(count, -1, -1, -1)
    wall = torch.zeros(count, 1, SIZE, SIZE) if wall is None else wall
    none = frames[:, :0]
    return FrameTerms(Weights(**weights), frames, frames, wall, True, (none, none))


def fine(motion: torch.Tensor) -> torch.Tensor:
    return F.interpolate(motion, scale_factor=STEP, mode="bilinear", align_corners=False)


def at_rest(terms: FrameTerms, count: int = 1) -> Curvature:
    return curvature_of(terms, torch.zeros(count, 2, SIZE, SIZE), STEP)


@pytest.mark.parametrize("seed", range(3))
def test_of_images_is_what_a_small_motion_costs(seed: int) -> None:
    terms, motion = terms_of(), 0.05 * smooth(1, seed)
    cost = terms(fine(motion)) - terms(torch.zeros(1, 2, SIZE, SIZE))
    expected = inner(motion, at_rest(terms)(motion)) / 2
    assert float(expected) == pytest.approx(float(cost), rel=0.25)  # a tenth of it is the floor


def test_of_bending_is_that_of_the_energy() -> None:
    motion = smooth(1, 4)
    bent = 3.0 * bending_energy(motion) / STEP**4
    flat = Curvature(
        torch.zeros(1, 3, SMALL, SMALL),
        torch.full((1, 1, SMALL, SMALL), 3.0 / STEP**4 / (4 * SMALL**2)),
        (torch.zeros(1, 1, SMALL - 1, SMALL), torch.zeros(1, 1, SMALL, SMALL - 1)),
        torch.zeros(1, 2, SMALL, SMALL),
        torch.zeros(1),
    )
    assert float(inner(motion, flat(motion)) / 2) == pytest.approx(float(bent), rel=0.1)
    more = at_rest(terms_of(bending=3.0))(motion) - at_rest(terms_of())(motion)
    torch.testing.assert_close(more, flat(motion), rtol=1e-3, atol=1e-9)


def test_of_bending_counts_away_from_the_wall_where_the_prior_looks_after_that(
    vae_weights: object,
) -> None:
    regulariser = Plausibility(load_state(GradientVAE(), vae_weights))
    wall = torch.zeros(1, 1, SIZE, SIZE)
    wall[..., 20:44, 20:44] = 1
    held, free = (
        terms_of(wall=wall, regulariser=regulariser, alpha=alpha, bending=3.0)
        for alpha in (1.0, 0.0)
    )
    plain = terms_of(wall=wall, regulariser=regulariser, alpha=1.0)
    motion = smooth(1, 4)
    bent = at_rest(held)(motion) - at_rest(plain)(motion)
    everywhere = at_rest(free)(motion) - at_rest(terms_of(wall=wall))(motion)
    apart = (bent - everywhere).abs() > 1e-6 * float(everywhere.abs().max())
    near = torch.zeros(SMALL, SMALL, dtype=torch.bool)
    near[8:24, 8:24] = True  # the wall, two voxels about it, and what second differences reach
    assert bool(apart[..., near].any())
    assert not bool(apart[..., ~near].any())
    assert float(bent[..., 11:21, 11:21].abs().max()) < 1e-6 * float(bent.abs().max())
    cost = held(fine(motion), motion, STEP) - plain(fine(motion), motion, STEP)
    assert float(inner(motion, bent) / 2) == pytest.approx(float(cost), rel=0.1)


def test_of_the_prior_is_what_it_is_continued_by_and_lies_on_the_wall(vae_weights: object) -> None:
    regulariser = Plausibility(load_state(GradientVAE(), vae_weights))
    wall = torch.zeros(1, 1, SIZE, SIZE)
    wall[..., 20:44, 20:44] = 1
    with_prior, without = (
        terms_of(wall=wall, regulariser=regulariser, alpha=alpha) for alpha in (1.0, 0.0)
    )
    still = torch.zeros(1, 2, SIZE, SIZE).requires_grad_(True)
    value = with_prior(still)  # evaluates R, and continues it from now on
    (slope,) = torch.autograd.grad(value.sum(), still)
    motion = 0.05 * smooth(1, 7)
    moved = fine(motion)
    bound = with_prior(moved) - value - inner(slope, moved) - (without(moved) - without(still))
    product = at_rest(with_prior)(motion) - at_rest(without)(motion)
    assert float(inner(motion, product) / 2) == pytest.approx(float(bound.detach()), rel=0.3)
    assert float(product[..., :8, :].abs().max()) < 1e-6 * float(product.abs().max())


def ring() -> torch.Tensor:
    radius = (identity_coordinates([SIZE, SIZE], torch.zeros(()))[0] - 31.5).norm(dim=0)
    return ((radius > 10) & (radius < 18)).float()[None, None]


def test_turn_is_rigid_in_the_wall_and_none_far_from_it() -> None:
    (turn,) = turn_about_the_wall(ring(), STEP)
    places = identity_coordinates([SIZE // STEP] * 2, torch.zeros(()))[0] * STEP - 31
    radius = places.norm(dim=0)
    length = turn.norm(dim=0)
    assert torch.allclose(length[radius < 16], radius[radius < 16] * torch.pi / 180, atol=1e-3)
    assert float((turn * places).sum(0).abs().max()) < 1e-3  # at right angles to the radius
    assert float(length[radius > 18 + FADING].max()) == 0
    assert not bool(turn_about_the_wall(torch.zeros(1, 1, SIZE, SIZE), STEP).any())


def test_turn_costs_nothing_but_what_pictures_say(vae_weights: object) -> None:
    regulariser = Plausibility(load_state(GradientVAE(), vae_weights))
    places = identity_coordinates([SMALL, SMALL], torch.zeros(())) - (SMALL - 1) / 2
    turn = torch.stack([-places[:, 1], places[:, 0]], 1)
    with_prior, without = (
        at_rest(terms_of(wall=ring(), regulariser=regulariser, alpha=alpha)) for alpha in (1.0, 0.0)
    )
    grown, turned = (inner(m, with_prior(m) - without(m)) for m in (places, turn))
    assert abs(float(turned)) < 1e-4 * float(grown)


def test_what_is_added_everywhere_is_left_out_along_a_turn_of_the_wall() -> None:
    with_wall, none = at_rest(terms_of(wall=ring())), at_rest(terms_of())
    turn = turn_about_the_wall(ring(), STEP)
    growth = torch.stack([-turn[:, 1], turn[:, 0]], 1)
    assert float(inner(turn, with_wall(turn))) < float(inner(turn, none(turn)))
    torch.testing.assert_close(with_wall(growth), none(growth), rtol=1e-4, atol=1e-9)


def test_turn_is_solved_for_at_once(vae_weights: object) -> None:
    regulariser = Plausibility(load_state(GradientVAE(), vae_weights))
    curvature = at_rest(terms_of(wall=ring(), regulariser=regulariser, alpha=1.0))
    turn = 3 * turn_about_the_wall(ring(), STEP)
    torch.testing.assert_close(curvature.solve(curvature(turn)), turn, rtol=1e-3, atol=1e-4)


def test_stretch_leaves_out_one_turn_of_all() -> None:
    axis = torch.arange(9.0)
    rows, columns = torch.meshgrid(axis, axis, indexing="ij")
    factors = torch.rand(1, 1, 8, 9), torch.rand(1, 1, 9, 8)
    turned = torch.stack([-columns, rows])[None]
    sheared = torch.stack([columns, rows])[None]
    both = sum(float(factor.sum()) for factor in factors)
    assert float(stretch(turned, *factors)) == pytest.approx(0, abs=1e-4)
    left = both - float(factors[0].sum() - factors[1].sum()) ** 2 / both
    assert float(stretch(sheared, *factors)) == pytest.approx(left, rel=1e-5)
    rest = torch.randn(1, 2, 9, 9)
    torch.testing.assert_close(
        stretch(rest - 0.3 * turned, *factors), stretch(rest, *factors), rtol=1e-4, atol=0
    )


def test_solution_goes_most_of_the_way_down() -> None:
    curvature = at_rest(terms_of(2, bending=0.2), 2)
    lowest = smooth(2, 1)
    slope = curvature(lowest)
    found = curvature.solve(slope)
    gained = inner(found, slope) - inner(found, curvature(found)) / 2
    assert bool((gained > 0.9 * inner(lowest, slope) / 2).all())
    assert torch.equal(curvature.solve(torch.zeros_like(slope)), torch.zeros_like(slope))


def test_frames_are_solved_each_for_itself() -> None:
    slopes = smooth(2, 2) * torch.tensor([1.0, 1e3])[:, None, None, None]
    both = at_rest(terms_of(2, bending=0.2), 2).solve(slopes)
    for i in range(2):
        alone = at_rest(terms_of(bending=0.2)).solve(slopes[[i]])
        torch.testing.assert_close(
            both[[i]], alone, rtol=1e-4, atol=1e-6 * float(alone.abs().max())
        )
