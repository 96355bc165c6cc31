"""Slices of walls whose motion in space is known, and what the lift makes of them."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from myomotion.analysis.volume.function import function_of, standard_error
from myomotion.analysis.volume.lattice import (
    ANGLES,
    HEIGHTS,
    cavity_volume,
    cell_edges,
    green_lagrange,
    meridian_length,
    torsion,
)
from myomotion.analysis.volume.lift import Lifted, LiftSettings, Tracks, lift
from myomotion.analysis.volume.modes import learn_modes, shipped_modes
from myomotion.analysis.volume.shape import heart_shape
from myomotion.core.wall.contours import Contours
from tests.support.volume.ellipsoid import (
    BASE,
    LEVELS,
    LONG,
    RADIUS,
    WALL,
    beating,
    ellipsoid,
    ring,
    shape_of_slices,
    tracks_of,
)


def lifted(
    motion: Callable[[np.ndarray], np.ndarray], settings: LiftSettings | None = None
) -> Lifted:
    shape = shape_of_slices()
    tracks = tracks_of(shape.positions, motion(shape.positions))
    return lift(shape, tracks, shipped_modes(), settings)


def shortened(positions: np.ndarray, along: float = 0.85) -> np.ndarray:
    """Every plane comes nearer to the apex; what is lost in length goes across, inwards free."""
    apex = positions[..., 2].min()
    moved = positions * np.array([along**-0.5, along**-0.5, 1.0])
    moved[..., 2] = apex + along * (positions[..., 2] - apex)
    return moved


def test_slices_of_an_ellipsoid_give_it_back() -> None:
    shape = shape_of_slices()
    inner = shape.positions[3:-3, :, 0]
    level = (np.hypot(inner[..., 0], inner[..., 1]) / RADIUS) ** 2 + (inner[..., 2] / LONG) ** 2
    assert np.abs(np.sqrt(level) - 1).max() < 0.02
    assert shape.apex_below_mm == pytest.approx(LONG + LEVELS[0], abs=2.0)


def test_a_slice_that_was_shifted_is_brought_back() -> None:
    contours = [
        Contours(endo=ring(z, RADIUS, LONG), epi=ring(z, RADIUS + WALL, LONG + WALL))
        for z in LEVELS
    ]
    moved = np.array([6.0, 0.0])
    contours[3] = Contours(endo=contours[3].endo + moved, epi=contours[3].epi + moved)
    shape = heart_shape(LEVELS.tolist(), contours)
    assert np.argmax(np.hypot(*shape.shifts.T)) == 3
    assert shape.shifts[3, 0] > 3.0


def test_two_slices_are_refused() -> None:
    contour = Contours(endo=ring(0.0, RADIUS, LONG), epi=ring(0.0, RADIUS + WALL, LONG))
    with pytest.raises(ValueError, match="need 3 or more"):
        heart_shape([0.0, 10.0], [contour, contour])


def test_volume_within_a_truncated_ellipsoid() -> None:
    z = BASE / LONG
    exact = np.pi * RADIUS**2 * LONG * (z - z**3 / 3 + 2 / 3) / 1000
    assert cavity_volume(ellipsoid()) == pytest.approx(exact, rel=0.02)


def test_twist_is_read_as_torsion_in_its_sense() -> None:
    start = ellipsoid()
    turn = -np.deg2rad(3.0) * (BASE - start[..., 2]) / 10  # clockwise seen from the base
    moved = start.copy()
    moved[..., 0] = start[..., 0] * np.cos(turn) - start[..., 1] * np.sin(turn)
    moved[..., 1] = start[..., 0] * np.sin(turn) + start[..., 1] * np.cos(turn)
    assert torsion(moved, start) == pytest.approx(3.0, abs=0.1)


def test_strain_and_volume_change_of_an_even_stretch() -> None:
    start = ellipsoid()
    moved = shortened(start)
    strain = green_lagrange(moved, start)[4:-4]
    assert strain[..., 0, 0].mean() == pytest.approx((1 / 0.85 - 1) / 2, abs=0.003)
    change = np.linalg.det(cell_edges(moved)) / np.linalg.det(cell_edges(start))
    assert np.abs(change - 1).max() < 1e-6


def test_rigid_translation_in_the_planes_is_found_everywhere() -> None:
    found = lifted(lambda x: x + np.array([2.0, -1.0, 0.0]))
    moved = found.positions[1] - found.positions[0]
    assert np.abs(moved - np.array([2.0, -1.0, 0.0])).max() < 0.3
    assert np.abs(found.positions[0] - found.shape.positions).max() < 1e-9


def test_a_heart_that_rests_stays() -> None:
    found = lifted(lambda x: x)
    assert np.abs(found.coefficients).max() < 1e-9
    assert np.abs(function_of(found).gls).max() < 1e-9


def test_the_motion_of_a_mode_is_found_with_its_way_through_the_planes() -> None:
    """What every simulated heart does most of: it is known exactly and not made of the data."""
    shape = shape_of_slices()
    moved = beating(shape)
    true = 100 * (meridian_length(moved) / meridian_length(shape.positions) - 1)
    assert true < -8.0
    found = lift(shape, tracks_of(shape.positions, moved), shipped_modes())
    function = function_of(found)
    assert function.gls[1] == pytest.approx(float(true), abs=1.0)
    assert function.through_plane[1, -1] < -3.0 < function.through_plane[1, 0]
    assert np.linalg.norm(found.positions[1] - moved, axis=-1).mean() < 0.6


DOUBTED = LiftSettings(turn_mm=1.0, iterations=4)


def test_twist_of_slices_is_found_where_turns_are_believed() -> None:
    def twisted(start: np.ndarray) -> np.ndarray:
        turn = -np.deg2rad(2.0) * (BASE - start[..., 2]) / 10
        x, y, z = np.moveaxis(start, -1, 0)
        cosine, sine = np.cos(turn), np.sin(turn)
        return np.stack([x * cosine - y * sine, x * sine + y * cosine, z], axis=-1)

    believed, doubted = (
        function_of(lifted(twisted, settings)).torsion[1] for settings in (None, DOUBTED)
    )
    assert believed == pytest.approx(2.0, abs=0.4)
    assert 0.5 < doubted < 1.6  # no heart twists without contracting


def test_turns_that_a_tracker_misses_are_told_by_the_rest_of_the_motion() -> None:
    """Less of the turn is seen the nearer the apex: believed, it spoils the motion in space."""
    shape = shape_of_slices()
    moved = beating(shape)
    tracks = tracks_of(shape.positions, moved)
    around = np.stack([-np.sin(ANGLES), np.cos(ANGLES)], axis=-1)[:, None]
    turn = (tracks.moves * around).sum(-1).mean((2, 3))
    missed = (turn * np.linspace(0.75, 0.1, len(LEVELS)))[..., None, None, None] * around
    short = Tracks(levels=LEVELS, moves=tracks.moves - missed, trust=tracks.trust)
    believed, doubted = (
        lift(shape, short, shipped_modes(), settings) for settings in (None, DOUBTED)
    )
    true = float(torsion(moved, shape.positions))
    off = [abs(function_of(one).torsion[1] - true) for one in (believed, doubted)]
    assert off[0] > 1.2
    assert off[1] < 0.75 * off[0]
    assert _apart(doubted, moved) < 0.75 * _apart(believed, moved)


def _apart(found: Lifted, moved: np.ndarray) -> float:
    return float(np.linalg.norm(found.positions[1] - moved, axis=-1).mean())


def test_a_stack_without_slices_to_rest_on_is_less_sure() -> None:
    shape = shape_of_slices()
    tracks = tracks_of(shape.positions, shape.positions)
    few = Tracks(levels=LEVELS[:3], moves=tracks.moves[:, :3], trust=np.ones(3))
    whole, part = (lift(shape, given, shipped_modes()) for given in (tracks, few))
    sure, unsure = (float(standard_error(one, 1, meridian_length)) for one in (whole, part))
    assert sure < 0.9 * unsure


def test_a_hidden_slice_says_nothing() -> None:
    shape = shape_of_slices()
    tracks = tracks_of(shape.positions, shape.positions + np.array([2.0, 0.0, 0.0]))
    moves = tracks.moves.copy()
    moves[1, -1] = np.nan
    found = lift(shape, Tracks(levels=LEVELS, moves=moves, trust=tracks.trust), shipped_modes())
    assert np.isfinite(found.positions).all()
    assert np.isnan(found.residual_mm[1, -1])


def test_modes_of_a_turned_heart_are_the_same() -> None:
    rng = np.random.default_rng(0)
    start = ellipsoid()
    angle = ANGLES[:, None]
    beat = [start]
    for _ in range(4):
        a, b, c = rng.normal(0, 1, 3)
        out = a + b * np.cos(angle) + c * np.sin(2 * angle)
        direction = np.stack([np.cos(angle), np.sin(angle), 0 * angle], axis=-1)
        beat.append(start + HEIGHTS[:, None, None, None] * (out[..., None] * direction))
    positions = np.stack(beat)
    quarter = len(ANGLES) // 4
    turned = np.roll(positions, quarter, axis=2) @ np.array([[0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    one, other = (learn_modes([(x, 1)], (2, 2, 2), {}) for x in (positions, turned))
    for a, b in zip(one.spreads, other.spreads, strict=True):
        assert a == pytest.approx(b, abs=1e-6)
