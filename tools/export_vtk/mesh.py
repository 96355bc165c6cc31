"""The wall of a tracked study as a mesh."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyvista as pv
import torch
from scipy.ndimage import map_coordinates

from fem_sim.geometry.mesh import ring_mesh
from myomotion.core.kinematics import polar_strain
from myomotion.core.wall.contours import RejectedSliceError, contours_from_labels, polygon_centroid
from myomotion.errors import InputError
from tools.export_vtk.result import TrackedStudy

LOG = logging.getLogger(__name__)
N_CIRC, N_RAD = 48, 4  # elements around and through the wall


@dataclass(frozen=True)
class SliceWall:
    """The wall of one slice at end-diastole.

    Attributes:
        slice: its index.
        index: ``(N, 2)`` voxel coordinates of the vertices in the slice.
        cells: ``(M, 4)`` vertex numbers.
        center: ``(2,)`` voxel coordinates of the cavity's centroid.
    """

    slice: int
    index: np.ndarray
    cells: np.ndarray
    center: np.ndarray


def slice_walls(label: np.ndarray, source: Path) -> list[SliceWall]:
    """Mesh the wall of every slice between its smoothed contours.

    A slice whose wall is no closed ring is left out with a warning.

    Args:
        label: ``(X, Y, Z)`` in the internal coding.
        source: named in messages.

    Returns:
        The slices that could be meshed.

    Raises:
        InputError: if there is none.
    """
    walls, reasons = [], []
    for z in range(label.shape[2]):
        try:
            # A spacing of 1 gives voxel coordinates, which every affine can take to the patient.
            contours = contours_from_labels(label[..., z], 1.0)
            mesh = ring_mesh(contours, N_CIRC, N_RAD)
        except RejectedSliceError as error:
            reasons.append(f"slice {z}: {error}")
            LOG.warning("%s: slice %d is left out: %s", source, z, error)
            continue
        center = polygon_centroid(contours.endo)
        walls.append(SliceWall(z, mesh.vertices(), mesh.cells(), center))
    if not walls:
        raise InputError(
            f"{source}: no slice can be meshed ({'; '.join(reasons)}). Correct the end-diastolic "
            "label: a mesh needs a closed ring of myocardium."
        )
    return walls


def frame_mesh(
    study: TrackedStudy, walls: Sequence[SliceWall], field: np.ndarray, frame: int
) -> pv.PolyData:
    """The wall in one frame.

    Args:
        study: from :func:`read_result`.
        walls: from :func:`slice_walls`.
        field: ``(X, Y, Z, 3)`` displacement of the frame, LPS millimetres.
        frame: its number.

    Returns:
        Quadrilaterals at their place in the frame, with point and cell data.
    """
    points: list[np.ndarray] = []
    moves, faces, data, slices, start = [], [], [], [], 0
    for wall in walls:
        z = wall.slice
        index = np.column_stack([wall.index, np.full(len(wall.index), float(z))])
        points.append(index @ study.affine[:3, :3].T + study.affine[:3, 3])
        moves.append(at_points(field[:, :, z], wall.index))
        maps = np.dstack(
            [
                study.jacobian[:, :, z, frame],
                strain_maps(field[:, :, z], study.affine, wall.center),
            ]
        )
        data.append(at_points(maps, wall.index))
        faces.append(np.column_stack([np.full(len(wall.cells), 4), wall.cells + start]))
        slices.append(np.full(len(wall.cells), z))
        start += len(index)
    displacement, values = np.concatenate(moves), np.concatenate(data)
    mesh = pv.PolyData(np.concatenate(points) + displacement, faces=np.concatenate(faces).ravel())
    mesh.point_data["displacement"] = displacement
    for name, column, scale in (("J", 0, 1.0), ("Err", 1, 100.0), ("Ecc", 2, 100.0)):
        mesh.point_data[name] = scale * values[:, column]
    mesh.cell_data["slice"] = np.concatenate(slices)
    return mesh


def at_points(values: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Linear interpolation within a slice.

    Args:
        values: ``(X, Y, C)``.
        index: ``(N, 2)`` voxel coordinates.

    Returns:
        ``(N, C)``; beyond the border the nearest voxel's.
    """
    channels = [
        map_coordinates(values[..., c].astype(float), index.T, order=1, mode="nearest")
        for c in range(values.shape[2])
    ]
    return np.stack(channels, axis=1)


def strain_maps(field: np.ndarray, affine: np.ndarray, center: np.ndarray) -> np.ndarray:
    """Radial and circumferential Green-Lagrange strain of a slice.

    Args:
        field: ``(X, Y, 3)`` displacement in the patient's millimetres.
        affine: ``(4, 4)``, voxel index to the patient's millimetres.
        center: ``(2,)`` voxel coordinates of the cavity's centroid.

    Returns:
        ``(X, Y, 2)``, Err and Ecc, dimensionless.
    """
    spacing = np.linalg.norm(affine[:3, :2], axis=0)
    in_plane = np.moveaxis(field.astype(float) @ (affine[:3, :2] / spacing), -1, 0)
    displacement = torch.from_numpy(np.ascontiguousarray(in_plane))[None]
    strain = polar_strain(displacement, center.tolist(), spacing.tolist())
    return strain[0].permute(1, 2, 0).numpy()
