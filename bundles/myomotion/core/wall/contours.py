"""Endo- and epicardial contours of a short-axis ring, from label maps to matched polygons."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import contourpy
import numpy as np
from scipy import ndimage

from myomotion.core.contours import signed_area

MIN_WALL_VOXELS = 0.8
MIN_MYOCARDIUM_VOXELS = 20
MAIN_COMPONENT_SHARE = 0.9
FOURIER_ORDER = 10
POINTS = 180


class RejectedSliceError(ValueError):
    """A slice that cannot be meshed; ``code`` is short and stable, the message says why.

    Attributes:
        code: one of ``empty``, ``small``, ``border``, ``components``, ``no_cavity``,
            ``second_hole``, ``thin_wall``, ``not_star_shaped``, ``mesh``, ``solver``.
    """

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code

    def __reduce__(self) -> tuple:
        """Pickle with both arguments, so that the error crosses processes."""
        return type(self), (self.code, str(self).split(": ", 1)[1])


@dataclass(frozen=True)
class Contours:
    """Closed polygons of one slice.

    Attributes:
        endo: ``(N, 2)`` in mm, array axes (0, 1), counter-clockwise.
        epi: ``(N, 2)``, matched to ``endo`` by index.
    """

    endo: np.ndarray
    epi: np.ndarray

    def cavity_area(self) -> float:
        """Area inside the endocardium in mm^2."""
        return polygon_area(self.endo)


def polygon_area(points: np.ndarray) -> float:
    """Signed area of a closed polygon ``(N, 2)`` (shoelace formula)."""
    return float(signed_area(points))


def polygon_centroid(points: np.ndarray) -> np.ndarray:
    """Centroid ``(2,)`` of the area inside a closed polygon ``(N, 2)``."""
    following = np.roll(points, -1, axis=0)
    cross = points[:, 0] * following[:, 1] - points[:, 1] * following[:, 0]
    return ((points + following) * cross[:, None]).sum(0) / (3 * cross.sum())


def contours_from_labels(
    labels: np.ndarray,
    spacing: float | Sequence[float],
    *,
    myocardium: int = 2,
    cavity: int = 1,
) -> Contours:
    """Sub-pixel contours of the left-ventricular ring in a label map.

    Papillary spokes are closed first; the masks are smoothed, contoured at one half and low-pass
    filtered as Fourier series of the radius about the cavity's centroid.

    Args:
        labels: ``(H, W)`` integers.
        spacing: voxel size in mm, of both axes or one for each.
        myocardium: label of the wall.
        cavity: label of the cavity; used where present to close gaps of the wall at its inside.

    Returns:
        Matched contours; mm coordinates are index times spacing.

    Raises:
        RejectedSliceError: with the reason, if the ring cannot be meshed.
    """
    wall = labels == myocardium
    if not wall.any():
        raise RejectedSliceError("empty", "no voxel is myocardium")
    if wall.sum() < MIN_MYOCARDIUM_VOXELS:
        raise RejectedSliceError(
            "small", f"{int(wall.sum())} voxels of myocardium, need {MIN_MYOCARDIUM_VOXELS}"
        )
    wall = _main_component(wall, labels == cavity)
    if wall[0].any() or wall[-1].any() or wall[:, 0].any() or wall[:, -1].any():
        raise RejectedSliceError("border", "the myocardium touches the border of the image")
    hole = _single_hole(wall)
    blood = hole | (labels == cavity) & ndimage.binary_fill_holes(wall)
    filled = wall | blood
    # Opening the cavity's complement inside the ring: papillary spokes join the cavity.
    blood = ndimage.binary_closing(blood, iterations=2) & filled & ~_outer_shell(filled)
    steps = np.broadcast_to(np.asarray(spacing, float), 2)
    center = np.array(ndimage.center_of_mass(blood)) * steps
    endo = _radius_profile(blood, center, steps)
    epi = _radius_profile(filled, center, steps)
    thinnest = float((epi - endo).min() / steps.max())
    if thinnest < MIN_WALL_VOXELS:
        raise RejectedSliceError(
            "thin_wall", f"the wall is {thinnest:.2f} voxels thick, need {MIN_WALL_VOXELS}"
        )
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    direction = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return Contours(endo=center + endo[:, None] * direction, epi=center + epi[:, None] * direction)


def _main_component(wall: np.ndarray, cavity: np.ndarray) -> np.ndarray:
    components, count, sizes = _components(wall)
    if sizes.max() < MAIN_COMPONENT_SHARE * wall.sum():  # a line across the wall is not drawn
        wall = ndimage.binary_closing(wall, structure=np.ones((3, 3))) & ~cavity
        components, count, sizes = _components(wall)
    if sizes.max() < MAIN_COMPONENT_SHARE * wall.sum():
        raise RejectedSliceError(
            "components",
            f"{count} components; the largest holds {100 * sizes.max() / wall.sum():.0f} % of the "
            f"myocardium, need {100 * MAIN_COMPONENT_SHARE:.0f} %",
        )
    return components == int(sizes.argmax()) + 1


def _components(wall: np.ndarray) -> tuple[np.ndarray, int, np.ndarray]:
    """Pieces of a wall, how many, and their sizes."""
    components, count = ndimage.label(wall, structure=np.ones((3, 3)))
    return components, count, ndimage.sum_labels(wall, components, np.arange(1, count + 1))


def _holes(wall: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    holes, count = ndimage.label(ndimage.binary_fill_holes(wall) & ~wall)
    return holes, ndimage.sum_labels(holes > 0, holes, np.arange(1, count + 1))


def _single_hole(wall: np.ndarray) -> np.ndarray:
    holes, sizes = _holes(wall)
    if len(sizes) == 0:
        closed = ndimage.binary_closing(wall, structure=np.ones((3, 3)))
        holes, sizes = _holes(closed)
        if len(sizes) == 0:
            raise RejectedSliceError("no_cavity", "the myocardium does not enclose a cavity")
    order = np.argsort(sizes)[::-1]
    if len(sizes) > 1 and sizes[order[1]] > max(3, 0.1 * sizes[order[0]]):
        raise RejectedSliceError(
            "second_hole",
            f"a second hole of {int(sizes[order[1]])} voxels beside the cavity of "
            f"{int(sizes[order[0]])}",
        )
    return holes == int(order[0]) + 1


def _outer_shell(filled: np.ndarray) -> np.ndarray:
    return filled & ~ndimage.binary_erosion(filled)


def _radius_profile(mask: np.ndarray, center: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """Radius of the smoothed mask's outline in mm at evenly spaced angles about a point in mm."""
    smooth = ndimage.gaussian_filter(mask.astype(float), 0.7)
    lines = contourpy.contour_generator(z=smooth.T).lines(0.5)
    if not lines:
        raise RejectedSliceError("no_cavity", "the cavity is too small to outline")
    line = max((np.asarray(line) for line in lines), key=len) * steps - center
    theta = np.unwrap(np.arctan2(line[:-1, 1], line[:-1, 0]))
    if abs(abs(theta[-1] - theta[0]) - 2 * np.pi) > 1.0:
        raise RejectedSliceError("not_star_shaped", "an outline does not surround the cavity")
    order = np.argsort(theta % (2 * np.pi))
    known = (theta % (2 * np.pi))[order]
    radius = np.hypot(line[:-1, 0], line[:-1, 1])[order]
    angle = 2 * np.pi * np.arange(POINTS) / POINTS
    profile = np.interp(angle, known, radius, period=2 * np.pi)
    spectrum = np.fft.rfft(profile)
    spectrum[FOURIER_ORDER + 1 :] = 0
    return np.fft.irfft(spectrum, POINTS)
