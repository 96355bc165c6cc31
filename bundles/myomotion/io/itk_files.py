"""Reading NRRD and MetaImage files through ITK."""

from __future__ import annotations

import math
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from myomotion.core.axes import RAS_FROM_LPS
from myomotion.errors import InputError

META = (".mha", ".mhd")
ENDINGS = (".nrrd", ".nhdr", *META)
SEQUENCES, SEGMENTATIONS = (".seq.nrrd", ".seq.nhdr"), (".seg.nrrd", ".seg.nhdr")  # of 3D Slicer
VOXELS_BESIDE = re.compile(r"^\s*(?:ElementDataFile\s*=|data ?file:)\s*(.+?)\s*$", re.I | re.M)
NUMBERED = re.compile(r"([^%]*%0?\d?[di][^%]*?)\s+(\d{1,5})\s+(\d{1,5})(?:\s+(\d+))?(?:\s+\d)?")
# Spaces whose axes ITK leaves as they are where time is the fourth one; to left and posterior.
NRRD_SPACE = re.compile(r"^space:\s*(\S+)", re.M)
TURNED = {
    "right-anterior-superior-time": (-1, -1, 1),
    "rast": (-1, -1, 1),
    "left-anterior-superior-time": (1, -1, 1),
    "last": (1, -1, 1),
}

META_SIZES = re.compile(r"^\s*ElementSpacing\s*=([^\n\r]*)", re.M)
NRRD_SIZES = re.compile(r"^spacings:([^\n]*)", re.M)
NRRD_DIRECTIONS = re.compile(r"^space directions:([^\n]*)", re.M)
NRRD_KINDS = re.compile(r"^kinds:[^\n\r]*", re.M)
# What 3D Slicer lists of the entries of a sequence, and the name of what is listed.
NRRD_INDEX = re.compile(r"^axis \d index values:=([^\n\r]*)", re.M)
NRRD_TIME = re.compile(r"^labels:[^\n]*time", re.M | re.I)
TIME_IN_SPACE = "number of domain axes"  # ITK's words for time that is no list
LONGEST_HEADER = 1 << 16  # bytes
META_AXES = re.compile(r"^\s*NDims\s*=[ \t]*([^\n\r]*?)[ \t]*\r?$", re.M)
MOST_AXES = 4
ENCODING = re.compile(r"^\s*(?:encoding:|CompressedData\s*=)\s*([^\n\r]*)", re.M)
# Bytes of voxels that one byte of a file can stand for, by a word of its encoding.
MOST_PACKED = {"true": 1032, "gz": 1032, "bz": 50_000, "text": 4, "txt": 4, "ascii": 4}


@dataclass(frozen=True, kw_only=True, eq=False)
class ItkImage:
    """Voxels of a file and where they lie.

    Attributes:
        values: float32, ``(X, Y)``, ``(X, Y, Z)`` or ``(X, Y, Z, T)``; components of a vector image
            are its frames.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        step: distance of frames as stored, 0 where unknown.
        sized: the file says how large its voxels are; ITK takes them for 1 mm where it does not.
        times: of the frames as a sequence of 3D Slicer lists them; empty where it does not.
    """

    values: np.ndarray
    affine: np.ndarray
    step: float
    sized: bool
    times: tuple[float, ...]


def is_itk_file(path: Path) -> bool:
    """Whether the name is that of a NRRD or MetaImage file."""
    return path.name.lower().endswith(ENDINGS)


def is_segmentation(path: Path) -> bool:
    """Whether the name is that of a segmentation of 3D Slicer, whose fourth axis is no time."""
    return path.name.lower().endswith(SEGMENTATIONS)


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
        if TIME_IN_SPACE in str(error):
            raise InputError(_kinds_wanted(path)) from error
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
    text = _header_text(path)
    space = NRRD_SPACE.search(text)
    turned = TURNED.get(space[1].lower() if space else "", (1, 1, 1))
    affine[:3] = RAS_FROM_LPS @ np.diag([*turned]) @ affine[:3]
    step = float(spacing[3]) if len(spacing) > 3 else 0.0
    stated = _stated_sizes(path)[:axes]
    sized = len(stated) == axes and np.allclose(stated, spacing[:axes], rtol=1e-3, atol=0)
    return ItkImage(
        values=values, affine=affine, step=step, sized=bool(sized), times=_listed_times(text)
    )


def itk_files(path: Path) -> list[Path]:
    """A file, and that of its voxels where they lie beside it.

    Args:
        path: an existing file.
    """
    if not path.name.lower().endswith((".nhdr", ".mhd")):
        return [path]
    text = path.read_text(encoding="utf-8", errors="replace")
    found = VOXELS_BESIDE.search(text)
    beside = [path.parent / name for name in _named(found[1], text[found.end() :])] if found else []
    return [path, *(file for file in beside if file.is_file())]


