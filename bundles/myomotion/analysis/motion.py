"""From network output to motion on the source grid, its derived maps and its numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch

from myomotion.analysis.grids import Slices
from myomotion.core.axes import LPS_FROM_RAS
from myomotion.core.flow import identity_coordinates, invert, sample, warp
from myomotion.core.kinematics import (
    displacement_gradient,
    green_lagrange_strain,
    jacobian_determinant,
    radial_circumferential_strain,
    radial_direction,
)
from myomotion.core.working_grid import WorkingGrid
from myomotion.io.labels import CAVITY


@dataclass(kw_only=True)
class Motion:
    """Motion of one study, frames in the order of the file.

    Maps are kept on the working grids. On the grid of the cine, which is larger, they are made when
    they are asked for, a frame at a time. Axes are those of :class:`~myomotion.io.cine.Cine`, which
    may be exchanged and mirrored against the file's; on those of the file, as masks are,
    :func:`~myomotion.transforms.study_tensors.study_tensor` gives motion.

    Attributes:
        strain: float32 ``(T, Z, 2, size, size)``, Err and Ecc on the working grid.
        working_jacobian: float32 ``(T, Z, size, size)``.
        working_displacement: float32 ``(T, Z, 2, size, size)`` in millimetres.
        working_inverse: like ``working_displacement``, from frame t back to end-diastole and on
            frame t's points.
        working_image: float32 ``(T, Z, size, size)``, the frames on the working grid.
        slices: the study on its working grids.
        es_frame: end-systolic frame.
        es_found: how ``es_frame`` came to be known.
    """

    strain: np.ndarray
    working_jacobian: np.ndarray
    working_displacement: np.ndarray
    working_inverse: np.ndarray
    working_image: np.ndarray
    slices: Slices
    es_frame: int
    es_found: str

    def __repr__(self) -> str:
        """Sizes, not the arrays."""
        across, down, slices, frames = self.slices.cine.image.shape
        return (
            f"Motion({frames} frames, {slices} slices of {(across, down)} voxels, "
            f"end-systole: frame {self.es_frame} ({self.es_found}))"
        )

    @property
    def grids(self) -> list[WorkingGrid]:
        """Working grid of each slice."""
        return self.slices.grids

    @property
    def displacement(self) -> np.ndarray:
        """float32 ``(T, Z, 2, X, Y)``, millimetres along axes 0 and 1; made anew every time."""
        return np.stack([self.displacement_at(t) for t in range(len(self.strain))])

    @property
    def jacobian(self) -> np.ndarray:
        """float32 ``(T, Z, X, Y)``, 1 outside the working grid; made anew every time."""
        return np.stack([self.jacobian_at(t) for t in range(len(self.strain))])

    def displacement_at(self, t: int) -> np.ndarray:
        """Motion from end-diastole to frame t on the cine's grid, ``(Z, 2, X, Y)`` in mm."""
        return self._on_source(self.working_displacement[t])

    def jacobian_at(self, t: int) -> np.ndarray:
        """Area change of frame t on the cine's grid, ``(Z, X, Y)``, 1 outside the working grid."""
        return self._on_source(self.working_jacobian[t, :, None] - 1)[:, 0] + 1

    def on_window(self, z: int, frames: slice = slice(None)) -> WindowMaps:
        """Maps of a slice on the cine's voxels about its working grid, beyond which nothing moves.

        Args:
            z: the slice.
            frames: which ones.

        Returns:
            The maps.
        """
        grid, cine = self.grids[z], self.slices.cine
        parts = (self.working_displacement, self.working_inverse, self.working_jacobian[:, :, None])
        together = np.concatenate([part[frames, z] for part in parts], axis=1)
        together[:, 4] -= 1
        maps = grid.to_window(torch.from_numpy(together))
        window = grid.source_window()
        images = np.ascontiguousarray(cine.image[:, :, z, frames].transpose(2, 0, 1))
        start = maps.new_tensor([part.start for part in window])[None, :, None, None]
        place = identity_coordinates(list(maps.shape[-2:]), maps) + start
        voxels = maps[:, :2] / maps.new_tensor(cine.spacing)[None, :, None, None]
        warped = sample(torch.from_numpy(images)[:, None], place + voxels)
        return WindowMaps(
            window=window,
            displacement=maps[:, :2].numpy(),
            inverse=maps[:, 2:4].numpy(),
            jacobian=(maps[:, 4] + 1).numpy(),
            warped=warped[:, 0].numpy(),
        )

    def _on_source(self, values: np.ndarray) -> np.ndarray:
        """Maps ``(Z, C, size, size)`` on the cine's grid ``(Z, C, X, Y)``."""
        parts = zip(self.grids, torch.from_numpy(np.ascontiguousarray(values)), strict=True)
        return torch.stack([grid.to_source(part[None])[0] for grid, part in parts]).numpy()


class WindowMaps(NamedTuple):
    """Maps of a slice on those voxels of the cine that its working grid covers.

    Attributes:
        window: the voxels along axes 0 and 1.
        displacement: ``(T, 2, x, y)`` in millimetres, zero outside the working grid.
        inverse: from frame t back to end-diastole, on frame t's points, like ``displacement``.
        jacobian: ``(T, x, y)``, 1 outside the working grid.
        warped: frames pulled back to end-diastole, ``(T, x, y)``.
    """

    window: tuple[slice, slice]
    displacement: np.ndarray
    inverse: np.ndarray
    jacobian: np.ndarray
    warped: np.ndarray


