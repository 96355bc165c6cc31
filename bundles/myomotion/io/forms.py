"""Where a NIfTI file says its voxels lie, as ITK reads it, and the same for files of results."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from nibabel.spatialimages import HeaderDataError

from myomotion.errors import InputError
from myomotion.io.storage import slice_axis

SCANNER = 1  # NIFTI_XFORM_SCANNER_ANAT
ITK_TOLERANCE = 1e-4  # cosine between axes that ITK takes for a right angle
SKEW = 0.01  # cosine between axes that may be rounding; more is a real shear


@dataclass(frozen=True, kw_only=True, eq=False)
class Forms:
    """The two statements of a NIfTI header about place, and its time axis.

    Attributes:
        qform: ``(4, 4)``, voxel index to RAS millimetres, without shear.
        sform: the same, of any kind.
        codes: NIfTI codes of the two.
        step: distance of frames as stored, 0 where unknown.
        unit: of ``step``: sec, msec, usec or unknown.
    """

    qform: np.ndarray
    sform: np.ndarray
    codes: tuple[int, int]
    step: float = 0.0
    unit: str = "unknown"

    @property
    def itk(self) -> np.ndarray:
        """The one that ITK goes by: the qform, unless the sform is that of the scanner."""
        q, s = self.codes
        sound = _cosine(self.sform) <= ITK_TOLERANCE
        return self.sform if s > 0 and sound and (q == 0 or s == SCANNER) else self.qform

    def write(self, image: Any) -> None:
        """Say the same in the header of an image.

        Args:
            image: a nibabel NIfTI image on the same grid.
        """
        image.set_qform(self.qform, self.codes[0])
        image.set_sform(self.sform, self.codes[1])
        image.header.set_xyzt_units("mm", self.unit if image.ndim == 4 else "sec")
        if image.ndim == 4 and self.step > 0:
            image.header.set_zooms((*image.header.get_zooms()[:3], self.step))


def forms_of(affine: np.ndarray, across: int, step_ms: float = 0.0) -> Forms:
    """Both forms from one affine, for files of other formats.

    Args:
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        across: the axis that counts the slices.
        step_ms: distance of frames in milliseconds, 0 where unknown.

    Returns:
        Forms whose axes are at right angles, see :func:`upright_affine`.
    """
    upright = upright_affine(affine, across)
    unit = "msec" if step_ms > 0 else "sec"
    return Forms(qform=upright, sform=upright, codes=(SCANNER, SCANNER), step=step_ms, unit=unit)


def header_forms(path: Path, header: Any, affine: np.ndarray) -> Forms:
    """Both forms of a file, such that ITK places results where it places the file.

    Args:
        path: of the file, for messages.
        header: of a NIfTI file.
        affine: ``(4, 4)``, the one that is read.

    Returns:
        The file's own forms where it states both; else both from the affine, upright. Where it
        states none, ITK's: voxels of that size along the axes of LPS, the first at the origin.

    Raises:
        InputError: if its qform is stated and is no rotation.
    """
    q, s = int(header["qform_code"]), int(header["sform_code"])
    zooms, unit = header.get_zooms(), header.get_xyzt_units()[1]
    step = float(zooms[3]) if len(zooms) > 3 else 0.0
    if q > 0 and s > 0:
        own = _qform(path, header)
        own_size, size = (np.linalg.norm(form[:3, :3], axis=0) for form in (own, affine))
        if np.allclose(own_size, size, rtol=1e-3, atol=0):
            return Forms(qform=own, sform=affine, codes=(q, s), step=max(step, 0.0), unit=unit)
    if q > 0 or s > 0:
        upright = upright_affine(affine, slice_axis(header.get_data_shape(), affine))
    else:
        upright = np.diag([*np.linalg.norm(affine[:3, :3], axis=0) * [-1, -1, 1], 1.0])
    code = s or q or SCANNER
    return Forms(qform=upright, sform=upright, codes=(code, code), step=max(step, 0.0), unit=unit)


def upright_affine(affine: np.ndarray, across: int) -> np.ndarray:
    """An affine with axes at right angles that leaves each slice in its plane.

    Args:
        affine: ``(4, 4)``, voxel index to RAS millimetres; in-plane axes nearly at right angles.
        across: the axis that counts the slices.

    Returns:
        ``(4, 4)``: the nearest in-plane axes at right angles (polar decomposition), slices straight
        above the first one, their planes as far apart as they are.
    """
    upright = np.array(affine, float)
    plane = [axis for axis in range(3) if axis != across]
    sizes = np.maximum(np.linalg.norm(upright[:3, plane], axis=0), 1e-12)
    left, _, right = np.linalg.svd(upright[:3, plane] / sizes, full_matrices=False)
    axes = left @ right
    upright[:3, plane] = axes * sizes
    normal = np.cross(axes[:, 0], axes[:, 1])
    upright[:3, across] = normal * (normal @ upright[:3, across])
    return upright


def tilt_warnings(affine: np.ndarray, forms: Forms) -> list[str]:
    """What to tell of a stack whose slices are shifted sideways from one to the next.

    Args:
        affine: ``(4, 4)``, the one that is read.
        forms: of the results.

    Returns:
        One sentence; none where the results lie where the stack does.
    """
    if _cosine(affine) <= SKEW or _cosine(forms.sform) > ITK_TOLERANCE:
        return []
    shift = float(np.linalg.norm((affine - forms.sform)[:3, :3], axis=0).max())
    return [
        f"Each slice lies {shift:.1f} mm sideways of the one before. Files of results place all "
        "straight above the first; slices are tracked one by one, so nothing within a slice "
        "depends on it, and motion in space has them where they lie."
    ]


def _qform(path: Path, header: Any) -> np.ndarray:
    try:
        return np.array(header.get_qform(), float)
    except HeaderDataError as error:
        raise InputError(f"{path}: {error}. Correct the header.") from error


def _cosine(affine: np.ndarray) -> float:
    """Largest cosine between two axes."""
    axes = affine[:3, :3] / np.maximum(np.linalg.norm(affine[:3, :3], axis=0), 1e-12)
    return float(np.abs(axes.T @ axes - np.eye(3)).max())