def _named(word: str, rest: str) -> list[str]:
    """Files of voxels that a header names: one, those of a list, or numbered ones.

    Args:
        word: what it says, such as ``sa.raw``, ``LIST`` or ``sa%02d.raw 0 29 1``.
        rest: the text after it; of a list, a file a line.
    """
    if word.split()[0].upper() == "LIST":
        return [line.strip() for line in rest.splitlines() if line.strip()]
    numbered = NUMBERED.fullmatch(word)
    if numbered is None:
        return [word]
    first, last, step = int(numbered[2]), int(numbered[3]), int(numbered[4] or 1)
    return [numbered[1] % n for n in range(first, last + 1, max(step, 1))]


def _header_text(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(LONGEST_HEADER).decode("latin-1")


def _stated_sizes(path: Path) -> list[float]:
    """Voxel sizes as the text of the header says them, axis by axis; empty where it does not."""
    text = _header_text(path)
    try:
        if found := META_SIZES.search(text):
            return [float(word) for word in found[1].split()]
        if found := NRRD_SIZES.search(text):
            return [float(word) for word in found[1].split()]
        found = NRRD_DIRECTIONS.search(text)
        vectors = re.findall(r"\(([^)]*)\)", found[1]) if found else []
        return [math.hypot(*map(float, vector.split(","))) for vector in vectors]
    except ValueError:
        return []


def _listed_times(text: str) -> tuple[float, ...]:
    """Entries of a sequence's index where its name is one of time; it may count frames as well."""
    found = NRRD_INDEX.search(text)
    try:
        return tuple(map(float, found[1].split())) if found and NRRD_TIME.search(text) else ()
    except ValueError:
        return ()


def _kinds_wanted(path: Path) -> str:
    """How a NRRD header must call its axes where time is none of its space."""
    text = _header_text(path)
    kinds, directions = NRRD_KINDS.search(text), NRRD_DIRECTIONS.search(text)
    axes = re.findall(r"\([^)]*\)|none", directions[1]) if directions else []
    wanted = " ".join("list" if axis == "none" else "domain" for axis in axes)
    return (
        f"{path}: {repr(kinds[0]) if kinds else 'no kinds'} in its header, by which its time is an "
        f"axis of its space. Put 'kinds: {wanted}' there."
    )


def _refuse_many_axes(path: Path) -> None:
    """Refuse a number of axes that ITK does not check itself: the process would end."""
    found = META_AXES.search(_header_text(path))
    if found and not (found[1].isdecimal() and int(found[1]) <= MOST_AXES):
        raise ValueError(f"NDims is {found[1]}, expected at most {MOST_AXES}")


def _refuse_more_than_is_there(path: Path, io: Any) -> None:
    """Refuse voxels that the file cannot hold, before memory is asked for them."""
    needed = int(io.GetImageSizeInBytes())
    stored = sum(file.stat().st_size for file in itk_files(path))
    found = ENCODING.search(_header_text(path))
    packed = found[1].lower() if found else ""
    if needed > stored * next((most for word, most in MOST_PACKED.items() if word in packed), 1):
        shape = [int(io.GetDimensions(axis)) for axis in range(int(io.GetNumberOfDimensions()))]
        raise ValueError(f"its header says {needed} bytes of shape {shape}, the file has {stored}")


def _opened(path: Path) -> tuple[Any, np.ndarray]:
    """The image and its voxels, first axis first."""
    import itk  # takes seconds, and most studies do not need it

    _refuse_many_axes(path)
    io = itk.ImageIOFactory.CreateImageIO(str(path), itk.CommonEnums.IOFileMode_ReadMode)
    if io is None and path.name.lower().endswith(META) and not path.name.endswith(META):
        raise InputError(f"{path}: ITK knows MetaImage by endings in lower case. Rename it.")
    if io is None:
        raise ValueError("the format is not recognised")
    io.SetFileName(str(path))
    io.ReadImageInformation()
    axes, components = int(io.GetNumberOfDimensions()), int(io.GetNumberOfComponents())
    if axes > 4 or (components > 1 and axes > 3):
        raise ValueError(f"{axes} axes of {components} components, expected x, y, z, t")
    _refuse_more_than_is_there(path, io)
    if components == 1:
        image = itk.imread(str(path), itk.F)
        return image, np.array(itk.array_view_from_image(image).T, np.float32, order="C")
    reader = itk.ImageFileReader[itk.VectorImage[itk.F, axes]].New(FileName=str(path))
    reader.Update()
    image = reader.GetOutput()
    values = np.moveaxis(np.asarray(itk.array_view_from_image(image)), -1, 0)
    return image, np.array(values.T, np.float32, order="C")