def source_motion(
    slices: Slices, displacement: torch.Tensor, inverse: torch.Tensor | None = None
) -> Motion:
    """Everything that follows from a displacement.

    Args:
        slices: the study on its working grids.
        displacement: ``(Z, T, 2, size, size)`` in millimetres on the working grids, reference frame
            first.
        inverse: the inverse fields, of the same shape; computed where not given.

    Returns:
        Fields, maps and strains in the order of the file's frames.
    """
    cine, spacing = slices.cine, slices.spacing
    if inverse is None:
        inverse = inverse_displacement(displacement, spacing)
    strain, working_j = [], []
    for z, grid in enumerate(slices.grids):
        gradient = displacement_gradient(displacement[z], spacing)
        radial = radial_direction(slices.centers[z], (grid.size,) * 2, (spacing,) * 2, displacement)
        strain.append(radial_circumferential_strain(green_lagrange_strain(gradient), radial))
        working_j.append(jacobian_determinant(gradient)[:, 0])

    def in_file_order(parts: Sequence[torch.Tensor]) -> np.ndarray:
        return cine.to_file(torch.stack(list(parts), dim=1).numpy(), axis=0)

    es_frame, es_found = end_systole(slices, displacement, torch.stack(working_j))
    return Motion(
        strain=in_file_order(strain),
        working_jacobian=in_file_order(working_j),
        working_displacement=in_file_order(list(displacement)),
        working_inverse=in_file_order(list(inverse)),
        working_image=in_file_order(list(slices.images)),
        slices=slices,
        es_frame=es_frame,
        es_found=es_found,
    )


def end_systole(
    slices: Slices, displacement: torch.Tensor, jacobian: torch.Tensor | None = None
) -> tuple[int, str]:
    """The end-systolic frame, the one definition of it.

    Args:
        slices: the study on its working grids.
        displacement: ``(Z, T, 2, size, size)`` in millimetres, end-diastole first.
        jacobian: its area change ``(Z, T, size, size)``; computed where it is needed and not given.

    Returns:
        Frame of the file, and how it was found: as given with the study; else the frame of the
        smallest tracked cavity; else, without a cavity label, that of the largest mean motion.
    """
    cine = slices.cine
    if cine.es_frame is not None:
        return cine.es_frame, "given"
    cavity = slices.covered(CAVITY)
    if cavity.any():
        if jacobian is None:
            gradient = displacement_gradient(displacement.flatten(0, 1), slices.spacing)
            jacobian = jacobian_determinant(gradient)[:, 0].unflatten(0, displacement.shape[:2])
        area = np.zeros(jacobian.shape[1])
        for j, part in zip(jacobian, cavity, strict=True):
            area += cine.to_file(j.numpy(), axis=0)[:, part].sum(1)
        return int(area.argmin()), "frame of the smallest tracked cavity"
    distance = displacement.norm(dim=2).mean((0, 2, 3)).numpy()
    found = (int(distance.argmax()) + cine.ed_frame) % len(distance)
    return found, "frame of the largest mean motion"


def inverse_displacement(displacement: torch.Tensor, spacing: float) -> torch.Tensor:
    """Inverse of displacements by fixed-point iteration, for want of a velocity.

    Args:
        displacement: ``(Z, T, 2, size, size)`` in millimetres.
        spacing: voxel size in millimetres.

    Returns:
        The same shape, in millimetres, on the grid of the deformed frames.
    """
    inverse = invert(displacement.flatten(0, 1) / spacing) * spacing
    return inverse.unflatten(0, displacement.shape[:2])


def lps_vectors(displacement: np.ndarray, affine: np.ndarray) -> np.ndarray:
    """Components in LPS millimetres of vectors given along the slice axes.

    Args:
        displacement: ``(Z, 2, X, Y)`` in millimetres along axes 0 and 1.
        affine: ``(4, 4)``, voxel index to RAS millimetres.

    Returns:
        float32 ``(X, Y, Z, 1, 3)``, the layout of a NIfTI vector image.
    """
    directions = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    depth, _, *size = displacement.shape
    vectors = (LPS_FROM_RAS @ directions) @ displacement.reshape(depth, 2, -1)
    layout = vectors.astype(np.float32).reshape(depth, 3, *size).transpose(2, 3, 0, 1)
    return layout[:, :, :, None]


def moved_label(label: np.ndarray, spacing: tuple[float, float], maps: WindowMaps) -> np.ndarray:
    """A label of one slice moved along: pulled back with the inverse motion, frame by frame.

    Args:
        label: ``(X, Y)`` at end-diastole.
        spacing: in-plane voxel size in millimetres.
        maps: of the slice and all frames, from :meth:`Motion.on_window`.

    Returns:
        uint8 ``(X, Y, T)``; beyond the working grid the label stays where it is.
    """
    values = [0, *(int(v) for v in np.unique(label) if v)]
    tracked = np.repeat(label[..., None].astype(np.uint8), len(maps.inverse), axis=2)
    if len(values) == 1:
        return tracked
    soft = torch.from_numpy(np.stack([label[maps.window] == v for v in values]).astype(np.float32))
    inverse = torch.from_numpy(maps.inverse)
    voxels = inverse / inverse.new_tensor(spacing)[None, :, None, None]
    moved = warp(soft[None].expand(len(voxels), -1, -1, -1), voxels)
    # The first of the largest, label by label: many times as fast as argmax across them.
    most, code = moved[:, 0].clone(), torch.zeros(moved[:, 0].shape, dtype=torch.uint8)
    for value, share in zip(values[1:], moved[:, 1:].unbind(1), strict=True):
        code[share > most] = value
        most = torch.maximum(most, share)
    tracked[maps.window] = code.numpy().transpose(1, 2, 0)
    return tracked
