"""The wall of a tracked study as a mesh."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myomotion.core.wall.contours import RejectedSliceError, contours_from_labels
from myomotion.core.wall.field import WallField
from myomotion.core.wall.mesh import WallMesh, wall_mesh
from myomotion.core.wall.strain import wall_strain
from myomotion.errors import InputError
from tools.export_vtk.result import TrackedStudy

if TYPE_CHECKING:
    import pyvista as pv

LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True, eq=False)
class SliceWall:
    """The wall of one slice: the mesh that its strain is taken on.

    Attributes:
        slice: its index.
        mesh: at end-diastole, millimetres along the axes of the slice.
        field: moves its nodes.
    """

    slice: int
    mesh: WallMesh
    field: WallField

    @property
    def cells(self) -> np.ndarray:
        """Node numbers of the quadrilaterals, ``(angles * rows, 4)``."""
        angles, points = self.mesh.nodes.shape[:2]
        number = np.arange(angles * points).reshape(angles, points)
        after = np.roll(number, -1, axis=0)
        corners = (number[:, :-1], after[:, :-1], after[:, 1:], number[:, 1:])
        return np.stack(corners, axis=-1).reshape(-1, 4)


def slice_walls(study: TrackedStudy, source: Path) -> list[SliceWall]:
    """Mesh the wall of every slice between its contours.

    A slice whose wall is no closed ring is left out with a warning.

    Args:
        study: from :func:`~tools.export_vtk.result.read_result`.
        source: named in messages.

    Returns:
        The slices that could be meshed.

    Raises:
        InputError: if there is none.
    """
    walls, reasons = [], []
    for z in range(study.label.shape[2]):
        label = study.label[..., z]
        try:
            mesh = wall_mesh(contours_from_labels(label, study.spacing))
        except RejectedSliceError as error:
            reasons.append(f"slice {z}: {error}")
            LOG.warning("%s: slice %d is left out: %s", source, z, error)
            continue
        field = WallField(mesh, study.spacing, label.shape)
        walls.append(SliceWall(slice=z, mesh=mesh, field=field))
    if not walls:
        raise InputError(
            f"{source}: no slice can be meshed ({'; '.join(reasons)}). Correct the end-diastolic "
            "label: a mesh needs a closed ring of myocardium."
        )
    return walls


def frame_mesh(study: TrackedStudy, walls: Sequence[SliceWall], field: np.ndarray) -> pv.PolyData:
    """The wall in one frame.

    Args:
        study: from :func:`~tools.export_vtk.result.read_result`.
        walls: from :func:`slice_walls`.
        field: ``(X, Y, Z, 3)`` displacement of the frame, LPS millimetres.

    Returns:
        Quadrilaterals at their place in the frame, with point and cell data.
    """
    directions = study.affine[:3, :2] / study.spacing
    starts, ends, faces, slices, count = [], [], [], [], 0
    data: dict[str, list[np.ndarray]] = {"J": [], "Err": [], "Ecc": []}
    for wall in walls:
        in_plane = np.moveaxis(field[:, :, wall.slice].astype(float) @ directions, -1, 0)
        nodes = wall.field.nodes(in_plane[None])
        strain = wall_strain(wall.mesh, nodes)
        data["J"].append(strain.jacobian.ravel())
        data["Err"].append(100 * strain.err.ravel())
        data["Ecc"].append(100 * strain.ecc.ravel())
        starts.append(_in_patient(study, wall.slice, wall.mesh.nodes))
        ends.append(_in_patient(study, wall.slice, nodes[0]))
        faces.append(np.column_stack([np.full(len(wall.cells), 4), wall.cells + count]))
        slices.append(np.full(len(wall.cells), wall.slice))
        count += len(starts[-1])
    points = np.concatenate(ends)
    import pyvista as pv

    mesh = pv.PolyData(points, faces=np.concatenate(faces).ravel())
    mesh.point_data["displacement"] = points - np.concatenate(starts)
    for name, values in data.items():
        mesh.cell_data[name] = np.concatenate(values)
    mesh.cell_data["slice"] = np.concatenate(slices)
    return mesh


def _in_patient(study: TrackedStudy, z: int, nodes: np.ndarray) -> np.ndarray:
    """Nodes ``(angles, rows + 1, 2)`` in the slice's millimetres as LPS points ``(N, 3)``."""
    index = nodes.reshape(-1, 2) / study.spacing
    whole = np.column_stack([index, np.full(len(index), float(z))])
    points: np.ndarray = whole @ study.affine[:3, :3].T + study.affine[:3, 3]
    return points
