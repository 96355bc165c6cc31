"""Export the moving myocardium of a tracked study as meshes for ParaView and 3D Slicer.

python -m tools.export_vtk RESULT/NAME --output DIR

Writes one surface a frame and NAME.pvd, which plays them; points are in LPS millimetres, as the
displacement files are.
"""

from __future__ import annotations

import argparse
import csv
import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.sax.saxutils import quoteattr

import nibabel as nib
import numpy as np
import pyvista as pv
import torch
from scipy.ndimage import map_coordinates

from fem_sim.geometry.contours import RejectedSliceError, contours_from_labels, polygon_centroid
from fem_sim.geometry.mesh import ring_mesh
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.core.kinematics import (
    displacement_gradient,
    green_lagrange_strain,
    radial_circumferential_strain,
    radial_direction,
)
from myomotion.errors import InputError, exit_on_input_error
from myomotion.files import replaced_folder
from myomotion.inferers.studies import read_summary

LOG = logging.getLogger(__name__)
N_CIRC, N_RAD = 48, 4


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


@dataclass(frozen=True)
class TrackedStudy:
    """What a finished result folder holds of the motion.

    Attributes:
        name: of the study.
        affine: ``(4, 4)``, voxel index to LPS millimetres.
        label: ``(X, Y, Z)`` at end-diastole.
        fields: displacement files, in the order of the frames.
        jacobian: ``(X, Y, Z, T)``.
        times_ms: of the frames; None when unknown.
    """

    name: str
    affine: np.ndarray
    label: np.ndarray
    fields: list[Path]
    jacobian: np.ndarray
    times_ms: list[float] | None


def export_vtk(result: Path, output: Path) -> Path:
    """Write a result's wall as a mesh that moves.

    Every frame has the same cells. Point data: ``displacement`` from end-diastole (LPS, mm), ``J``,
    ``Err`` and ``Ecc`` (Green-Lagrange, percent, reference end-diastole); cell data: ``slice``.
    Values are interpolated linearly within the slice from the result's images.

    Args:
        result: folder of a study that inference wrote.
        output: folder to write into; its ``NAME`` is replaced as a whole.

    Returns:
        The ``.pvd`` file: times in milliseconds where the result knows them, else frame numbers.

    Raises:
        InputError: if the folder is no finished result, has no label, or no slice can be meshed.
    """
    study = read_result(result)
    walls = slice_walls(study.label, result)
    target = output / study.name
    with replaced_folder(target) as folder:
        for t, path in enumerate(study.fields):
            mesh = frame_mesh(study, walls, _values(path)[:, :, :, 0], t)
            mesh.save(folder / f"{study.name}_{t:03d}.vtp")
        times = study.times_ms or [float(t) for t in range(len(study.fields))]
        (folder / f"{study.name}.pvd").write_text(collection(study.name, times), encoding="utf-8")
    return target / f"{study.name}.pvd"


def read_result(folder: Path) -> TrackedStudy:
    """Read and check a result folder.

    Args:
        folder: of a study that inference wrote.

    Returns:
        The study's motion; displacements stay on disk.

    Raises:
        InputError: naming what is missing.
    """
    summary = read_summary(folder)
    if summary is None:
        raise InputError(
            f"{folder}: no summary.json that can be read. Give the folder of one study that "
            "inference wrote (OUTPUT_DIR/NAME)."
        )
    if not (folder / "labels.nii.gz").is_file():
        raise InputError(
            f"{folder}: no labels.nii.gz. A mesh needs the wall: track the study with an "
            "end-diastolic label (label_sa_ED.nii.gz)."
        )
    labels = _values(folder / "labels.nii.gz")
    fields = sorted((folder / "displacement").glob("frame_*.nii.gz"))
    if len(fields) != labels.shape[3]:
        raise InputError(
            f"{folder}: {len(fields)} files in displacement for {labels.shape[3]} frames of "
            "labels.nii.gz. Track the study again with --overwrite True."
        )
    affine = np.array(_image(folder / "labels.nii.gz").affine, float)
    affine[:3] = LPS_FROM_RAS @ affine[:3]
    return TrackedStudy(
        name=str(summary.get("name", folder.name)),
        affine=affine,
        label=labels[..., int(summary["reference_frame"])],
        fields=fields,
        jacobian=_values(folder / "jacobian.nii.gz"),
        times_ms=frame_times(folder / "strain.csv", len(fields)),
    )


def frame_times(table: Path, frames: int) -> list[float] | None:
    """Times of the frames as the table of strains has them.

    Args:
        table: ``strain.csv``.
        frames: how many there are.

    Returns:
        Milliseconds from the first frame; None where a time is missing.
    """
    if not table.is_file():
        return None
    with table.open(newline="") as file:
        times = {int(row["frame"]): row["time_ms"] for row in csv.DictReader(file)}
    found = [times.get(t, "") for t in range(frames)]
    return [float(value) for value in found] if all(found) else None


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
    strain = green_lagrange_strain(displacement_gradient(displacement, spacing.tolist()))
    radial = radial_direction(
        center.tolist(), displacement.shape[-2:], spacing.tolist(), displacement
    )
    return radial_circumferential_strain(strain, radial)[0].permute(1, 2, 0).numpy()


def collection(name: str, times: Sequence[float]) -> str:
    """A ParaView data file that lists the frames.

    Args:
        name: of the study.
        times: one a frame.

    Returns:
        XML.
    """
    entries = "".join(
        f'    <DataSet timestep="{time:g}" file={quoteattr(f"{name}_{t:03d}.vtp")}/>\n'
        for t, time in enumerate(times)
    )
    return (
        '<?xml version="1.0"?>\n<VTKFile type="Collection" version="0.1">\n  <Collection>\n'
        f"{entries}  </Collection>\n</VTKFile>\n"
    )


def _image(path: Path) -> Any:
    try:
        return nib.load(path)
    except (nib.filebasedimages.ImageFileError, OSError) as error:
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Track the study again."
        ) from error


def _values(path: Path) -> np.ndarray:
    try:
        return np.asarray(_image(path).dataobj)
    except (OSError, EOFError, ValueError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(
            f"{path}: not a readable NIfTI file ({error}). Track the study again."
        ) from error


def main(arguments: Sequence[str] | None = None) -> None:
    """Command line."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.export_vtk",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("result", type=Path, help="result folder of one study")
    parser.add_argument("--output", type=Path, required=True, help="folder of the meshes")
    given = parser.parse_args(arguments)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    LOG.info("%s", exit_on_input_error(lambda: export_vtk(given.result, given.output)))


if __name__ == "__main__":
    main()
