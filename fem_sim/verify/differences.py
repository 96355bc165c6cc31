"""Derivatives by differences, which exact ones are held against."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np


def derivative(
    function: Callable[[np.ndarray], np.ndarray], x: np.ndarray, direction: np.ndarray, step: float
) -> np.ndarray:
    """Derivative along a direction, ``(8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h``.

    Args:
        function: of the unknowns.
        x: ``(N,)``, where to differentiate.
        direction: ``(N,)``.
        step: h, in units of the direction.

    Returns:
        In the shape of the function.
    """
    one = function(x + step * direction) - function(x - step * direction)
    two = function(x + 2 * step * direction) - function(x - 2 * step * direction)
    return (8 * one - two) / (12 * step)
