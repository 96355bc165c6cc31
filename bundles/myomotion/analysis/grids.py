"""The working grid of each slice, and labels on it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from scipy import ndimage

from myomotion.core.cycle import beats, shows_whole_cycle
from myomotion.core.segments import Septum, septum_from_points
from myomotion.core.stack_order import StackOrder, stack_order
from myomotion.core.view import View, standard_view, towards_right
from myomotion.core.working_grid import WorkingGrid
from myomotion.errors import InputError
from myomotion.io.cine import Cine
from myomotion.io.frame_times import checked_cycle
from myomotion.io.labels import CAVITY, MYOCARDIUM, RIGHT_VENTRICLE
from myomotion.io.pictures.moving import moving_center
from myomotion.io.pictures.padding import blank_slices


def working_grids(cine: Cine, size: int = 96, spacing: float = 1.5) -> list[WorkingGrid]:
    """One working grid a slice, centred on the left ventricle.

    The centre is the centroid of the labelled ventricle (cavity and myocardium) at end-diastole;
    without a label, that of the voxels whose intensity varies most over the cycle, all slices taken
    together.

    Args:
        cine: the study.
        size: voxels along each axis.
        spacing: voxel size in millimetres.

    Returns:
        A grid for each slice.
    """
    depth = cine.image.shape[2]
    common: Sequence[float]
    ventricle = None
    if cine.label_ed is None:
        common = moving_center(cine.image)
    else:
        ventricle = np.isin(cine.label_ed, (CAVITY, MYOCARDIUM))
        where = np.argwhere(ventricle.any(2))
        common = tuple(float(c) for c in where.mean(0))
    grids = []
    for z in range(depth):
        center = common
        if ventricle is not None and ventricle[..., z].any():
            center = tuple(float(c) for c in ndimage.center_of_mass(ventricle[..., z]))
        grids.append(
            WorkingGrid(
                source_size=(cine.image.shape[0], cine.image.shape[1]),
                source_spacing=cine.spacing,
                center=(center[0], center[1]),
                size=size,
                spacing=spacing,
            )
        )
    return grids


def check_reach(cine: Cine, grids: Sequence[WorkingGrid]) -> None:
    """Refuse a labelled ventricle that does not fit on the working grid.

    Args:
        cine: the study.
        grids: from :func:`working_grids`.

    Raises:
        InputError: naming the label, how far it reaches and the size that is needed.
    """
    if cine.label_ed is None:
        return
    for z, grid in enumerate(grids):
        where = np.argwhere(np.isin(cine.label_ed[..., z], (CAVITY, MYOCARDIUM)))
        if not len(where):
            continue
        reach = float((np.abs(where - grid.center) * grid.source_spacing).max())
        if reach > grid.middle * grid.spacing:
            needed = 16 * int(np.ceil((2 * reach / grid.spacing + 1) / 16))
            raise InputError(
                f"{cine.files.get('label_ed', cine.name)}: the ventricle reaches {reach:.0f} mm "
                f"from its middle in slice {z}; the working grid of {grid.size} voxels of "
                f"{grid.spacing:g} mm ends at {grid.middle * grid.spacing:.0f} mm. Correct "
                f"the label or the voxel size, or set size to {needed}."
            )


@dataclass(frozen=True, kw_only=True)
class Slices:
    """A cine on its working grids: frames and labels are brought there once.

    Attributes:
        cine: the study.
        grids: working grid of each slice.
        images: float32 ``(Z, T, size, size)``, intensities of the file, end-diastole first.
        soft: share of each voxel that a label covers at end-diastole, by the label's internal
            code, float32 ``(Z, size, size)``; zero without a label.
        soft_es: the same of cavity and myocardium at end-systole.
        centers: centroid of the cavity at end-diastole in voxels of the working grid, its middle
            where a slice has no cavity.
        tissues: shares of cavity, wall and right ventricle that a network sees in every frame,
            ``(Z, T, 3, size, size)``, end-diastole first; None where none has looked.
    """

    cine: Cine
    grids: list[WorkingGrid]
    images: torch.Tensor
    soft: dict[int, torch.Tensor]
    soft_es: dict[int, torch.Tensor]
    centers: list[tuple[float, float]]
    tissues: torch.Tensor | None = None

    @property
    def spacing(self) -> float:
        """Voxel size of the working grid in millimetres."""
        return self.grids[0].spacing

    @cached_property
    def moving_center(self) -> tuple[float, float] | None:
        """Centre of what moves in the cine, in its voxels; None in a movie that stands still."""
        image = self.cine.image
        return moving_center(image) if (image != image[..., :1]).any() else None

    @cached_property
    def view(self) -> View:
        """How the slices are shown, and from where rotation is counter-clockwise."""
        marked = _marked(self)
        anterior = None if marked is None else marked[0] - marked[1]
        return standard_view(self.cine.affine, self.right_ventricle_side, anterior)

    @cached_property
    def right_ventricle_side(self) -> np.ndarray | None:
        """From the left ventricle to the right one along the slice axes, ``(2,)``.

        By the septum that the user has marked, else by :attr:`right_ventricles`; None where neither
        is known.
        """
        marked = _marked(self)
        if marked is not None:
            between: np.ndarray = (marked / np.linalg.norm(marked, axis=1, keepdims=True)).sum(0)
            return between
        left = self.covered(MYOCARDIUM) | self.covered(CAVITY)
        return towards_right(left, self.right_ventricles)

    @cached_property
    def order(self) -> StackOrder:
        """Where base and apex are, sizes by the slices that show a cavity."""
        walls, cavities = self.covered(MYOCARDIUM), self.covered(CAVITY)
        outer = [int((w | c).sum()) if c.any() else 0 for w, c in zip(walls, cavities, strict=True)]
        return stack_order(self.cine.levels, outer, self.cine.affine)

    @cached_property
    def right_ventricles(self) -> np.ndarray:
        """The right ventricle at end-diastole, ``(Z, size, size)``.

        By the label, or, where that has none, as far as a network sees it.
        """
        labelled = self.covered(RIGHT_VENTRICLE)
        if labelled.any() or self.tissues is None:
            return labelled
        seen: np.ndarray = (self.tissues[:, 0, RIGHT_VENTRICLE - 1] > 0.5).numpy()
        return seen

    @cached_property
    def marked_septum(self) -> Septum | None:
        """Septum that the user has marked; None where that was not done or no cavity is known.

        Raises:
            InputError: for points that enclose none.
        """
        marked = _marked(self)
        if marked is None:
            return None
        septum = septum_from_points(marked[0].tolist(), marked[1].tolist())
        if septum is None:
            raise InputError(
                f"{self.cine.files.get('info', self.cine.name)}: septum_points enclose no septum: "
                "seen from the cavity they lie less than 60 degrees apart. Correct them."
            )
        return septum

    @cached_property
    def closes(self) -> bool:
        """The cine shows one whole cycle: the file's last frame is followed by its first again.

        See :func:`~myomotion.core.cycle.shows_whole_cycle`; the frame before end-diastole is near
        it in any part of a cycle.
        """
        in_file = torch.roll(self.images, self.cine.ed_frame, 1)
        return self.beats == 1 and shows_whole_cycle(in_file)

    @cached_property
    def beats(self) -> int:
        """How many beats the cine shows (:func:`~myomotion.core.cycle.beats`)."""
        return beats(self.images)

    @cached_property
    def blank(self) -> list[int]:
        """Slices of one intensity throughout in which nothing is labelled."""
        labelled = torch.stack([soft.flatten(1).any(1) for soft in self.soft.values()]).any(0)
        return [z for z in blank_slices(self.cine.image) if not labelled[z]]

    def covered(self, label: int) -> np.ndarray:
        """Voxels that a label covers by more than half at end-diastole, ``(Z, size, size)``."""
        return self.soft[label].numpy() > 0.5


def working_slices(cine: Cine, size: int = 96, spacing: float = 1.5) -> Slices:
    """Bring a cine to its working grids.

    Args:
        cine: the study.
        size: voxels along each axis of a working grid.
        spacing: its voxel size in millimetres.

    Returns:
        Frames and labels on the grids. Frame times of a whole cycle that are no heart's are left
        out there, and said (:func:`~myomotion.io.frame_times.checked_cycle`).

    Raises:
        InputError: if the labelled ventricle does not fit on them, or a marked septum is none.
    """
    grids = working_grids(cine, size, spacing)
    check_reach(cine, grids)
    images = []
    for z, grid in enumerate(grids):
        images.append(frames_on(grid, cine, z))
    slices = Slices(
        cine=cine,
        grids=grids,
        images=torch.stack(images),
        soft={
            label: _soft(cine.label_ed, label, grids)
            for label in (CAVITY, MYOCARDIUM, RIGHT_VENTRICLE)
        },
        soft_es={label: _soft(cine.label_es, label, grids) for label in (CAVITY, MYOCARDIUM)},
        centers=[_cavity_center(cine, z, grid) for z, grid in enumerate(grids)],
    )
    _ = slices.marked_septum  # refused before anything is computed
    times, said = checked_cycle(cine.frame_times_ms, cine.subject.heart_rate_bpm)
    if said is None or not slices.closes:
        return slices
    checked = replace(cine, frame_times_ms=times, warnings=[*cine.warnings, said])
    return replace(slices, cine=checked)


def relabelled(slices: Slices, label: np.ndarray, found: str) -> Slices:
    """The same grids and frames with another end-diastolic label.

    Args:
        slices: the study.
        label: ``(X, Y, Z)``, internal codes.
        found: how it came to be.

    Returns:
        The study with this label; its grids stay where they are.
    """
    cine = replace(slices.cine, label_ed=label, label_found=found)
    return replace(
        slices,
        cine=cine,
        soft={code: _soft(label, code, slices.grids) for code in slices.soft},
        centers=[_cavity_center(cine, z, grid) for z, grid in enumerate(slices.grids)],
    )


def _marked(slices: Slices) -> np.ndarray | None:
    """Marked insertions from the middle of the nearest cavity, ``(2, 2)``, anterior first."""
    points, label = slices.cine.septum_points, slices.cine.label_ed
    if points is None or label is None or not (label == CAVITY).any():
        return None
    known = np.flatnonzero((label == CAVITY).any((0, 1)))
    z = int(min(known, key=lambda z: abs(z - points[0, 2])))
    return slices.grids[z].index_of(points[:, :2]) - np.array(slices.centers[z])


def frames_on(grid: WorkingGrid, cine: Cine, z: int) -> torch.Tensor:
    """Frames of a slice on a grid ``(T, size, size)``, end-diastole first."""
    frames = np.ascontiguousarray(cine.from_ed(cine.image[:, :, z], axis=2).transpose(2, 0, 1))
    return grid.to_working(torch.from_numpy(frames)[:, None])[:, 0]


def _soft(labels: np.ndarray | None, value: int, grids: Sequence[WorkingGrid]) -> torch.Tensor:
    size = grids[0].size
    if labels is None:
        return torch.zeros(len(grids), size, size)
    parts = []
    for z, grid in enumerate(grids):
        part = torch.from_numpy((labels[..., z] == value).astype(np.float32))
        parts.append(grid.to_working(part[None, None])[0, 0] * grid.within_source())
    return torch.stack(parts)


def _cavity_center(cine: Cine, z: int, grid: WorkingGrid) -> tuple[float, float]:
    if cine.label_ed is None or not (cine.label_ed[..., z] == CAVITY).any():
        return grid.middle, grid.middle
    row, column = grid.index_of(np.argwhere(cine.label_ed[..., z] == CAVITY).mean(0)).tolist()
    return row, column
