"""Reading NRRD and MetaImage files through ITK."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.core.axes import RAS_FROM_LPS
from myomotion.errors import InputError

ENDINGS = (".nrrd", ".nhdr", ".mha", ".mhd")
VOXELS_BESIDE = re.compile(r"^\s*(?:ElementDataFile\s*=|data ?file:)\s*(.+?)\s*$", re.I | re.M)


@dataclass(frozen=True, kw_only=True, eq=False)
class ItkImage:
    """Voxels of a file and where they lie.

    Attributes:
        values: float32, ``(X, Y)``, ``(X, Y, Z)`` or ``(X, Y, Z, T)``; components of a vector image
            are its frames.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        step: distance of frames as stored, 0 where unknown.
    """

    values: np.ndarray
    affine: np.ndarray
    step: float


def is_itk_file(path: Path) -> bool:
    """Whether the name is that of a NRRD or MetaImage file."""
    return path.name.lower().endswith(ENDINGS)


def read_itk(path: Path) -> ItkImage:
    """Read a NRRD or MetaImage file.

    Args:
        path: the file, or the header of one whose voxels lie beside it.

    Returns:
        Its voxels and where they lie.

    Raises:
        InputError: if it is missing, unreadable, empty, or has more than four axes.
    """
    if not path.is_file():
        raise InputError(f"{path}: no such file. Check the path.")
    if not os.access(path, os.R_OK):
        raise InputError(f"{path}: permission to read it is denied. Change its permissions.")
    try:
        image, values = _opened(path)
    except (RuntimeError, KeyError, TypeError, ValueError, AttributeError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[-1][:160]
        raise InputError(
            f"{path}: not a readable NRRD or MetaImage file ({reason}). Export it again."
        ) from error
    axes = min(int(image.GetImageDimension()), 3)
    spacing, origin = np.array(image.GetSpacing()), np.array(image.GetOrigin())
    direction = np.array(image.GetDirection())
    affine = np.eye(4)
    affine[:axes, :axes] = (direction * spacing)[:axes, :axes]
    affine[:axes, 3] = origin[:axes]
    affine[:3] = RAS_FROM_LPS @ affine[:3]
    step = float(spacing[3]) if len(spacing) > 3 else 0.0
    return ItkImage(values=values, affine=affine, step=step)


def itk_files(path: Path) -> list[Path]:
    """A file, and that of its voxels where they lie beside it.

    Args:
        path: an existing file.
    """
    if not path.name.lower().endswith((".nhdr", ".mhd")):
        return [path]
    named = VOXELS_BESIDE.findall(path.read_text(encoding="utf-8", errors="replace"))
    beside = [path.with_name(name) for name in named]
    return [path, *(file for file in beside if file.is_file())]


def _opened(path: Path) -> tuple[Any, np.ndarray]:
    """The image and its voxels, first axis first."""
    import itk  # takes seconds, and most studies do not need it

    io = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    if io is None:
        raise ValueError("the format is not recognised")
    io.SetFileName(str(path))
    io.ReadImageInformation()
    axes, components = int(io.GetNumberOfDimensions()), int(io.GetNumberOfComponents())
    if axes > 4 or (components > 1 and axes > 3):
        raise ValueError(f"{axes} axes of {components} components, expected x, y, z, t")
    if components == 1:
        image = itk.imread(str(path), itk.F)
        return image, np.array(itk.array_view_from_image(image).T, np.float32, order="C")
    reader = itk.ImageFileReader[itk.VectorImage[itk.F, axes]].New(FileName=str(path))
    reader.Update()
    image = reader.GetOutput()
    values = np.moveaxis(np.asarray(itk.array_view_from_image(image)), -1, 0)
    return image, np.array(values.T, np.float32, order="C")
