"""Motion within the cavity: every ray from its middle to the endocardium shrinks with its end."""

from __future__ import annotations

import numpy as np
from scipy.ndimage import map_coordinates

from fem_sim.phantom.geometry import HeartGeometry, polar

RAYS = 360


class CavityMotion:
    """The star-shaped map of the cavity that a motion of the endocardium gives.

    A point at the share ``s`` of the way from the centre to the endocardium stays at that share:
    ``u = u_c + s (u_P(theta) - u_c)`` with the motion ``u_P`` of the endocardium and the mean
    ``u_c`` of it. It does not fold while the endocardium stays star-shaped about the moved centre,
    however small the cavity becomes; an extension that minimises an energy does where the cavity
    nearly vanishes.

    Args:
        points: ``(2, N)`` end-diastolic points in the cavity, mm.
        geometry: heart outlines at end-diastole in grid mm.
        origin: coordinate of the fields' first sample along both axes, mm.
        spacing: of the fields, mm.
    """

    def __init__(
        self, points: np.ndarray, geometry: HeartGeometry, origin: float, spacing: float
    ) -> None:
        radius, self.angle = polar(points, geometry.centre)
        self.share = np.minimum(radius / geometry.endo_radius(self.angle), 1.0)
        self.rays = np.linspace(-np.pi, np.pi, RAYS, endpoint=False)
        direction = np.stack([np.cos(self.rays), np.sin(self.rays)])
        endo = geometry.centre[:, None] + geometry.endo_radius(self.rays) * direction
        self.index = (endo - origin) / spacing

    def displacement(self, field: np.ndarray) -> np.ndarray:
        """Displacement ``(2, N)`` in mm of the points, where ``(2, H, W)`` is that of the wall."""
        moved = [map_coordinates(part, self.index, order=1) for part in field]
        centre = np.mean(moved, axis=1, keepdims=True)
        ends = np.stack([np.interp(self.angle, self.rays, m, period=2 * np.pi) for m in moved])
        return centre + self.share * (ends - centre)
