"""Newton's iteration for an equilibrium, at a given pressure or at a given cavity area."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

from fem_sim.mechanics.ring import RingModel

FORCE_TOLERANCE_KPA_MM = 1e-3  # largest out-of-balance force a node; Newton overshoots it by far
AREA_TOLERANCE = 1e-8  # relative, of a prescribed cavity area
MAX_NEWTON = 12


@dataclass(frozen=True)
class State:
    """An equilibrium.

    Attributes:
        x: degrees of freedom.
        pressure: scaled pressure in kPa.
        progress: cavity area change so far over that of the whole path, 0 at ES, 1 at ED.
        iterations: Newton iterations it took.
    """

    x: np.ndarray
    pressure: float
    progress: float
    iterations: int = 0


def solve_at_area(
    model: RingModel, start: State, area: float, area_change: float, progress: float
) -> State:
    """Equilibrium and pressure at a prescribed cavity area (bordered Newton).

    Args:
        model: the ring.
        start: first guess of degrees of freedom and pressure.
        area: cavity area in mm^2.
        area_change: in-plane area change c.
        progress: noted in the result.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x, pressure = start.x.copy(), start.pressure
    for iteration in range(MAX_NEWTON):
        r = _residual(model, x, pressure, area_change)
        load = model.load(x)
        gap = model.cavity_area(x) - area
        if _converged(model, r, gap / area):
            return State(x, pressure, progress, iteration)
        solver = factorise(model.tangent(x, pressure)[model.free][:, model.free])
        column = np.zeros(len(x))
        column[model.u] = load
        both = solver.solve(np.stack([-r[model.free], -column[model.free]], axis=1))
        # The area changes by -load . du.
        share = -column[model.free] @ both
        change = (-gap - share[0]) / share[1]
        x[model.free] += both[:, 0] + change * both[:, 1]
        pressure += float(change)
    raise ArithmeticError("Newton's iteration did not converge at the prescribed area")


def solve_at_pressure(model: RingModel, start: State, pressure: float, area_change: float) -> State:
    """Equilibrium at a prescribed scaled pressure.

    Args:
        model: the ring.
        start: first guess; its progress is noted in the result.
        pressure: scaled pressure in kPa.
        area_change: in-plane area change c.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x = start.x.copy()
    for iteration in range(MAX_NEWTON):
        r = _residual(model, x, pressure, area_change)
        if _converged(model, r, 0.0):
            return State(x, pressure, start.progress, iteration)
        solver = factorise(model.tangent(x, pressure)[model.free][:, model.free])
        x[model.free] -= solver.solve(r[model.free])
    raise ArithmeticError("Newton's iteration did not converge at the prescribed pressure")


def factorise(matrix: sp.spmatrix) -> SuperLU:
    """Sparse LU with the ordering and pivoting that suit these symmetric indefinite matrices."""
    return splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def _residual(model: RingModel, x: np.ndarray, pressure: float, area_change: float) -> np.ndarray:
    """Out-of-balance vector, or why the last step went too far."""
    try:
        # A step that is far too long takes exponential materials beyond the range of numbers.
        with np.errstate(over="ignore", invalid="ignore"):
            r = model.residual(x, pressure, area_change)
    except ValueError as error:
        raise ArithmeticError("an element turned inside out") from error
    if not np.isfinite(r).all():
        raise ArithmeticError("the stress grew beyond all numbers")
    return r


def _converged(model: RingModel, residual: np.ndarray, area_gap: float) -> bool:
    force = np.abs(residual[model.free]).max()
    return bool(force < FORCE_TOLERANCE_KPA_MM and abs(area_gap) < AREA_TOLERANCE)
