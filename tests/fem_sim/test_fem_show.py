"""Claims about pictures of simulated cycles: maps true to the edges, whole files, clear errors."""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from fem_sim.mechanics.cycle import Cycle
from fem_sim.mechanics.kinematics import pixel_jacobian
from fem_sim.show.command import add_arguments, film_frames, picture_panels, run
from fem_sim.show.maps import WallGrid, wall_mean
from myomotion.errors import OutputError
from tests.support.sim_ring import ring_cycle

INNER, RATIO = 16.0, 2.0
SHRINK = (RATIO - 1) * INNER**2  # r^2 = R^2 - SHRINK at end-systole
MIDDLE = 95 / 2 * 1.5


@pytest.fixture(scope="module")
def cycle() -> Cycle:
    """The analytic incompressible ring, end-diastole to end-systole."""
    ring = ring_cycle(INNER, 11.0, RATIO, levels=7)
    none = np.zeros_like(ring.labels)
    return Cycle(**vars(ring), rim=none, pressure_kpa=np.linspace(1, 0, 7))


@pytest.fixture(scope="module")
def stored(cycle: Cycle, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ring on disk."""
    path = tmp_path_factory.mktemp("cycles") / "ring.npz"
    cycle.save(path)
    return path


def _show(*arguments: object) -> int:
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return run(parser.parse_args([str(a) for a in arguments]))


def _radius(points: np.ndarray) -> np.ndarray:
    return np.linalg.norm(points - MIDDLE, axis=-1)


def test_positions_follow_the_analytic_ring(cycle: Cycle) -> None:
    grid = WallGrid(cycle)
    before, after = (_radius(grid.maps(frame).points) for frame in (0, -1))
    assert np.abs(after - np.sqrt(before**2 - SHRINK)).max() < 0.02


def test_the_ring_keeps_its_area(cycle: Cycle) -> None:
    jacobian = WallGrid(cycle).maps(-1).jacobian
    assert np.abs(jacobian - 1).max() < 0.015
    assert np.abs(jacobian[2:-2] - 1).max() < 0.006


def test_strains_match_the_analytic_ring(cycle: Cycle) -> None:
    grid = WallGrid(cycle)
    start, end = grid.maps(0), grid.maps(-1)
    before = _radius(start.points)
    after = np.sqrt(before**2 - SHRINK)
    err, ecc = ((before / after) ** 2 - 1) / 2, ((after / before) ** 2 - 1) / 2
    assert np.abs(end.err - err)[2:-2].max() < 0.015
    assert np.abs(end.ecc - ecc)[2:-2].max() < 0.003
    assert np.abs(end.err - err).max() < 0.05  # the edges too, where err is 0.5
    assert np.abs(end.ecc - ecc).max() < 0.006
    assert wall_mean(start.points, end.ecc) == pytest.approx(
        wall_mean(start.points, ecc), abs=0.001
    )


def test_end_diastole_is_at_rest(cycle: Cycle) -> None:
    maps = WallGrid(cycle).maps(0)
    assert np.abs(maps.displacement).max() == 0
    assert np.abs(maps.jacobian - 1).max() < 1e-12
    assert np.abs(maps.err).max() < 1e-12


def test_what_lies_beyond_the_wall_does_not_reach_the_maps(cycle: Cycle) -> None:
    outside = np.where(cycle.labels == 2, cycle.displacement, np.float32(7))
    maps, expected = (WallGrid(c).maps(-1) for c in (replace(cycle, displacement=outside), cycle))
    assert np.array_equal(maps.jacobian, expected.jacobian)


def test_maps_agree_with_central_differences_of_the_pixels(cycle: Cycle) -> None:
    rng = np.random.default_rng(0)
    wave = 0.08 * rng.standard_normal((2, 2, 2))
    where = np.stack(np.meshgrid(*[np.arange(96) * 1.5] * 2, indexing="ij"))
    turn = 2 * np.pi * where / 40
    bump = np.einsum("cij,ihw,jhw->chw", wave * 8, np.sin(turn), np.cos(turn))
    moved = replace(
        cycle,
        displacement=np.stack([np.zeros_like(bump), bump]),
        endo=np.stack([cycle.endo[0], cycle.endo[0] + _at(bump, cycle.endo[0])]),
        epi=np.stack([cycle.epi[0], cycle.epi[0] + _at(bump, cycle.epi[0])]),
    )
    grid = WallGrid(moved)
    expected = _at(pixel_jacobian(bump, 1.5)[None], grid.points[4:-4])[..., 0]
    assert np.ptp(expected) > 0.1
    assert np.abs(grid.maps(1).jacobian[4:-4] - expected).max() < 0.03


def test_pixels_have_the_area_change_of_the_bundles() -> None:
    from myomotion.core import kinematics

    field = np.random.default_rng(0).normal(size=(3, 2, 9, 7))
    gradient = kinematics.displacement_gradient(torch.from_numpy(field), 1.3)
    expected = kinematics.jacobian_determinant(gradient)[:, 0].numpy()
    np.testing.assert_allclose(pixel_jacobian(field, 1.3), expected, rtol=1e-12)


def _at(field: np.ndarray, points: np.ndarray) -> np.ndarray:
    from scipy.ndimage import map_coordinates

    index = np.moveaxis(points / 1.5, -1, 0)
    return np.stack([map_coordinates(c, index, order=3) for c in field], axis=-1)


def test_fields_on_the_end_systolic_grid_give_the_same_maps(cycle: Cycle) -> None:
    grid = np.stack(np.meshgrid(*[np.arange(96) * 1.5] * 2, indexing="ij")) - MIDDLE
    radius = np.maximum(np.hypot(*grid), 1.0)
    inner, outer = INNER, INNER + 11.0
    grown = [SHRINK - (RATIO - value) * INNER**2 for value in cycle.area_ratio]
    backward = replace(
        cycle,
        displacement=np.stack([(np.sqrt(radius**2 + k) / radius - 1) * grid for k in grown]),
        labels=((radius <= outer) * 2 - (radius <= inner) * 1).astype(np.uint8),
        provenance={"reference": "ES"},
    )
    start, end = (WallGrid(backward).maps(frame) for frame in (0, -1))
    before = _radius(start.points)
    after = np.sqrt(before**2 - SHRINK)
    assert np.abs(end.jacobian - 1).max() < 0.03
    assert np.abs(end.ecc - ((after / before) ** 2 - 1) / 2).max() < 0.01


@pytest.mark.slow
def test_a_picture_and_a_film_are_written(stored: Path, tmp_path: Path) -> None:
    output = tmp_path / "new" / "pictures"
    assert _show(stored, "--output", output, "--gif", "--renderer", "matplotlib") == 0
    assert sorted(p.name for p in output.iterdir()) == ["ring.gif", "ring.png"]
    with Image.open(output / "ring.png") as picture:
        assert picture.size == (5 * 420, 480 + 34)
        assert len(picture.convert("RGB").getcolors(2**20)) > 1000
    with Image.open(output / "ring.gif") as film:
        assert film.size == (420, 480 + 34)
        assert film.n_frames == 12
        assert film.info["loop"] == 0


@pytest.mark.parametrize(("levels", "frames"), [(50, 40), (21, 40), (7, 12), (2, 2)])
def test_a_film_runs_to_end_systole_and_back(levels: int, frames: int) -> None:
    order = film_frames(levels)
    assert len(order) == frames
    assert order[0] == 0
    assert order[frames // 2] == levels - 1
    assert order[1:] == order[:0:-1]


def test_colour_ranges_cover_the_values(cycle: Cycle) -> None:
    grid = WallGrid(cycle)
    panels = picture_panels(grid.maps(0), grid.maps(-1))
    assert [p.limits for p in panels[:3]] == [(0, 1), (0, 7), (0.95, 1.05)]
    assert [p.limits for p in panels[3:]] == [(-50, 50), (-30, 30)]


def test_a_missing_cycle_is_named(stored: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"none\.npz: no such file.*Give the \.npz"):
        _show(stored, tmp_path / "none.npz", "--output", tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_a_damaged_cycle_is_named(stored: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "half.npz"
    damaged.write_bytes(stored.read_bytes()[:5000])
    with pytest.raises(ValueError, match=r"half\.npz: "):
        _show(damaged, "--output", tmp_path / "out", "--renderer", "matplotlib")


def test_cycles_of_one_name_are_refused(stored: Path, tmp_path: Path) -> None:
    twin = tmp_path / "ring.npz"
    twin.write_bytes(stored.read_bytes())
    with pytest.raises(ValueError, match="ring: 2 of the cycles"):
        _show(stored, twin, "--output", tmp_path / "out")


def test_an_output_that_is_a_file_is_refused(stored: Path, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(OutputError, match="taken: cannot be used"):
        _show(stored, "--output", taken, "--renderer", "matplotlib")
