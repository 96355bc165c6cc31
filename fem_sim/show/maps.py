"""Motion of the wall of a simulated cycle on a grid of material points: positions, J and strain."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from scipy.spatial import cKDTree

from fem_sim.mechanics.cycle import Cycle
from myomotion.core.kinematics import (
    green_lagrange_strain,
    jacobian_determinant,
    radial_circumferential_strain,
)
from myomotion.core.wall.contours import polygon_centroid

LAYERS = 17
NEIGHBOURS = 24


@dataclass(frozen=True)
class WallMaps:
    """One frame of a cycle on the wall's material grid, all relative to end-diastole.

    Attributes:
        points: (R, N, 2) positions in this frame in mm, R from endo- to epicardium, N around
            (first = last).
        displacement: (R, N) distance from the end-diastolic position in mm.
        jacobian: (R, N) in-plane area change J = det F.
        err: (R, N) radial Green-Lagrange strain, a fraction.
        ecc: (R, N) circumferential Green-Lagrange strain, a fraction.
    """

    points: np.ndarray
    displacement: np.ndarray
    jacobian: np.ndarray
    err: np.ndarray
    ecc: np.ndarray


class WallGrid:
    """Material points between the matched contours, and what the wall's motion is there.

    Each point gets a local quadratic fit (weighted least squares, Gaussian weights) to the known
    displacements nearest to it: the pixels of the wall and the points of both contours. Central
    differences of the pixel field would mix in its extension beyond the wall: one pixel from the
    endocardium they are off by a tenth in J.

    Args:
        cycle: a simulated cycle.
        layers: points across the wall, both contours included.

    Attributes:
        points: (R, N, 2) in mm in the frame that the cycle's fields refer to, first = last around.
    """

    def __init__(self, cycle: Cycle, layers: int = LAYERS) -> None:
        self.cycle = cycle
        self._reference = -1 if cycle.provenance.get("reference") == "ES" else 0
        endo, epi = (np.asarray(c[self._reference], float) for c in (cycle.endo, cycle.epi))
        share = np.linspace(0, 1, layers)[:, None, None]
        ring = (1 - share) * endo + share * epi
        self.points = np.concatenate([ring, ring[:, :1]], axis=1)
        self._wall = cycle.labels == 2
        pixels = np.argwhere(self._wall) * cycle.spacing
        known = np.concatenate([pixels, endo, epi])
        self._nearest, self._weights = _quadratic_fit(known, self.points.reshape(-1, 2))
        self._start, self._start_gradient = self._motion(0)

    def maps(self, frame: int) -> WallMaps:
        """Displacement, J and strain in one frame, reference end-diastole (frame 0).

        Where the cycle's fields refer to another frame than end-diastole, `F` is that frame's
        times the inverse of end-diastole's. Strain is that of :mod:`myomotion.core.kinematics`,
        `r` pointing outward from the centroid of the cavity at end-diastole.

        Args:
            frame: which frame, 0 for end-diastole, -1 for end-systole.

        Returns:
            The maps.
        """
        points, deformation = self._motion(frame)
        deformation = deformation @ np.linalg.inv(self._start_gradient)
        components = np.moveaxis(deformation - np.eye(2), (2, 3), (0, 1))
        gradient = torch.from_numpy(components.reshape(1, 4, *points.shape[:2]))
        radial = self._start - polygon_centroid(self._start[0, :-1])
        radial /= np.linalg.norm(radial, axis=-1, keepdims=True)
        outward = torch.from_numpy(np.moveaxis(radial, -1, 0)[None])
        polar = radial_circumferential_strain(green_lagrange_strain(gradient), outward)[0].numpy()
        return WallMaps(
            points=points,
            displacement=np.linalg.norm(points - self._start, axis=-1),
            jacobian=jacobian_determinant(gradient)[0, 0].numpy(),
            err=polar[0],
            ecc=polar[1],
        )

    def _motion(self, frame: int) -> tuple[np.ndarray, np.ndarray]:
        """Positions (R, N, 2) in mm and `F` (R, N, 2, 2) with respect to the fields' frame."""
        cycle, reference = self.cycle, self._reference
        moved = np.concatenate(
            [
                cycle.displacement[frame][:, self._wall].T,
                cycle.endo[frame] - cycle.endo[reference],
                cycle.epi[frame] - cycle.epi[reference],
            ]
        ).astype(float)
        fitted = np.einsum("nck,nkd->ncd", self._weights, moved[self._nearest])
        fitted = fitted.reshape(*self.points.shape[:2], 3, 2)
        gradient = np.eye(2) + np.swapaxes(fitted[..., 1:, :], -1, -2)
        return self.points + fitted[..., 0, :], gradient


def wall_mean(points: np.ndarray, values: np.ndarray) -> float:
    """Mean over the wall's area.

    Args:
        points: (R, N, 2) the end-diastolic grid in mm, first = last around.
        values: (R, N).

    Returns:
        The area-weighted mean of the cells' mean values.
    """
    along, across = points[1:, 1:] - points[:-1, :-1], points[1:, :-1] - points[:-1, 1:]
    area = np.abs(along[..., 0] * across[..., 1] - along[..., 1] * across[..., 0]) / 2
    cells = (values[1:, 1:] + values[:-1, :-1] + values[1:, :-1] + values[:-1, 1:]) / 4
    return float((area * cells).sum() / area.sum())


def _quadratic_fit(known: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Local quadratic least squares as weights on the nearest known values.

    Args:
        known: (M, 2) where values are known, mm.
        points: (n, 2) where the fit is wanted, mm.

    Returns:
        Indices (n, k) of the neighbours, and weights (n, 3, k) that give the value and its slopes
        (per mm) along both axes.
    """
    distance, nearest = cKDTree(known).query(points, k=min(NEIGHBOURS, len(known)))
    reach = distance[:, -1:]
    x, y = np.moveaxis((known[nearest] - points[:, None]) / reach[..., None], -1, 0)
    basis = np.stack([np.ones_like(x), x, y, x * x, x * y, y * y], axis=-1)
    root = np.exp(-((distance / reach) ** 2))
    solution = np.linalg.pinv(basis * root[..., None]) * root[:, None, :]
    weights = solution[:, :3]
    weights[:, 1:] /= reach[..., None]
    return nearest, weights
