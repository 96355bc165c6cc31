"""Write the motion of the wall in space: a mesh that moves, displacements, a table."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from myomotion.analysis.volume.lattice import ANGLES, DEPTHS, green_lagrange
from myomotion.analysis.volume.numbers import volume_columns, volume_rows
from myomotion.analysis.volume.planes import at_place, meet
from myomotion.analysis.volume.study import VolumeMotion, sideways_of
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.files.tables import write_table
from myomotion.io.cine import Cine

STRAINS = ("Ecc", "Ell", "Ett")


def write_volume(folder: Path, volume: VolumeMotion, cine: Cine) -> None:
    """Write ``volume.csv`` and the mesh ``volume/wall.pvd`` of every frame.

    Args:
        folder: of the study, there already.
        volume: motion in space.
        cine: the study.
    """
    write_table(folder / "volume.csv", volume_columns(volume), volume_rows(volume, cine))
    target = folder / "volume"
    target.mkdir()
    lifted = volume.lifted
    start = lifted.shape.positions
    places = volume.axes.to_ras(lifted.positions) @ LPS_FROM_RAS.T
    entries = []
    for t, positions in enumerate(lifted.positions):
        strain = 100 * green_lagrange(positions, start)
        values = {name: strain[..., k, k] for k, name in enumerate(STRAINS)}
        moved = (positions - start) @ volume.axes.vectors.T @ LPS_FROM_RAS.T
        text = structured_grid(places[t], {"displacement": moved, **values})
        (target / f"wall_{t:03d}.vts").write_text(text, encoding="ascii")
        times = cine.frame_times_ms
        time = float(t) if times is None else float(times[t])
        entries.append(f'    <DataSet timestep="{time:g}" file="wall_{t:03d}.vts"/>\n')
    (target / "wall.pvd").write_text(
        '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n  <Collection>\n'
        f"{''.join(entries)}  </Collection>\n</VTKFile>\n",
        encoding="ascii",
    )


def structured_grid(points: np.ndarray, data: Mapping[str, np.ndarray]) -> str:
    """A wall as VTK's structured grid, closed around.

    Args:
        points: ``(heights, angles, depths, 3)`` in mm.
        data: values of the points, ``(heights, angles, depths)`` or with ``3`` behind.

    Returns:
        XML.
    """
    heights, angles, depths = points.shape[:3]
    extent = f"0 {depths - 1} 0 {angles} 0 {heights - 1}"  # the first index runs fastest
    arrays = "".join(_array(name, values) for name, values in data.items())
    return (
        '<?xml version="1.0"?>\n'
        '<VTKFile type="StructuredGrid" version="1.0" byte_order="LittleEndian" '
        'header_type="UInt32">\n'
        f'<StructuredGrid WholeExtent="{extent}">\n<Piece Extent="{extent}">\n'
        f"<Points>{_array('points', points)}</Points>\n<PointData>{arrays}</PointData>\n"
        "</Piece>\n</StructuredGrid>\n</VTKFile>\n"
    )


def _array(name: str, values: np.ndarray) -> str:
    closed = np.concatenate([values, values[:, :1]], axis=1)
    content = np.ascontiguousarray(closed, "<f4").tobytes()
    text = base64.b64encode(np.array(len(content), "<u4").tobytes() + content).decode()
    number = 3 if values.ndim == 4 else 1
    return (
        f'<DataArray type="Float32" Name="{name}" NumberOfComponents="{number}" format="binary">'
        f"{text}</DataArray>\n"
    )


def wall_displacement(volume: VolumeMotion, cine: Cine) -> np.ndarray:
    """Displacement of the wall's tissue in space on the cine's voxels.

    Args:
        volume: motion in space.
        cine: the study.

    Returns:
        float32 ``(T, X, Y, Z, 3)`` in LPS mm from end-diastole, zero outside the wall.
    """
    shape, axes = volume.lifted.shape, volume.axes
    frames = len(volume.lifted.coefficients)
    field = np.zeros((frames, *cine.image.shape[:3], 3), np.float32)
    size = np.array(cine.spacing)[:, None, None]
    place = np.stack(np.meshgrid(*map(np.arange, cine.image.shape[:2]), indexing="ij")) * size
    sideways = sideways_of(cine)
    if axes.mirrored:
        place[1] *= -1
        sideways = sideways * [1, -1]
    moves = volume.lifted.at_levels(shape.levels) @ axes.vectors.T @ LPS_FROM_RAS.T
    for k, z in enumerate(volume.slices):
        ring = at_place(meet(shape.positions, shape.levels[k]), shape.positions)[..., :2]
        middle = ring[:, 0].mean(0)
        offset = place - (middle + shape.shifts[k] - sideways[z])[:, None, None]
        angle = np.arctan2(offset[1], offset[0])
        inner, outer = (_radius(ring[:, side] - middle, angle) for side in (0, -1))
        depth = (np.hypot(*offset) - inner) / (outer - inner)
        wall = (depth >= 0) & (depth <= 1)
        turn = (angle[wall] / ANGLES[1]) % len(ANGLES)
        low = np.floor(turn).astype(int)
        share = (turn - low)[:, None, None]
        first, second = moves[:, k, low % len(ANGLES)], moves[:, k, (low + 1) % len(ANGLES)]
        around = first + share * (second - first)
        across = np.stack(
            [
                np.prod([(depth[wall] - o) / (own - o) for o in DEPTHS if o != own], axis=0)
                for own in DEPTHS
            ],
            axis=-1,
        )
        field[:, wall, z] = np.einsum("tndi,nd->tni", around, across)
    return field


def _radius(ring: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """Radius of a closed line ``(angles, 2)`` about its middle along angles."""
    own = np.arctan2(ring[:, 1], ring[:, 0])
    order = np.argsort(own)
    return np.interp(angle, own[order], np.hypot(*ring.T)[order], period=2 * np.pi)
