"""Areas of cavity and wall in every frame: the end-diastolic label moved with the motion.

Areas are those within moved contours, so that no difference of the motion is taken and blood does
not count. At the edges of the wall the motion has a kink, which a grid rounds off: there it is read
within the wall, a little more than a voxel from the edge and twice that, and the strip up to the
edge is given the area change of the strip beside it. With the true motion of 30 simulated hearts
the ejection fraction is then that of their elements within 0.3 points on average, 1.0 at most;
contours that move as they are lose 2.0 points on average and 4.5 at most.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch
from scipy import ndimage

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import Motion
from myomotion.core.contours import enclosed_area, level_lines
from myomotion.core.flow import sample
from myomotion.core.frames_together import workers
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.labels import CAVITY, MYOCARDIUM

MOVED_LABEL = "end-diastolic label, moved with the tracked motion"
CORRECTED = MOVED_LABEL + ", the cavity's change being the mean of that and of what a network sees"
SEEN_WEIGHT = 0.5
SEEN_SHARE = 0.5  # of the label's cavity that the network must see at end-diastole to be believed
NEAR_VOXELS = 4  # of the working grid about the label within which a cavity counts
_DISC = ndimage.generate_binary_structure(2, 1)
STRIP_VOXELS = 1.2  # of the working grid, how far from an edge the motion is read: beyond its kink
STRIP_SHARE = 0.3  # of the wall's thickness, where that is less
MARGIN = 4  # voxels around a label, so that its contours close


@dataclass(frozen=True, kw_only=True, eq=False)
class Areas:
    """Areas in every frame and slice, frames in the order of the file.

    Attributes:
        cavity_mm2: ``(T, Z)``, 0 where a slice shows none.
        wall_mm2: the same of the myocardium; None where it is not known.
        found: where they come from.
    """

    cavity_mm2: np.ndarray
    wall_mm2: np.ndarray | None
    found: str


class MovedRegion:
    """A region of one slice at end-diastole, its outline and those beside it moved.

    Args:
        region: boolean ``(X, Y)`` on the grid of the cine.
        grid: working grid of the slice.
        displacement: ``(T, 2, size, size)`` in millimetres on the working grid.
    """

    def __init__(self, region: np.ndarray, grid: WorkingGrid, displacement: np.ndarray) -> None:
        padded = np.pad(region, MARGIN)
        steps = grid.source_spacing
        inside, outside = (
            ndimage.distance_transform_edt(part, sampling=steps) for part in (padded, ~padded)
        )
        self.depth = np.asarray(inside - outside)
        self.grid = grid
        self.field = torch.from_numpy(np.ascontiguousarray(displacement))

    def areas(self, depth_mm: float = 0.0) -> tuple[float, np.ndarray]:
        """Area of what lies deeper than a depth (outside where negative).

        Args:
            depth_mm: from the outline.

        Returns:
            At end-diastole, and ``(T,)`` after the motion, in square millimetres.
        """
        lines = level_lines(self.depth, depth_mm)
        if not lines:
            return 0.0, np.zeros(len(self.field))
        places = [line - MARGIN for line in lines]
        offsets = [(place - self.grid.center) * self.grid.source_spacing for place in places]
        moved = []
        for place, offset in zip(places, offsets, strict=True):
            index = torch.from_numpy(self.grid.index_of(place).T).to(self.field)
            shift = sample(self.field, index[None, :, :, None])[..., 0].transpose(1, 2)
            moved.append(offset + shift.numpy().astype(float))
        return float(enclosed_area(offsets)), enclosed_area(moved)

    def edge_areas(self, inward_mm: float) -> tuple[float, np.ndarray]:
        """Area of the region, the motion at its outline continued from one side of it.

        ``A(t) = A1(t) + (A(0) - A1(0)) (A1(t) - A2(t)) / (A1(0) - A2(0))`` with the areas A1 and A2
        at one and two distances from the outline.

        Args:
            inward_mm: distance; negative looks outside.

        Returns:
            As :meth:`areas`.
        """
        here, _ = self.areas()
        (near, near_moved), (far, far_moved) = (self.areas(n * inward_mm) for n in (1, 2))
        change = (near_moved - far_moved) / (near - far)
        return here, near_moved + (here - near) * change


def tracked_areas(motion: Motion) -> Areas | None:
    """Areas of the end-diastolic label in every frame.

    At end-diastole they are those of the label's voxels, exactly. A slice with a closed wall around
    its cavity has its edges continued from within the wall (:meth:`MovedRegion.edge_areas`); other
    outlines move as they are.

    Args:
        motion: of the study.

    Returns:
        The areas; None where the label has no cavity.
    """
    cine = motion.slices.cine
    label = cine.label_ed
    if label is None or not (label == CAVITY).any():
        return None
    parts = [
        (label[..., z], grid, motion.working_displacement[:, z])
        for z, grid in enumerate(motion.grids)
    ]
    with workers() as run:
        pairs = run(lambda part: _slice_areas(*part), parts)
    cavity, wall = (np.stack(parts, axis=1) for parts in zip(*pairs, strict=True))
    known = bool((label == MYOCARDIUM).any())
    return Areas(cavity_mm2=cavity, wall_mm2=wall if known else None, found=MOVED_LABEL)


def seen_areas(slices: Slices) -> np.ndarray | None:
    """Area of the cavity that the network sees in every frame, near the end-diastolic label.

    What it sees beside the picture, which goes on there as it is at its edge, does not count.

    Args:
        slices: the study with its tissues.

    Returns:
        ``(T, Z)`` in square millimetres, frames in the order of the file; None where no network has
        looked or there is no cavity to look for.
    """
    if slices.tissues is None:
        return None
    heart = (slices.soft[CAVITY] + slices.soft[MYOCARDIUM] > 0.5).numpy()
    near = ndimage.binary_dilation(heart, _DISC[None], iterations=NEAR_VOXELS)
    near &= torch.stack([grid.within_source() for grid in slices.grids]).numpy()
    cavity = slices.tissues[:, :, CAVITY - 1].numpy() * near[:, None]
    area = cavity.sum((2, 3)).T * slices.spacing**2
    return slices.cine.to_file(area, axis=0)


def corrected_areas(areas: Areas, seen: np.ndarray | None, ed_frame: int) -> Areas:
    """Areas by the moved label, corrected by what a network sees in each frame.

    The cavity of each frame and slice is the mean of the moved label's and of the label's at
    end-diastole times the change of area that the network sees, so that a habit of the network's
    (trabeculae as cavity or as wall) does not count.

    Args:
        areas: from :func:`tracked_areas`.
        seen: from :func:`seen_areas`; None leaves the areas as they are.
        ed_frame: of the file.

    Returns:
        The areas.
    """
    if seen is None:
        return areas
    moved, first = areas.cavity_mm2, areas.cavity_mm2[ed_frame]
    known = (seen[ed_frame] > SEEN_SHARE * first) & (first > 0)
    change = seen / np.where(known, seen[ed_frame], 1.0)
    by_eye = np.where(known, first * change, moved)
    cavity = (1 - SEEN_WEIGHT) * moved + SEEN_WEIGHT * by_eye
    return replace(areas, cavity_mm2=cavity, found=CORRECTED)


def label_areas(label: np.ndarray, code: int, spacing: tuple[float, float]) -> np.ndarray:
    """Area of a label's voxels in every slice.

    Args:
        label: ``(X, Y, Z)``, internal coding.
        code: of the part.
        spacing: in-plane voxel size in millimetres.

    Returns:
        ``(Z,)`` in square millimetres.
    """
    counts: np.ndarray = (label == code).sum((0, 1))
    return counts * float(np.prod(spacing))


def _slice_areas(
    label: np.ndarray, grid: WorkingGrid, displacement: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Cavity and wall ``(T,)``."""
    cavity, wall = label == CAVITY, label == MYOCARDIUM
    voxel = float(np.prod(grid.source_spacing))
    strip = _strip(cavity, wall, voxel, grid.spacing)

    def moved(region: np.ndarray, inward: float) -> np.ndarray:
        if not region.any():
            return np.zeros(len(displacement))
        outline = MovedRegion(region, grid, displacement)
        before, after = outline.edge_areas(inward) if inward else outline.areas()
        return after * (region.sum() * voxel / before)

    inner = moved(cavity, -strip)
    if strip:
        return inner, moved(cavity | wall, strip) - inner
    return inner, moved(wall, 0.0)


def _strip(cavity: np.ndarray, wall: np.ndarray, voxel: float, spacing: float) -> float:
    """How far from its edges the motion is read in the wall, millimetres; 0 for no closed wall."""
    if not cavity.any() or not wall.any():
        return 0.0
    ring = ndimage.binary_fill_holes(wall) & ~wall
    if not ring[cavity].all():
        return 0.0
    outer, inner = (np.sqrt(part.sum() * voxel / np.pi) for part in (cavity | wall, cavity))
    return min(STRIP_VOXELS * spacing, STRIP_SHARE * float(outer - inner))
