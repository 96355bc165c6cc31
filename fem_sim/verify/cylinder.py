"""Analytic inflation of a thick-walled incompressible cylinder."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from scipy.integrate import quad


def inflation_pressure(
    inner: float,
    outer: float,
    ratio: float,
    modulus: Callable[[float], float],
    lambda_z: float = 1.0,
) -> float:
    """Pressure that inflates the cavity to ``ratio`` times its area, for any ``W(I1)``.

    ``P = int_a^b g (s^2 - 1 / (s lambda_z)^2) dr / r`` with ``g = 2 dW/dI1``, the stretch around
    ``s = r / R`` and ``R^2 = A^2 + lambda_z (r^2 - a^2)``, from the equilibrium of the Cauchy
    stress along the radius.

    Args:
        inner: undeformed inner radius A.
        outer: undeformed outer radius B.
        ratio: deformed over undeformed cavity area.
        modulus: g as a function of I1; the pressure has its unit.
        lambda_z: stretch along the axis.

    Returns:
        Pressure.
    """
    a = np.sqrt(ratio) * inner
    b = np.sqrt(a**2 + (outer**2 - inner**2) / lambda_z)

    def slope(r: float) -> float:
        around = (r / np.sqrt(inner**2 + lambda_z * (r**2 - a**2))) ** 2
        across = 1 / (around * lambda_z**2)
        return modulus(around + across + lambda_z**2) * (around - across) / r

    return float(quad(slope, a, b, epsabs=0, epsrel=1e-11)[0])


def deformed_radius(radius: np.ndarray, inner: float, ratio: float) -> np.ndarray:
    """Deformed radius ``sqrt(R^2 + A^2 (ratio - 1))`` of undeformed radii ``R`` in plane strain."""
    return np.sqrt(radius**2 + inner**2 * (ratio - 1))
