"""Points and meshes, moved along: every vertex goes where its material point goes."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from myomotion.errors import InputError
from tools.move.motion import ResultMotion

if TYPE_CHECKING:
    import pyvista as pv

AXES = ("x", "y", "z")


def read_rows(path: Path, columns: Sequence[str], fix: str) -> list[dict[str, str]]:
    """Rows of a table with a line of headings; columns beside those wanted are kept.

    Args:
        path: comma-separated values.
        columns: that it must have.
        fix: what to do where it has not.

    Raises:
        InputError: if it cannot be read, or has no rows or lacks a column.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{path}: not a readable table ({error}). Give CSV.") from error
    if not rows or not set(columns) <= set(rows[0]):
        raise InputError(f"{path}: no rows with the columns {', '.join(columns)}. {fix}")
    return rows


def read_points(path: Path) -> np.ndarray:
    """Points of a table with the columns ``x``, ``y`` and ``z``.

    Args:
        path: comma-separated values with a line of headings; other columns are left out.

    Returns:
        ``(N, 3)``.

    Raises:
        InputError: if a column or a number is missing, or one is not finite.
    """
    points = []
    for number, row in enumerate(read_rows(path, AXES, "Add a line x,y,z at the top."), 2):
        try:
            place = [float(row[axis]) for axis in AXES]
        except (TypeError, ValueError):
            place = [np.nan]
        if not np.isfinite(place).all():
            raise InputError(
                f"{path}: line {number} is no point: {', '.join(str(row[a]) for a in AXES)}. Give "
                "three numbers."
            )
        points.append(place)
    return np.array(points)


def point_rows(
    points: np.ndarray, motion: ResultMotion, start: int, ends: list[int], flip: np.ndarray
) -> list[list[object]]:
    """One row a frame and point: ``frame``, ``point``, ``x``, ``y``, ``z``, ``inside``.

    Args:
        points: ``(N, 3)`` in frame ``start``, in the user's space.
        motion: of the result.
        start: see ``points``.
        ends: the frames that are wanted.
        flip: ``(3,)`` signs that turn the user's space into LPS.
    """
    inside = motion.inside(points * flip)
    rows: list[list[object]] = []
    for end in ends:
        moved = motion.carried(points * flip, start, end) * flip
        rows += [
            [end, i, *(round(float(v), 4) for v in point), int(inside[i])]
            for i, point in enumerate(moved)
        ]
    return rows


def read_mesh(path: Path) -> pv.DataSet:
    """A mesh that VTK reads: ``.vtp``, ``.vtk``, ``.vtu``, ``.stl``, ``.ply``, ``.obj``.

    Args:
        path: the file.

    Raises:
        InputError: if it is none, or a point of it has no place.
    """
    import pyvista as pv

    if not path.is_file():
        raise InputError(f"{path}: no such file. Give a mesh.")
    try:
        mesh = pv.read(path)
    except Exception as error:  # VTK's readers raise whatever they like
        raise InputError(f"{path}: not a mesh that VTK reads ({error}).") from error
    movable = isinstance(mesh, (pv.PolyData, pv.UnstructuredGrid, pv.StructuredGrid))
    if not movable or mesh.n_points == 0:
        raise InputError(f"{path}: holds no points that could be moved.")
    if not np.isfinite(mesh.points).all():
        raise InputError(f"{path}: a point has no place. Give three numbers for each.")
    return mesh


def moved_mesh(
    mesh: pv.DataSet, motion: ResultMotion, start: int, end: int, flip: np.ndarray
) -> pv.DataSet:
    """A mesh in another frame; ``displacement`` and ``inside`` are added to its point data.

    Args:
        mesh: in frame ``start``.
        motion: of the result.
        start: see ``mesh``.
        end: the frame that is wanted.
        flip: ``(3,)`` signs that turn the user's space into LPS.
    """
    points = np.asarray(mesh.points, float)
    moved = motion.carried(points * flip, start, end) * flip
    found = mesh.copy()
    found.points = moved
    found.point_data["displacement"] = moved - points
    found.point_data["inside"] = motion.inside(points * flip).astype(np.uint8)
    return found
