"""Label maps: codings of public data sets, and reading them into one of ours."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from myomotion.errors import InputError
from myomotion.io.codes import CAVITY as CAVITY
from myomotion.io.codes import LABEL_CODINGS as LABEL_CODINGS
from myomotion.io.codes import MYOCARDIUM as MYOCARDIUM
from myomotion.io.codes import RIGHT_VENTRICLE as RIGHT_VENTRICLE
from myomotion.io.codes import coding_table
from myomotion.io.itk_files import is_itk_file, is_segmentation, read_itk
from myomotion.io.label_geometry import contradiction, enclosed, meanings
from myomotion.io.label_grid import on_grid
from myomotion.io.nifti import read_nifti
from myomotion.io.storage import slice_axis

LOG = logging.getLogger(__name__)
ROUNDING = 0.01  # how far from a whole number a label may lie that was stored as a scaled one


@dataclass(frozen=True, kw_only=True, eq=False)
class Label:
    """A label map as it was read.

    Attributes:
        map: uint8 ``(X, Y, Z)``: 0 background, 1 cavity, 2 myocardium, 3 right ventricle.
        codes: that the file has, and what they are in the map.
        notes: what the user should know about it.
    """

    map: np.ndarray
    codes: Mapping[int, int]
    notes: tuple[str, ...] = ()


def read_label(
    path: str | Path,
    shape: tuple[int, ...],
    coding: str | Mapping[object, object] = "auto",
    affine: np.ndarray | None = None,
    frames: int = 1,
    like: Label | None = None,
    itk_affine: np.ndarray | None = None,
) -> Label:
    """Read a label map into the internal coding; a missing cavity is the hole in the myocardium.

    Args:
        path: NIfTI, NRRD or MetaImage file.
        shape: ``(X, Y, Z)`` it must have.
        coding: see :func:`~myomotion.io.cine.read_cine`.
        affine: of the cine; where given, the label must lie on its grid, and its axes are brought
            into the cine's order and direction; a label saved without geometry (unit voxels at the
            origin, or a header that says of no form what it is) is taken voxel by voxel.
        frames: of the cine; a map ``(X, Y, Z, frames)`` that labels one of them alone is taken for
            that frame. Axes of one entry after the third are none; a cine of one slice takes a map
            without that axis.
        like: another label of the study, whose codes count where the coding is ``auto``, all of
            them are known and the shapes do not contradict.
        itk_affine: where ITK places the cine: a label that was drawn in a program that goes by it
            lies there.

    Returns:
        The label.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    path = Path(path)
    values, own_affine, placed = _read_volume(path)
    values = _of_one_frame(path, values, shape, frames)
    notes: tuple[str, ...] = ()
    if affine is not None and placed:
        grids = [affine] if itk_affine is None else [affine, itk_affine]
        values, notes = on_grid(path, values, own_affine, shape, grids)
    if values.shape != tuple(shape):
        raise InputError(
            f"{path}: label of shape {values.shape} for a cine of {tuple(shape)}. "
            "Resample the label to the cine's grid."
        )
    # What encloses what is seen in the slices, whichever axis counts them.
    across = 2 if affine is None else slice_axis(shape, affine)
    values = whole_numbers(path, np.moveaxis(values, across, 2))
    known = coding == "auto" and like is not None and _fits(values, like.codes)
    table = like.codes if like is not None and known else codes_of(path, values, coding)
    label = _recoded(path, values, table)
    label = label if (label == CAVITY).any() else with_filled_cavity(label)
    back = np.ascontiguousarray(np.moveaxis(label, 2, across))
    there = {code: meaning for code, meaning in table.items() if (values == code).any()}
    return Label(map=back, codes=there, notes=notes)


def _of_one_frame(
    path: Path, values: np.ndarray, shape: tuple[int, ...], frames: int
) -> np.ndarray:
    """The map ``(A, B, C)`` of a file, which may have an axis of frames and axes of one entry."""
    stored = values.shape
    if values.ndim == 2 and 1 in shape:
        values = values[..., None]
    values = values.reshape(*values.shape[:3], *(n for n in values.shape[3:] if n > 1))
    if values.ndim == 4 and values.shape[3] == frames:
        shown = [t for t in range(frames) if values[..., t].any()] or [0]
        if len(shown) == 1:
            return values[..., shown[0]]
        if not is_segmentation(path):  # whose maps are of no frames
            raise InputError(
                f"{path}: frames {', '.join(map(str, shown))} are labelled, and the file name "
                "stands for one. Save the labels of that frame alone (x, y, z)."
            )
    if values.ndim == 4:
        raise InputError(
            f"{path}: holds {values.shape[3]} maps, one a structure as it seems (the cine has "
            f"{frames} frames). Save one map with a code for each structure."
        )
    if values.ndim != 3:
        raise InputError(
            f"{path}: label of shape {stored} for a cine of {tuple(shape)}. Save one map (x, y, z) "
            "on the cine's grid."
        )
    return values


