"""What slab of the heart each slice of a stack stands for, and whether that is known."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myomotion.io.forms import SKEW
from myomotion.io.info import StudyInfo

# Slices of short-axis stacks lie 5 to 10 mm apart, gap included (Kramer et al., J Cardiovasc Magn
# Reson 2020; 22:17); what lies farther apart was picked from a stack, or its distance made up.
FARTHEST_MM = 20.0
PLACEHOLDER_MM = 1.0  # what headers hold that do not know
TOLD_BY_INFO = "info.json"


@dataclass(frozen=True, kw_only=True, eq=False)
class Slabs:
    """What volumes are summed with, and where slices lie to each other.

    Attributes:
        thickness_mm: ``(Z,)``: half-way to the next slice on either side, so that thickness and gap
            both count; that of the neighbour's side on both sides of the first and the last slice.
        found: where the distance comes from.
        doubt: why the distance is nominal and no millilitre can rest on it; None where it is known.
        neighbours: the slices are those of a stack, none left out between them as far as known.
        sideways_mm: ``(Z, 2)`` from the first slice along axes 0 and 1; None where all lie straight
            above each other.
    """

    thickness_mm: np.ndarray
    found: str
    doubt: str | None = None
    neighbours: bool = True
    sideways_mm: np.ndarray | None = None

    @property
    def distances_mm(self) -> np.ndarray:
        """From the middle of each slice to that of the next, ``(Z - 1,)`` in millimetres."""
        gaps = list(self.thickness_mm[:1])
        for both in self.thickness_mm[1:-1]:
            gaps.append(2 * both - gaps[-1])
        return np.array(gaps[: len(self.thickness_mm) - 1])

    @property
    def mean_mm(self) -> float:
        """Mean distance of the slices in millimetres."""
        return float(self.thickness_mm.mean())


def slabs_of(
    affine: np.ndarray,
    count: int,
    places_mm: np.ndarray | None = None,
    info: StudyInfo | None = None,
    sideways_mm: np.ndarray | None = None,
) -> Slabs:
    """Slabs of a stack from what its files say.

    Args:
        affine: ``(4, 4)``, voxel index to RAS millimetres, slices along the third axis.
        count: number of slices.
        places_mm: ``(count,)`` place of each slice along the normal, where every slice has its own.
        info: of the study; ``slice_spacing_mm`` goes before files, ``spacing_known`` and
            ``source_slice_index`` of its slices say what is nominal.
        sideways_mm: see :class:`Slabs`, where every slice has its own; from the affine if None.

    Returns:
        The slabs; a sideways shift of the slices does not count for their thickness.
    """
    info = info or StudyInfo()
    normal = np.cross(affine[:3, 0], affine[:3, 1])
    distance = abs(float(normal @ affine[:3, 2])) / float(np.linalg.norm(normal))
    thickness, neighbours, doubt = np.full(count, distance), True, None
    found = f"{'thickness' if count == 1 else 'positions'} of the slices in the file"
    picked = info.picked_slices
    if picked:
        neighbours = False
        doubt = (
            f"slices {', '.join(map(str, picked))} of a stack were picked (source_slice_index of "
            f"info.json), so that the {distance:g} mm between them are nominal"
        )
    if info.slice_spacing_mm is not None:
        thickness, found, doubt = np.full(count, info.slice_spacing_mm), TOLD_BY_INFO, None
    elif doubt is None and distance > FARTHEST_MM:
        neighbours = False
        doubt = (
            f"slices of a stack do not lie {distance:g} mm apart, as the file says: they were "
            "picked, or the distance is nominal"
        )
    elif doubt is None and np.isclose(distance, PLACEHOLDER_MM):
        doubt = f"the {distance:g} mm of the file look like a placeholder"
    elif doubt is None and places_mm is not None and count > 1:
        gaps = np.abs(np.diff(places_mm))
        thickness = (np.append(gaps[:1], gaps) + np.append(gaps, gaps[-1:])) / 2
    if not info.spacing_known:
        doubt = "info.json says that the voxel size is assumed (spacing_known)"
    return Slabs(
        thickness_mm=thickness,
        found=found,
        doubt=doubt,
        neighbours=neighbours,
        sideways_mm=_skew(affine, count) if sideways_mm is None else sideways_mm,
    )


def _skew(affine: np.ndarray, count: int) -> np.ndarray | None:
    """Sideways shift of slices by an affine; None where that is no more than rounding."""
    plane = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    step = affine[:3, 2] @ plane
    if np.abs(step).max() <= SKEW * np.linalg.norm(affine[:3, 2]):
        return None
    shifts: np.ndarray = np.arange(count)[:, None] * step
    return shifts
