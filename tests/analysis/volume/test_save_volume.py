"""What is written of a wall in space opens elsewhere and is where it should be."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import pyvista as pv

from myomotion.analysis.volume.function import function_of
from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, HEIGHTS
from myomotion.analysis.volume.lift import Tracks, lift
from myomotion.analysis.volume.modes import shipped_modes
from myomotion.analysis.volume.shape import heart_shape
from myomotion.analysis.volume.study import HeartAxes, VolumeMotion, slice_places
from myomotion.core.wall.contours import Contours
from myomotion.io.cine import Cine
from myomotion.io.slabs import slabs_of
from myomotion.transforms.save_volume import structured_grid, wall_displacement, write_volume

SHIFT = np.array([3.0, 1.0])
MIDDLE = 32 * 1.5


@pytest.fixture(scope="module")
def volume() -> VolumeMotion:
    """A cup of four slices that moves in its planes; the slices' middle is voxel 32."""
    levels = np.array([0.0, 10.0, 20.0, 30.0])
    angle = np.linspace(0, 2 * np.pi, 90, endpoint=False)
    ray = np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    contours = [
        Contours(endo=MIDDLE + r * ray, epi=MIDDLE + (r + 8) * ray) for r in (14, 19, 22, 23)
    ]
    shape = heart_shape(levels.tolist(), contours)
    moves = np.zeros((2, 4, len(ANGLES), len(DEPTHS), 2))
    moves[1] = SHIFT
    tracks = Tracks(levels=levels, moves=moves, trust=np.ones(4))
    lifted = lift(shape, tracks, shipped_modes())
    axes = HeartAxes(vectors=np.eye(3), mirrored=False, origin=np.zeros(3))
    return VolumeMotion(
        lifted=lifted,
        tracks=tracks,
        axes=axes,
        slices=[0, 1, 2, 3],
        function=function_of(lifted),
    )


@pytest.fixture
def cine() -> Cine:
    affine = np.diag([1.5, 1.5, 10.0, 1.0])
    image = np.zeros((64, 64, 4, 2), np.float32)
    return Cine(name="cup", image=image, affine=affine, ed_frame=0, es_frame=1)


def test_mesh_of_every_frame_opens_and_moves(
    volume: VolumeMotion, cine: Cine, tmp_path: Path
) -> None:
    write_volume(tmp_path, volume, cine)
    still, moved = (pv.read(tmp_path / "volume" / f"wall_00{t}.vts") for t in (0, 1))
    assert still.n_points == len(HEIGHTS) * (len(ANGLES) + 1) * len(DEPTHS)
    apart = np.asarray(moved.points) - np.asarray(still.points)
    assert np.allclose(apart, moved["displacement"], atol=1e-3)
    # LPS: x and y run against RAS.
    assert np.abs(apart[:, :2].mean(0) + SHIFT).max() < 0.2
    assert np.abs(moved["Ecc"]).max() < 3.0
    assert "wall_001.vts" in (tmp_path / "volume" / "wall.pvd").read_text()
    rows = (tmp_path / "volume.csv").read_text().splitlines()
    assert rows[0].endswith("through_plane_slice_3_mm")
    assert len(rows) == 3


def test_cells_of_the_mesh_are_upright() -> None:
    height, angle, depth = np.meshgrid(np.arange(3.0), ANGLES, DEPTHS, indexing="ij")
    radius = 20 + 5 * depth
    points = np.stack([radius * np.cos(angle), radius * np.sin(angle), height], axis=-1)
    text = structured_grid(points, {"depth": depth})
    assert 'WholeExtent="0 2 0 36 0 2"' in text


def test_displacement_on_voxels_is_that_of_the_tissue(volume: VolumeMotion, cine: Cine) -> None:
    field = wall_displacement(volume, cine)
    wall = field[1, :, :, 2, 0] != 0
    radius = np.hypot(*(np.argwhere(wall) * 1.5 - MIDDLE).T)
    assert radius.min() > 21.0
    assert radius.max() < 31.0
    assert np.abs(field[1, wall, 2].mean(0)[:2] + SHIFT).max() < 0.2
    assert not field[0].any()
    assert not field[1, 32, 32].any()


def test_places_of_slices_follow_the_header(cine: Cine) -> None:
    assert np.allclose(slice_places(cine), [0, 10, 20, 30])
    cine.affine[2, 2] = -10.0
    turned = Cine(name="cup", image=cine.image, affine=cine.affine, ed_frame=0)
    assert np.allclose(slice_places(turned), [0, -10, -20, -30])
    heights = np.array([0.0, 8.0, 24.0, 32.0])  # one was never taken
    turned.slabs = slabs_of(turned.affine, 4, heights)
    assert np.allclose(slice_places(turned), -heights)
