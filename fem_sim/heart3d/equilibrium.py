"""Equilibria of a solid: Newton's iteration, and the way to a load in adaptive steps."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from fem_sim.heart3d.model import Load, SolidModel
from fem_sim.mechanics.newton import factorise

Found = Literal["pressure", "tension"]
LOG = logging.getLogger(__name__)
FORCE_TOLERANCE = 1e-7  # out-of-balance force over the largest force of an element's node
VOLUME_TOLERANCE = 1e-8  # of an element vertex's share, over the mean element's volume
CAVITY_TOLERANCE = 1e-8  # relative, of a prescribed cavity volume
MAX_NEWTON = 12
FIRST_STEP, SMALLEST_STEP = 0.1, 1e-3  # shares of a load


@dataclass(frozen=True)
class State:
    """An equilibrium: unknowns, load, and the Newton iterations that it took."""

    x: np.ndarray
    load: Load
    iterations: int = 0


def solve(model: SolidModel, guess: np.ndarray, load: Load) -> State:
    """Equilibrium under a load.

    Args:
        model: the solid.
        guess: unknowns to start from.
        load: pressure and tension.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x = guess.copy()
    for iteration in range(MAX_NEWTON):
        r, tangent = model.linearised(x, load)
        if _converged(model, r):
            return State(x, load, iteration)
        x[model.free] -= factorise(tangent).solve(r[model.free])
    raise ArithmeticError("Newton's iteration did not converge under the load")


def solve_at_volume(
    model: SolidModel, guess: np.ndarray, load: Load, volume: float, found: Found
) -> State:
    """Equilibrium at a cavity volume; one part of the load is found with it (bordered Newton).

    Args:
        model: the solid.
        guess: unknowns to start from.
        load: the part that is given, and what to start from for the other.
        volume: of the cavity in mm^3.
        found: ``pressure`` or ``tension``.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x = guess.copy()
    for iteration in range(MAX_NEWTON):
        r, tangent = model.linearised(x, load)
        gap = model.cavity_volume(x) - volume
        if _converged(model, r) and abs(gap) < CAVITY_TOLERANCE * volume:
            return State(x, load, iteration)
        column = np.zeros(model.size)
        if found == "tension":
            column += model.tension_force(x)
        else:
            column[: model.n_u] = model.pressure_force(x)
        both = factorise(tangent).solve(-np.stack([r, column], axis=1)[model.free])
        row = np.concatenate([model.volume_slope(x), np.zeros(model.n_p)])[model.free]
        share = row @ both
        change = float((-gap - share[0]) / share[1])
        x[model.free] += both[:, 0] + change * both[:, 1]
        load = replace(load, **{found: getattr(load, found) + change})
    raise ArithmeticError("Newton's iteration did not converge at the cavity's volume")


def loaded(model: SolidModel, load: Load) -> State:
    """Equilibrium under a load that grows in proportion from nothing.

    Raises:
        ArithmeticError: see :func:`load_path`.
    """
    start = State(np.zeros(model.size), Load())

    def step(guess: np.ndarray, share: float) -> State:
        return solve(model, guess, Load(share * load.pressure, share * load.tension))

    return load_path(start, step, first=FIRST_STEP)[-1]


def load_path(
    start: State, step: Callable[[np.ndarray, float], State], *, first: float
) -> list[State]:
    """Equilibria along a way, in steps that grow and shrink as Newton's iteration likes.

    Args:
        start: where the way begins.
        step: solves at a share of the way, from a guess of the unknowns.
        first: length of the first step, a share of the way.

    Returns:
        States from the start to the end, both included.

    Raises:
        ArithmeticError: if the steps become too small.
    """
    path, shares, size = [start], [0.0], first
    while shares[-1] < 1.0:
        share = min(shares[-1] + size, 1.0)
        try:
            state = step(_extrapolated(path, shares, share), share)
        except ArithmeticError as error:
            size /= 2
            LOG.debug("share %.4f: %s; the step is halved", share, error)
            if size < SMALLEST_STEP:
                raise ArithmeticError(
                    f"no equilibrium beyond {shares[-1]:.1%} of the load ({error})"
                ) from error
            continue
        path.append(state)
        shares.append(share)
        if state.iterations <= 4:
            size *= 1.6
        elif state.iterations >= 7:
            size /= 1.5
    return path


def _extrapolated(path: list[State], shares: list[float], share: float) -> np.ndarray:
    """Unknowns at a share of the way from the polynomial through the last two or three states."""
    last = min(len(path), 3)
    s = shares[-last:]
    guess = np.zeros_like(path[-1].x)
    for i in range(last):
        weight = np.prod([(share - s[j]) / (s[i] - s[j]) for j in range(last) if j != i])
        guess += weight * path[-last:][i].x
    return guess


def _converged(model: SolidModel, residual: np.ndarray) -> bool:
    r = residual[model.free]
    inside = model.free < model.n_u
    # The undeformed solid has no forces of its own to compare with.
    force = np.abs(r[inside]).max() <= FORCE_TOLERANCE * max(model.force_scale, 1e-3)
    mean = model.weights.sum() / len(model.weights)
    volume = np.abs(r[~inside]).max() <= VOLUME_TOLERANCE * mean
    return bool(force and volume)