def _fits(values: np.ndarray, codes: Mapping[int, int]) -> bool:
    """Whether a map can be in the coding of another one: it shows a left ventricle then."""
    found = {int(code) for code in np.unique(values)} - {0}
    left = {codes.get(code) for code in found} & {CAVITY, MYOCARDIUM}
    return bool(left) and found <= {*codes} and contradiction(values, codes) is None


def _read_volume(path: Path) -> tuple[np.ndarray, np.ndarray, bool]:
    """Voxels, affine and whether it says where it lies; NIfTI unless its name says otherwise."""
    if is_itk_file(path):
        other = read_itk(path)
        return other.values, other.affine, True
    image = read_nifti(path)
    if image.repair is not None:
        LOG.warning("%s: %s", path, image.repair)
    return image.values, image.affine, image.placed


def internal_codes(
    path: Path, values: np.ndarray, coding: str | Mapping[object, object] = "auto"
) -> np.ndarray:
    """Bring the codes of a file to those in memory.

    Args:
        path: of the label, for messages.
        values: whole numbers in the file's coding, of any shape and type.
        coding: see :func:`~myomotion.io.cine.read_cine`; ``auto`` decides by how the codes lie
            (:func:`~myomotion.io.label_geometry.meanings`), and a stated coding is checked by that.

    Returns:
        uint8, the internal coding.

    Raises:
        InputError: for NaN, fractions, codes that the coding does not know, a coding that the
            shapes contradict, or neither myocardium nor cavity.
    """
    values = whole_numbers(path, values)
    return _recoded(path, values, codes_of(path, values, coding))


def whole_numbers(path: Path, values: np.ndarray) -> np.ndarray:
    """Codes of a file as whole numbers.

    Args:
        path: of the label, for messages.
        values: as stored.

    Returns:
        The same, rounded.

    Raises:
        InputError: for NaN and fractions.
    """
    if not np.isfinite(values).all():
        raise InputError(f"{path}: the label holds NaN or infinite values. Save integer labels.")
    codes = np.unique(values)
    apart = np.abs(codes - np.round(codes))
    if apart.max() > ROUNDING:
        raise InputError(
            f"{path}: labels are not whole numbers (for example {codes[apart.argmax()]:g}): they "
            "were interpolated, or are no labels. Save integer labels."
        )
    return np.round(values)


def codes_of(
    path: Path, values: np.ndarray, coding: str | Mapping[object, object]
) -> Mapping[int, int]:
    """What the codes of a file are, see :func:`internal_codes`.

    Args:
        path: of the label, for messages.
        values: whole numbers, of any shape.
        coding: see :func:`~myomotion.io.cine.read_cine`.

    Returns:
        Code in the file to code in memory.

    Raises:
        InputError: for codes that the coding does not know, and a coding that the shapes
            contradict.
    """
    found = {int(c) for c in np.unique(values)} - {0}
    volume = values.reshape(*(*values.shape, 1, 1)[:2], -1)
    if coding == "auto":
        # Where the shapes do not tell, 2 is the wall in every public coding that has one.
        lone = {1: MYOCARDIUM} if found == {1} else LABEL_CODINGS["internal"]
        table, title = meanings(volume) or lone, "auto"
    else:
        table, title = coding_table(coding), str(coding)
    unknown = sorted(found - set(table))
    if unknown:
        raise InputError(
            f"{path}: label values {unknown} are not part of the coding '{title}' "
            f"({table}). Set label_coding."
        )
    if coding != "auto" and (wrong := contradiction(volume, table)):
        raise InputError(
            f"{path}: the coding '{title}' cannot be right: {wrong}. Set label_coding, or labels "
            "in info.json where that states it, to auto or to the coding of the file."
        )
    return table


def _recoded(path: Path, values: np.ndarray, table: Mapping[int, int]) -> np.ndarray:
    label: np.ndarray = np.zeros(values.shape, np.uint8)
    for code, meaning in table.items():
        label[values == code] = meaning
    if not np.isin(label, (MYOCARDIUM, CAVITY)).any():
        codes = ", ".join(str(int(code)) for code in np.unique(values))
        raise InputError(
            f"{path}: no voxel is myocardium or cavity in the coding {dict(table)}; labels found: "
            f"{codes}. Set label_coding."
        )
    return label


def with_filled_cavity(label: np.ndarray) -> np.ndarray:
    """Add the cavity to a label map that has the wall alone: what the wall encloses in a slice.

    Args:
        label: uint8 ``(X, Y, Z)``, internal coding.

    Returns:
        A new map; the same where no slice has a closed wall.
    """
    filled = label.copy()
    for z in range(label.shape[2]):
        wall = label[..., z] == MYOCARDIUM
        filled[..., z][enclosed(wall)] = CAVITY
    return filled
