"""Analytic inflation of a thick-walled incompressible neo-Hookean cylinder in plane strain."""

from __future__ import annotations

import numpy as np


def inflation_pressure(inner: float, outer: float, ratio: float, mu: float) -> float:
    """Pressure that inflates the cavity to ``ratio`` times its area.

    ``P = mu { ln(B a / (A b)) + (c / 2) (1 / a^2 - 1 / b^2) }`` with undeformed radii A, B,
    deformed radii ``a^2 = A^2 + c``, ``b^2 = B^2 + c``.

    Args:
        inner: undeformed inner radius A.
        outer: undeformed outer radius B.
        ratio: deformed over undeformed cavity area.
        mu: shear modulus; the pressure has its unit.

    Returns:
        Pressure.
    """
    c = inner**2 * (ratio - 1)
    a, b = np.sqrt(inner**2 + c), np.sqrt(outer**2 + c)
    logarithm = np.log(outer * a / (inner * b))
    return float(mu * (logarithm + c / 2 * (1 / a**2 - 1 / b**2)))


def deformed_radius(radius: np.ndarray, inner: float, ratio: float) -> np.ndarray:
    """Deformed radius ``sqrt(R^2 + A^2 (ratio - 1))`` of undeformed radii ``R``."""
    return np.sqrt(radius**2 + inner**2 * (ratio - 1))
