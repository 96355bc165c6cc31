"""The isotropic in-plane grid on which networks work, and the way to it and back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch

from myomotion.core.flow import identity_coordinates, sample


@dataclass(frozen=True, kw_only=True)
class WorkingGrid:
    """A square in-plane grid whose axes are parallel to those of a source slice.

    Attributes:
        source_size: ``(X, Y)`` voxels of the source slice.
        source_spacing: in-plane voxel size of the source in millimetres.
        center: source voxel index on which the working grid is centred (the left ventricle).
        size: voxels along each axis of the working grid.
        spacing: voxel size of the working grid in millimetres.
    """

    source_size: tuple[int, int]
    source_spacing: tuple[float, float]
    center: tuple[float, float]
    size: int = 96
    spacing: float = 1.5

    @property
    def middle(self) -> float:
        """Index of the grid's centre along each of its axes."""
        return (self.size - 1) / 2

    def index_of(self, places: np.ndarray) -> np.ndarray:
        """Places of the source in voxels of this grid.

        Args:
            places: ``(..., 2)`` voxels of the source.

        Returns:
            ``(..., 2)``.
        """
        steps = np.array(self.source_spacing) / self.spacing
        moved: np.ndarray = (places - np.array(self.center)) * steps + self.middle
        return moved

    def place_of(self, index: np.ndarray) -> np.ndarray:
        """Voxels of this grid in those of the source: undoes :meth:`index_of`."""
        steps = np.array(self.source_spacing) / self.spacing
        moved: np.ndarray = (index - self.middle) / steps + np.array(self.center)
        return moved

    def to_working(self, slices: torch.Tensor) -> torch.Tensor:
        """Resample source slices.

        Args:
            slices: ``(N, C, X, Y)`` on the source grid.

        Returns:
            ``(N, C, size, size)``; beyond the source the nearest voxel's value.
        """
        return sample(slices, self._places(slices))

    def within_source(self) -> torch.Tensor:
        """Voxels whose middle lies in one of the source, boolean ``(size, size)``.

        What :meth:`to_working` gives elsewhere is no part of the picture.
        """
        places = self._places(torch.zeros(()))[0]
        inside = [
            (place > -0.5) & (place < n - 0.5)
            for place, n in zip(places, self.source_size, strict=True)
        ]
        return inside[0] & inside[1]

    def to_source(self, values: torch.Tensor) -> torch.Tensor:
        """Bring maps of the working grid back to the source grid.

        Args:
            values: ``(N, C, size, size)`` on the working grid.

        Returns:
            ``(N, C, X, Y)``; zero outside the working grid.
        """
        window = self.source_window()
        result = values.new_zeros(*values.shape[:2], *self.source_size)
        result[(..., *window)] = self.to_window(values)
        return result

    def to_window(self, values: torch.Tensor) -> torch.Tensor:
        """Maps of the working grid on the source voxels of :meth:`source_window` alone.

        Args:
            values: ``(N, C, size, size)`` on the working grid.

        Returns:
            ``(N, C, x, y)``; zero outside the working grid.
        """
        window = self.source_window()
        shape = [part.stop - part.start for part in window]
        start = values.new_tensor([part.start for part in window])
        grid = identity_coordinates(shape, values.new_zeros(())) + start[None, :, None, None]
        step = values.new_tensor([s / self.spacing for s in self.source_spacing])
        middle = values.new_tensor(self.center)
        coordinates = (grid - middle[None, :, None, None]) * step[None, :, None, None]
        coordinates = coordinates + self.middle
        # A hair of slack, so that a voxel on the edge is not lost to rounding.
        inside = ((coordinates > -1e-3) & (coordinates < self.size - 1 + 1e-3)).all(1, keepdim=True)
        return sample(values, coordinates) * inside

    def source_window(self) -> tuple[slice, slice]:
        """Smallest block of source voxels that holds the working grid."""
        half = self.middle * self.spacing
        return tuple(
            slice(max(int(c - half / s), 0), min(int(c + half / s) + 2, n))
            for c, s, n in zip(self.center, self.source_spacing, self.source_size, strict=True)
        )  # type: ignore[return-value]

    def _places(self, like: torch.Tensor) -> torch.Tensor:
        """Where the working grid's voxels lie in the source, ``(1, 2, size, size)`` in voxels."""
        grid = identity_coordinates([self.size, self.size], like.new_zeros(()))
        step = like.new_tensor([self.spacing / s for s in self.source_spacing])
        middle = like.new_tensor(self.center)
        places = (grid - self.middle) * step[None, :, None, None]
        return places + middle[None, :, None, None]

    def affine(self, source_affine: np.ndarray) -> np.ndarray:
        """Affine (RAS, millimetres) of the working grid.

        Args:
            source_affine: ``(4, 4)`` affine of the source volume.

        Returns:
            ``(4, 4)``; the slice axis is that of the source.
        """
        change = np.eye(4)
        for axis in range(2):
            step = self.spacing / self.source_spacing[axis]
            change[axis, axis] = step
            change[axis, 3] = self.center[axis] - self.middle * step
        return source_affine @ change
