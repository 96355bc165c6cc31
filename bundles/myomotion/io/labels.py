"""Label maps: codings of public data sets, and reading them into one of ours."""

from __future__ import annotations

import logging
from pathlib import Path

import numpy as np
from scipy import ndimage

from myomotion.errors import InputError
from myomotion.io.label_grid import on_grid
from myomotion.io.nifti import read_nifti

LOG = logging.getLogger(__name__)
CAVITY, MYOCARDIUM, RIGHT_VENTRICLE = 1, 2, 3

#: Code in a file to code in memory (0 background, 1 LV cavity, 2 LV myocardium, 3 RV cavity).
LABEL_CODINGS: dict[str, dict[int, int]] = {
    "internal": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    "myocardium": {1: MYOCARDIUM},
    "acdc": {1: RIGHT_VENTRICLE, 2: MYOCARDIUM, 3: CAVITY},
    "mnms": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE},
    # The one coding that is not one-to-one: some exports have the right ventricle as 4.
    "ukbb": {1: CAVITY, 2: MYOCARDIUM, 3: RIGHT_VENTRICLE, 4: RIGHT_VENTRICLE},
}


def read_label(
    path: str | Path,
    shape: tuple[int, ...],
    coding: str = "auto",
    affine: np.ndarray | None = None,
) -> np.ndarray:
    """Read a label map into the internal coding; a missing cavity is the hole in the myocardium.

    Args:
        path: NIfTI file.
        shape: ``(X, Y, Z)`` it must have.
        coding: see :func:`~myomotion.io.cine.read_cine`.
        affine: of the cine; where given, the label must lie on its grid, and its axes are brought
            into the cine's order and direction; a label saved without geometry (unit voxels at the
            origin) is taken voxel by voxel.

    Returns:
        uint8 ``(X, Y, Z)``: 0 background, 1 cavity, 2 myocardium, 3 right ventricle.

    Raises:
        InputError: naming the file, what was found and the fix.
    """
    path = Path(path)
    image = read_nifti(path)
    if image.repair is not None:
        LOG.warning("%s: %s", path, image.repair)
    values, own_affine = image.values, image.affine
    if values.ndim == 4 and values.shape[3] == 1:
        values = values[..., 0]
    placeholder = np.allclose(np.abs(own_affine), np.eye(4))  # a file saved without geometry
    if affine is not None and not placeholder and not np.allclose(own_affine, affine, atol=1e-3):
        values = on_grid(path, values, own_affine, shape, affine)
    if values.shape != tuple(shape):
        raise InputError(
            f"{path}: label of shape {values.shape} for a cine of {tuple(shape)}. "
            "Resample the label to the cine's grid."
        )
    label = internal_codes(path, values, coding)
    return label if (label == CAVITY).any() else with_filled_cavity(label)


def internal_codes(path: Path, values: np.ndarray, coding: str = "auto") -> np.ndarray:
    """Bring the codes of a file to those in memory.

    Args:
        path: of the label, for messages.
        values: whole numbers in the file's coding, of any shape and type.
        coding: see :func:`~myomotion.io.cine.read_cine`.

    Returns:
        uint8, the internal coding.

    Raises:
        InputError: for NaN, fractions, codes that the coding does not know, or no myocardium.
    """
    if not np.isfinite(values).all():
        raise InputError(f"{path}: the label holds NaN or infinite values. Save integer labels.")
    codes = np.unique(values)
    if np.abs(codes - np.round(codes)).max() > 0:
        raise InputError(
            f"{path}: labels are not whole numbers (for example "
            f"{codes[codes != np.round(codes)][0]:g}). Save integer labels."
        )
    found = {int(c) for c in codes} - {0}
    if coding == "auto":
        coding = "myocardium" if found == {1} else "internal"
    if coding not in LABEL_CODINGS:
        raise InputError(
            f"label_coding: '{coding}' is unknown. Use one of {', '.join(LABEL_CODINGS)} or auto."
        )
    table = LABEL_CODINGS[coding]
    unknown = sorted(found - set(table))
    if unknown:
        raise InputError(
            f"{path}: label values {unknown} are not part of the coding '{coding}' "
            f"({table}). Set label_coding."
        )
    label: np.ndarray = np.zeros(values.shape, np.uint8)
    for code, meaning in table.items():
        label[values == code] = meaning
    if not (label == MYOCARDIUM).any():
        raise InputError(
            f"{path}: no voxel is myocardium in the coding '{coding}'; labels found: "
            f"{', '.join(str(c) for c in sorted(found | {0}))}. Set label_coding."
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
        filled[..., z][ndimage.binary_fill_holes(wall) & ~wall] = CAVITY
    return filled
