"""A cavity that closes: dark blood is muscle, and a spot keeps its place."""

from __future__ import annotations

import torch

from myomotion.analysis.drawing.closed import SPOT_SHARE, kept_open, without_dark_blood

SIZE, MIDDLE = 48, 24.0
BLOOD, MUSCLE = 0.9, 0.3


def rings(radii: list[float], outer: float = 14.0, middle: float = MIDDLE) -> torch.Tensor:
    """Shares ``(T, 3, H, W)`` of a cavity of each radius in a wall, no right ventricle."""
    axis = torch.arange(SIZE) - middle
    distance = (axis[:, None] ** 2 + axis[None] ** 2).sqrt()
    cavity = torch.stack([(distance < r).float() for r in radii])
    wall = (distance < outer).float() - cavity
    return torch.stack([cavity, wall, torch.zeros_like(wall)], dim=1)


def pictures(radii: list[float]) -> torch.Tensor:
    """Frames ``(T, H, W)`` of such a ventricle."""
    cavity, wall, _ = rings(radii).unbind(1)
    return BLOOD * cavity + MUSCLE * wall


def test_a_cavity_as_bright_as_blood_stays() -> None:
    shares = rings([9, 6, 3])
    assert torch.equal(without_dark_blood(shares, pictures([9, 6, 3])), shares)


def test_a_cavity_seen_in_dark_muscle_is_muscle() -> None:
    seen = without_dark_blood(rings([9, 6, 8]), pictures([9, 6, 0]))
    assert torch.equal(seen[:2], rings([9, 6]))
    assert torch.equal(seen[2], rings([0])[0])


def test_between_the_two_it_fades() -> None:
    frames = pictures([9, 0])
    shares = rings([9, 6])
    inside = shares[1, 0] > 0
    frames[1][inside] = MUSCLE + 0.4 * (BLOOD - MUSCLE)
    seen = without_dark_blood(shares, frames)
    torch.testing.assert_close(seen[1, 0][inside], torch.full((int(inside.sum()),), 0.5))
    torch.testing.assert_close(seen.sum(1), shares.sum(1))


def test_intensities_by_another_scale_say_the_same() -> None:
    shares, frames = rings([9, 6, 8]), pictures([9, 6, 0])
    scaled = without_dark_blood(shares, 7 * frames + 3)
    assert torch.equal(scaled, without_dark_blood(shares, frames))


def test_dimmer_frames_close_no_cavity() -> None:
    shares, frames = rings([9, 6, 8]), pictures([9, 6, 0])
    gain = torch.tensor([1.0, 0.5, 0.7])[:, None, None]
    assert torch.equal(
        without_dark_blood(shares, gain * frames), without_dark_blood(shares, frames)
    )


def test_slices_without_a_cavity_or_with_dark_blood_at_end_diastole_stay() -> None:
    for radii, frames in (([0, 4], pictures([0, 0])), ([9, 4], 1 - pictures([9, 0]))):
        shares = rings([float(r) for r in radii])
        assert torch.equal(without_dark_blood(shares, frames), shares)


def test_a_closed_cavity_leaves_a_spot_in_the_middle_of_the_ventricle() -> None:
    tissues = rings([9, 6, 0])[None]
    opened = kept_open(tissues)
    torch.testing.assert_close(opened[:, :2], tissues[:, :2])
    spot = opened[0, 2, 0]
    expected = SPOT_SHARE * float(tissues[0, 0, 0].sum())
    assert abs(float(spot.sum()) - expected) < 0.25 * expected
    place = torch.arange(SIZE, dtype=torch.float32)
    for axis in (0, 1):
        assert abs(float((spot.sum(axis) * place).sum() / spot.sum()) - MIDDLE) < 0.05
    torch.testing.assert_close(opened.sum(2), tissues.sum(2))


def test_the_spot_lies_in_what_is_left_of_the_cavity() -> None:
    left = rings([9, 1.2])
    left[1] = torch.roll(left[1], 3, dims=1)
    left[1, 1] = (rings([0])[0, 1] - left[1, 0]).clamp(min=0)
    spot = kept_open(left[None])[0, 1, 0]
    rows = spot.sum(1)
    assert abs(float((rows * torch.arange(SIZE)).sum() / rows.sum()) - MIDDLE - 3) < 0.5


def test_frames_that_keep_their_cavity_stay_bit_for_bit() -> None:
    tissues = rings([9, 6, 0])[None]
    assert torch.equal(kept_open(tissues)[:, :2], tissues[:, :2])
    assert torch.equal(kept_open(tissues[:, :2]), tissues[:, :2])


def test_slices_are_opened_each_by_its_own_cavity() -> None:
    both = torch.stack([rings([9, 0]), rings([5, 0])])
    alone = torch.cat([kept_open(one[None]) for one in both])
    torch.testing.assert_close(kept_open(both), alone)
    assert float(alone[0, 1, 0].sum()) > 2 * float(alone[1, 1, 0].sum())


def test_slices_without_a_cavity_get_none() -> None:
    tissues = rings([0, 0])[None]
    assert torch.equal(kept_open(tissues), tissues)
