"""What is read off the motion of a wall in space, and how sure it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from myomotion.analysis.volume.lattice import (
    cavity_volume,
    green_lagrange,
    meridian_length,
    tangents,
    torsion,
)
from myomotion.analysis.volume.lift import Lifted
from myomotion.analysis.volume.planes import at_place, meet

MIDDLE = slice(5, 15)  # heights of the lattice away from apex and base
# Errors of GLS of simulated hearts left out of the modes over what the fit alone says of them, root
# mean square: what the modes cannot do is no part of the fit (docs/volume.md of the bundle).
CAUTION = 2.3
STEP = 0.05  # of a coefficient, in its own uncertainty, for slopes


@dataclass(frozen=True, kw_only=True, eq=False)
class VolumeFunction:
    """Function of a ventricle from its wall's motion in space; frames as those of the lift.

    Attributes:
        volume_ml: of the cavity within the surface, ``(T,)``.
        gls: longitudinal shortening of the endocardium against end-diastole, %, negative.
        torsion: degrees/cm, positive where the apex turns counter-clockwise seen from the apex.
        strain: mean Green-Lagrange strain of the wall away from apex and base, % ``(T, 3)``:
            circumferential (mid-wall), longitudinal (mid-wall), transmural (whole wall).
        through_plane: ``(T, K)`` mean motion of the tissue of each slice along the axis, mm,
            negative towards the apex.
        stretch_along: ``(T, K)`` mean stretch of that tissue along the axis (lambda_z).
    """

    volume_ml: np.ndarray
    gls: np.ndarray
    torsion: np.ndarray
    strain: np.ndarray
    through_plane: np.ndarray
    stretch_along: np.ndarray


def function_of(lifted: Lifted) -> VolumeFunction:
    """Function of a lifted ventricle.

    Args:
        lifted: its motion.
    """
    start, positions, levels = lifted.shape.positions, lifted.positions, lifted.shape.levels
    strain = green_lagrange(positions, start)[:, MIDDLE]
    mean = [
        strain[:, :, :, 1, 0, 0].mean((1, 2)),
        strain[:, :, :, 1, 1, 1].mean((1, 2)),
        strain[..., 2, 2].mean((1, 2, 3)),
    ]
    along = (tangents(positions) @ np.linalg.inv(tangents(start)))[..., 2]
    stretch = np.moveaxis(np.linalg.norm(along, axis=-1), 0, -1)
    at_slices = np.stack([at_place(meet(start, z), stretch).mean((0, 1)) for z in levels], axis=-1)
    length = meridian_length(start)
    return VolumeFunction(
        volume_ml=cavity_volume(positions),
        gls=100 * (meridian_length(positions) / length - 1),
        torsion=torsion(positions, start),
        strain=100 * np.stack(mean, axis=-1),
        through_plane=lifted.at_levels(levels)[..., 2].mean((2, 3)),
        stretch_along=at_slices,
    )


def standard_error(
    lifted: Lifted, frame: int, number: Callable[[np.ndarray], np.ndarray]
) -> np.ndarray:
    """How unsure a number of a frame is, one standard deviation.

    Args:
        lifted: the motion.
        frame: number of the frame.
        number: from positions ``(..., heights, angles, depths, 3)`` to ``(...)``.

    Returns:
        ``CAUTION sqrt(g C g)`` with the number's slope ``g`` by the coefficients and their
        covariance ``C``.
    """
    q, covariance = lifted.coefficients[frame], lifted.covariance[frame]
    steps = STEP * np.sqrt(np.diag(covariance))
    here = lifted.shape.positions + lifted.basis @ q
    moved = here + np.moveaxis(lifted.basis * steps, -1, 0)
    slope = (number(moved) - number(here)) / steps
    return CAUTION * np.sqrt(slope @ covariance @ slope)
