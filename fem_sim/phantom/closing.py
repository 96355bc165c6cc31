"""Trabeculae and papillary muscles that close up while the cavity gets smaller.

Muscle keeps its area while blood leaves: where the cavity shrinks to a share ``a`` of its area at
end-diastole, a neighbourhood with the muscle share ``m`` then has the share ``min(1, m / a)``. That
is what a picture shows, and readers count it as wall; the tissue itself moves as simulated.
"""

from __future__ import annotations

import numpy as np
from scipy.ndimage import gaussian_filter

NEIGHBOURHOOD_MM = 1.6  # standard deviation
FULL_AT = 0.5  # share of the cavity's area that has left where neighbourhoods count alone


def neighbourhood_share(share: np.ndarray, cavity: np.ndarray, spacing: float) -> np.ndarray:
    """Mean muscle share of the cavity about each point.

    Args:
        share: muscle share ``(M, M)``, 0 to 1.
        cavity: mask ``(M, M)`` of the cavity; what lies outside does not count.
        spacing: of the grid, mm.

    Returns:
        ``(M, M)``, 0 to 1.
    """
    sigma = NEIGHBOURHOOD_MM / spacing
    weight = gaussian_filter(cavity.astype(np.float32), sigma, truncate=3.0)
    total = gaussian_filter((share * cavity).astype(np.float32), sigma, truncate=3.0)
    return total / np.maximum(weight, 1e-3)


def closed_share(
    share: np.ndarray, neighbourhood: np.ndarray, area: np.ndarray, strength: float
) -> np.ndarray:
    """Muscle share of points of the cavity after it has become smaller.

    Args:
        share: muscle share of each point at end-diastole.
        neighbourhood: that about it, see :func:`neighbourhood_share`.
        area: local area over that at end-diastole.
        strength: 0 for points that keep their share, 1 for all that conservation of area asks for.

    Returns:
        The share, nowhere less than at end-diastole.
    """
    crowded = np.minimum(1.0, neighbourhood / np.maximum(area, 1e-3))
    weight = strength * np.clip((1 - area) / FULL_AT, 0.0, 1.0)
    return share + weight * np.maximum(crowded - share, 0.0)
