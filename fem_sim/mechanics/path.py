"""From end-systole to end-diastole and back at uniform pressures."""

from __future__ import annotations

import numpy as np
from scipy.interpolate import CubicSpline, PchipInterpolator

from fem_sim.mechanics.newton import State, solve_at_area, solve_at_pressure
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.ring import RingModel
from myomotion.core.wall.contours import RejectedSliceError


def inflation_path(model: RingModel, area_ratio: float, lambda_z: float = 1.0) -> list[State]:
    """Equilibria from the undeformed ring to the prescribed cavity area.

    Adaptive steps in area with a secant predictor; the out-of-plane stretch grows with the area,
    ``lambda(s) = 1 + s (lambda_z - 1)``.

    Args:
        model: the ring.
        area_ratio: cavity area at the end over that at the start.
        lambda_z: out-of-plane stretch at the end.

    Returns:
        States in the order of growing area; the first is undeformed.

    Raises:
        RejectedSliceError: code ``solver``, if the steps become too small.
    """
    area = model.cavity_area(np.zeros(model.n_u + model.n_p))
    path = [State(np.zeros(model.n_u + model.n_p), 0.0, 0.0)]
    step = 0.2
    while path[-1].progress < 1.0:
        progress = min(path[-1].progress + step, 1.0)
        guess = _secant(path, progress)
        target = area * (1 + progress * (area_ratio - 1))
        try:
            state = solve_at_area(
                model, guess, target, 1 / (1 + progress * (lambda_z - 1)), progress
            )
        except ArithmeticError as error:
            step /= 2
            if step < 1e-3:
                raise RejectedSliceError(
                    "solver",
                    f"no equilibrium beyond {100 * path[-1].progress:.1f} % of the area change to "
                    f"ratio {area_ratio:.2f}",
                ) from error
            continue
        path.append(state)
        if state.iterations <= 4:
            step *= 1.5
    return path


def cycle_states(
    model: RingModel, path: list[State], parameters: SimulationParameters
) -> tuple[list[State], np.ndarray]:
    """Equilibria at uniform pressures between end-diastole and end-systole.

    The path gives the pressure as a function of the cavity's area; its inverse tells the area, and
    with it the out-of-plane stretch, of each pressure. Where the pressure does not grow all along
    the path, levels are uniform in area instead.

    Args:
        model: the ring.
        path: from :func:`inflation_path`.
        parameters: levels and out-of-plane stretch.

    Returns:
        States from end-diastole to end-systole and their pressures in kPa.

    Raises:
        RejectedSliceError: code ``solver``.
    """
    progress = np.array([state.progress for state in path])
    stretch = 1 + progress * (parameters.lambda_z - 1)
    material = model.material
    true = material.true_pressure(np.array([state.pressure for state in path]), stretch)
    dense = np.linspace(0, 1, 501)
    curve = PchipInterpolator(progress, true)(dense)
    share = np.linspace(0, 1, parameters.levels)
    monotone = bool((np.diff(curve) > 0).all())
    targets = np.interp(share * curve[-1], curve, dense) if monotone else share
    smooth = CubicSpline(progress, np.stack([state.x for state in path]))
    scaled = CubicSpline(progress, [state.pressure for state in path])
    empty = model.cavity_area(path[0].x)
    states = []
    for level, at in zip(share, targets, strict=True):
        guess = State(smooth(at), float(scaled(at)), float(at))
        lam = 1 + at * (parameters.lambda_z - 1)
        try:
            if monotone:
                pressure = material.scaled_pressure(level * true[-1], lam)
                states.append(solve_at_pressure(model, guess, pressure, 1 / lam))
            else:
                area = empty * (1 + at * (parameters.area_ratio - 1))
                states.append(solve_at_area(model, guess, area, 1 / lam, float(at)))
        except ArithmeticError as error:
            raise RejectedSliceError(
                "solver", f"no equilibrium at {100 * level:.0f} % of the pressure ({error})"
            ) from error
    stretch = 1 + np.array([state.progress for state in states]) * (parameters.lambda_z - 1)
    pressures = material.true_pressure(np.array([state.pressure for state in states]), stretch)
    return states[::-1], pressures[::-1]


def _secant(path: list[State], progress: float) -> State:
    last = path[-1]
    if len(path) == 1:
        return State(last.x, last.pressure, progress)
    before = path[-2]
    factor = (progress - last.progress) / (last.progress - before.progress)
    return State(
        last.x + factor * (last.x - before.x),
        last.pressure + factor * (last.pressure - before.pressure),
        progress,
    )
