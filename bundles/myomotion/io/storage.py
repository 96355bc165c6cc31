"""How the axes of a file lie to those in memory: one heart is one array, however it is stored."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

# In memory axis 0 is the in-plane axis nearest to FIRST, axis 1 runs along SECOND, both RAS. Any
# two directions would do; these keep slices that are stored along the patient's axes as they are,
# and no plane that is met in practice lies halfway between two choices.
FIRST = np.array([1.0, 0.37, 0.23])
SECOND = np.array([-0.37, 1.0, 0.29])
THICK = 1.5  # a voxel that is longer than the others by this factor is so across the slices


@dataclass(frozen=True, kw_only=True)
class Storage:
    """The order and direction of a file's spatial axes.

    Attributes:
        order: axis of the file that each axis in memory is, slices last.
        flipped: whether an in-memory axis runs against that of the file.
        shape: ``(A, B, C)`` of the file.
        affine: ``(4, 4)`` of the file, voxel index to RAS millimetres.
    """

    order: tuple[int, int, int]
    flipped: tuple[bool, bool, bool]
    shape: tuple[int, int, int]
    affine: np.ndarray

    @property
    def memory_affine(self) -> np.ndarray:
        """``(4, 4)``: voxel index in memory to RAS millimetres."""
        change = np.zeros((4, 4))
        change[3, 3] = 1
        for axis, (source, flip) in enumerate(zip(self.order, self.flipped, strict=True)):
            change[source, axis] = -1 if flip else 1
            change[source, 3] = self.shape[source] - 1 if flip else 0
        return self.affine @ change

    def to_memory(self, values: np.ndarray) -> np.ndarray:
        """A volume of the file in memory.

        Args:
            values: ``(A, B, C, ...)``.

        Returns:
            ``(X, Y, Z, ...)``, contiguous.
        """
        rest = range(3, values.ndim)
        turned = values.transpose(*self.order, *rest)
        return np.ascontiguousarray(turned[self._steps])

    def to_file(self, values: np.ndarray) -> np.ndarray:
        """A volume in memory as the file has it; undoes :meth:`to_memory`.

        Args:
            values: ``(X, Y, Z, ...)``.

        Returns:
            ``(A, B, C, ...)``, contiguous in the order of files, the first axis fastest.
        """
        back = np.argsort(self.order)
        turned = values[self._steps].transpose(*back, *range(3, values.ndim))
        return np.asfortranarray(turned)

    def point_to_memory(self, voxel: Sequence[float]) -> np.ndarray:
        """A voxel of the file in memory.

        Args:
            voxel: ``(a, b, c)``, counted from 0.

        Returns:
            ``(3,)``.
        """
        there = [
            self.shape[axis] - 1 - voxel[axis] if flip else voxel[axis]
            for axis, flip in zip(self.order, self.flipped, strict=True)
        ]
        return np.array(there, float)

    def offsets_to_memory(self, offsets: np.ndarray) -> np.ndarray:
        """In-plane offsets along the file's axes as offsets in memory.

        Args:
            offsets: ``(..., 2)`` along the file's first two axes, slices its last.

        Returns:
            The same shape for the in-memory axes.
        """
        return offsets[..., list(self.order[:2])] * np.where(self.flipped[:2], -1.0, 1.0)

    def vectors_to_memory(self, field: np.ndarray) -> np.ndarray:
        """In-plane vectors along the file's axes, slice by slice, as vectors in memory.

        Args:
            field: ``(..., Z, 2, X, Y)`` for a file whose slices are its last axis: components along
                the file's first two axes, voxels in its order.

        Returns:
            The same shape for the in-memory axes.

        Raises:
            ValueError: if the file's slices are not its last axis.
        """
        if self.order[2] != 2 or self.flipped[2]:
            raise ValueError("vectors are known for files whose slices are the last axis only")
        first, second = self.order[:2]
        turned = field if (first, second) == (0, 1) else np.swapaxes(field[..., ::-1, :, :], -1, -2)
        signs = np.where(self.flipped[:2], -1.0, 1.0).astype(field.dtype)[:, None, None]
        rows, columns = self._steps[:2]
        return np.ascontiguousarray(turned[..., rows, columns] * signs)

    @property
    def _steps(self) -> tuple[slice, ...]:
        return tuple(slice(None, None, -1 if flip else 1) for flip in self.flipped)


def slice_axis(shape: tuple[int, ...], affine: np.ndarray) -> int:
    """The axis that counts the slices: few and thick voxels; the third where none stands out.

    Args:
        shape: ``(A, B, C, ...)`` of the file.
        affine: ``(4, 4)``, voxel index to RAS millimetres.
    """
    lengths = np.linalg.norm(affine[:3, :3], axis=0)
    longest = int(np.argmax(lengths))
    thick = lengths[longest] > THICK * np.delete(lengths, longest).max()
    counts = np.array([*shape, 1, 1, 1][:3])
    few = counts[longest] < np.delete(counts, longest).min()
    return longest if thick and few else 2


def storage_of(shape: tuple[int, ...], affine: np.ndarray) -> Storage:
    """How a file is brought to memory.

    Slices are last (:func:`slice_axis`). The order and direction of the two other axes follow from
    where they point in the patient, so that a file whose axes were turned, mirrored or exchanged
    (with its affine) gives the same array. Slices stay in the file's order: users count them.

    Args:
        shape: ``(A, B, C, ...)`` of the file.
        affine: ``(4, 4)``, voxel index to RAS millimetres.

    Returns:
        Order and direction of the axes.
    """
    across = slice_axis(shape, affine)
    plane = [axis for axis in range(3) if axis != across]
    directions = affine[:3, plane] / np.maximum(np.linalg.norm(affine[:3, plane], axis=0), 1e-12)
    along = FIRST @ directions
    first = int(np.argmax(np.abs(along)))
    second = 1 - first
    return Storage(
        order=(plane[first], plane[second], across),
        flipped=(bool(along[first] < 0), bool(SECOND @ directions[:, second] < 0), False),
        shape=(int(shape[0]), int(shape[1]), int(shape[2])),
        affine=affine,
    )
