"""How slices are shown: the standard short-axis view where the file says how the slice lies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

# Rightwards and downwards in the standard short-axis view, in RAS: the lateral wall (left and
# posterior) is on the right, the inferior wall below.
VIEW_RIGHT = np.array([-1.0, -1.0, 0.0]) / np.sqrt(2)
VIEW_DOWN = np.array([0.0, -0.3, -1.0]) / np.sqrt(1.09)
OBLIQUE = 0.05  # a direction cosine off the scanner's axes by more than this is no placeholder


@dataclass(frozen=True, kw_only=True)
class View:
    """Which slice axis runs to the right and which one down in a picture, and with which sign.

    Attributes:
        right: ``(axis, sign)``.
        down: ``(axis, sign)``, the other axis.
        from_header: the file's orientation was used; otherwise axis 0 runs to the right and axis 1
            down, unless the right ventricle or two points say more.
    """

    right: tuple[int, int] = (0, 1)
    down: tuple[int, int] = (1, 1)
    from_header: bool = False

    def picture(self, values: np.ndarray) -> np.ndarray:
        """Lay out slices for display.

        Args:
            values: ``(..., X, Y)``.

        Returns:
            ``(..., rows, columns)``.
        """
        turned = values if self.down[0] == 0 else np.swapaxes(values, -1, -2)
        if self.down[1] < 0:
            turned = turned[..., ::-1, :]
        if self.right[1] < 0:
            turned = turned[..., ::-1]
        return turned

    def offsets(self, along_axes: np.ndarray) -> np.ndarray:
        """Offsets in a picture.

        Args:
            along_axes: ``(..., 2)`` offsets along the slice axes 0 and 1.

        Returns:
            ``(..., 2)`` to the right and down.
        """
        right = along_axes[..., self.right[0]] * self.right[1]
        down = along_axes[..., self.down[0]] * self.down[1]
        return np.stack([right, down], axis=-1)

    def direction(self, right: float, down: float) -> np.ndarray:
        """Direction along the slice axes of a direction in the picture, ``(2,)``."""
        along = np.zeros(2)
        along[self.right[0]] = right * self.right[1]
        along[self.down[0]] = down * self.down[1]
        return along


def towards_right(left: np.ndarray, right: np.ndarray) -> np.ndarray | None:
    """From the left ventricle to the right one, for :func:`standard_view`.

    Args:
        left: wall and cavity, boolean ``(Z, X, Y)``.
        right: right ventricle, the same shape.

    Returns:
        ``(2,)`` in voxels, mean over the slices that show both; None where none does.
    """
    offsets = [
        np.argwhere(b).mean(0) - np.argwhere(a).mean(0)
        for a, b in zip(left, right, strict=True)
        if a.any() and b.any()
    ]
    return np.mean(offsets, 0) if offsets else None


def is_placeholder(affine: np.ndarray) -> bool:
    """Whether a header's in-plane axes run along those of the scanner, as a short axis never does.

    Args:
        affine: ``(3, 3)`` or ``(4, 4)``, voxel index to RAS millimetres.
    """
    return bool((1 - np.abs(_directions(affine)).max(axis=0) < OBLIQUE**2).all())


def off_right_deg(affine: np.ndarray, right_ventricle: np.ndarray) -> float:
    """How far off the left of the standard view, the patient's right and front, a direction is.

    Args:
        affine: ``(3, 3)`` or ``(4, 4)``, voxel index to RAS millimetres.
        right_ventricle: ``(2,)``, from the left ventricle to the right one along the slice axes 0
            and 1, in any unit of length.

    Returns:
        Degrees, 0 to 180; beyond 90 the right ventricle lies to the left or behind by the header.
    """
    along = _directions(affine) @ right_ventricle
    cosine = -VIEW_RIGHT @ along / max(float(np.linalg.norm(along)), 1e-9)
    return float(np.rad2deg(np.arccos(np.clip(cosine, -1, 1))))


def standard_view(
    affine: np.ndarray,
    right_ventricle: np.ndarray | None = None,
    anterior: np.ndarray | None = None,
) -> View:
    """View of the slices of a file.

    Where the header is a placeholder (:func:`is_placeholder`), the right ventricle is shown on the
    left: what would have it on the right is mirrored, as files are whose axes were reversed one by
    one, and where it is above or below, the axes are exchanged, as in files of rows before columns.
    The top is taken for anterior where nothing says what is.

    Args:
        affine: ``(4, 4)``, voxel index to RAS millimetres.
        right_ventricle: ``(2,)``, from the left ventricle to the right one along the slice axes 0
            and 1; None where it is not known.
        anterior: ``(2,)``, from the inferior insertion of the right ventricle to the anterior one;
            None where they are not known.

    Returns:
        The view.
    """
    if is_placeholder(affine):
        if right_ventricle is not None and anterior is not None:
            axis = int(np.argmax(np.abs(right_ventricle) + np.abs(anterior[::-1])))
            return View(
                right=(axis, -1 if right_ventricle[axis] > 0 else 1),
                down=(1 - axis, -1 if anterior[1 - axis] > 0 else 1),
            )
        if right_ventricle is None:
            return View()
        axis = int(np.argmax(np.abs(right_ventricle)))
        return View(right=(axis, -1 if right_ventricle[axis] > 0 else 1), down=(1 - axis, 1))
    directions = _directions(affine)
    to_right, down = VIEW_RIGHT @ directions, VIEW_DOWN @ directions
    straight = abs(to_right[0]) + abs(down[1])
    axis = 0 if straight >= abs(to_right[1]) + abs(down[0]) else 1
    return View(
        right=(axis, 1 if to_right[axis] >= 0 else -1),
        down=(1 - axis, 1 if down[1 - axis] >= 0 else -1),
        from_header=True,
    )


def _directions(affine: np.ndarray) -> np.ndarray:
    """Unit vectors of the slice axes in RAS, ``(3, 2)``."""
    directions: np.ndarray = affine[:3, :2] / np.linalg.norm(affine[:3, :2], axis=0)
    return directions
