"""Descent of many frames at once, each for itself, by what is known of their curvature."""

from __future__ import annotations

import torch

from myomotion.refinement.curvature import Curvature, inner, over

REMEMBERED = 6  # latest steps that the curvature is corrected by
LONGEST = 2.0  # voxels that a control point moves in a step at the most


class Descent:
    """Quasi-Newton steps (L-BFGS: Nocedal and Wright, Numerical Optimization 2006, algorithm 7.4).

    What the latest steps have told of the curvature corrects the one that is given. A frame whose
    value a step raises stays where it is, and goes half as far the next time.

    Args:
        position: of the frames' control points ``(N, 2, h, w)``, in voxels.
    """

    def __init__(self, position: torch.Tensor) -> None:
        self.position = self.proposed = position
        self.value = position.new_zeros(len(position))
        self.slope = torch.zeros_like(position)
        self.length = torch.ones_like(self.value)
        self.curvature: Curvature | None = None
        self.steps: list[tuple[torch.Tensor, torch.Tensor, torch.Tensor]] = []

    def set(self, value: torch.Tensor, slope: torch.Tensor) -> None:
        """Say what is at ``position``: the frames' values ``(N,)`` and their slopes."""
        self.value, self.slope = value, slope

    def propose(self) -> None:
        """Set ``proposed``, where to go; :meth:`take` wants to know what is there."""
        assert self.curvature is not None
        way = -self._corrected(self.curvature)
        uphill = inner(way, self.slope) >= 0  # the solution is not exact
        if bool(uphill.any()):
            way = torch.where(over(uphill), -self.curvature.solve(self.slope), way)
        far = (self.length * way.abs().flatten(1).amax(1)).clamp(min=LONGEST)
        self.proposed = self.position + over(self.length * LONGEST / far) * way

    def take(self, value: torch.Tensor, slope: torch.Tensor) -> None:
        """Go to the proposal, where that is lower.

        Args:
            value: of the frames there, ``(N,)``; not a number where there is none.
            slope: there.
        """
        step, bend = self.proposed - self.position, slope - self.slope
        product = inner(step, bend)
        convex = product > 1e-12 * inner(step, step)  # False where it is not a number
        step, bend = (torch.where(over(convex), v, torch.zeros_like(v)) for v in (step, bend))
        weight = torch.where(convex, 1 / product, torch.zeros_like(product))
        self.steps = [*self.steps, (step, bend, weight)][-REMEMBERED:]
        lower = value <= self.value
        self.position = torch.where(over(lower), self.proposed, self.position)
        self.slope = torch.where(over(lower), slope, self.slope)
        self.value = torch.where(lower, value, self.value)
        self.length = torch.where(lower, torch.ones_like(self.length), self.length / 2)

    def _corrected(self, curvature: Curvature) -> torch.Tensor:
        """Inverse of the corrected curvature times the slope."""
        left, shares = self.slope, []
        for step, bend, weight in reversed(self.steps):
            shares.append(weight * inner(step, left))
            left = left - over(shares[-1]) * bend
        found = curvature.solve(left)
        for step, bend, weight in self.steps:
            found = found + over(shares.pop() - weight * inner(bend, found)) * step
        return found
