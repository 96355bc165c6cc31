"""One beat of a ventricle: filled to end-diastole, contracted to end-systole, and back."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from fem_sim.heart3d.equilibrium import Found, State, load_path, solve_at_volume
from fem_sim.heart3d.heart import Heart
from fem_sim.heart3d.mesh import SolidMesh
from fem_sim.heart3d.model import Load, SolidModel
from fem_sim.phantom.timing import contraction_curve

APEX_SHARE = 0.1  # of the way between apex and base that the apex goes; the base goes the rest
SYSTOLE = 0.4  # of the beat
#: Share of the ejection, and the pressure then over the systolic one.
EJECTION = ((0.0, 0.5, 0.75, 1.0), (0.7, 1.0, 0.97, 0.85))
STIFF_AGAINST_SWELLING = 50.0  # times C: the augmentation, see SolidModel
LONG_WAY = 0.35  # first share of filling, and of the rise of the pressure before ejection
RELAXED_AT = 0.5  # share of diastole after which no tension is left


@dataclass(frozen=True, kw_only=True)
class Beat:
    """A simulated beat; frame 0 is end-diastole.

    Attributes:
        heart: that was simulated.
        mesh: unloaded.
        model: its equations.
        states: equilibria of the frames.
        es_frame: number of the end-systolic frame.
        positions: ``(frames, n, 3)`` nodes in mm; the apex is held, the base moves.
        volumes: ``(frames,)`` of the cavity in mm^3.
    """

    heart: Heart
    mesh: SolidMesh
    model: SolidModel
    states: list[State]
    es_frame: int
    positions: np.ndarray
    volumes: np.ndarray

    @property
    def pressures(self) -> np.ndarray:
        """Cavity pressure ``(frames,)`` in kPa."""
        return np.array([state.load.pressure for state in self.states])

    @property
    def tensions(self) -> np.ndarray:
        """Active tension ``(frames,)`` in kPa."""
        return np.array([state.load.tension for state in self.states])


def simulate_beat(
    heart: Heart, *, square: int = 2, rings: int = 8, layers: int = 2, frames: int = 20
) -> Beat:
    """Simulate a beat.

    The unloaded ventricle is filled to its end-diastolic volume; C is what makes the pressure there
    the given one. In systole volume and pressure are given and the tension is found; in diastole
    the tension falls and the pressure is found.

    Args:
        heart: shape, muscle and how it beats.
        square: see :func:`~fem_sim.heart3d.mesh.ventricle_mesh`.
        rings: see there.
        layers: see there.
        frames: of the beat.

    Returns:
        The beat.

    Raises:
        ArithmeticError: if there is no equilibrium.
        ValueError: for a shape that cannot be meshed.
    """
    mesh = heart.mesh(square, rings, layers, filling=heart.filling)
    diastolic = _cavity_volume(heart, heart.mesh(square, rings, layers))
    model, filled = fill(heart, mesh, diastolic)
    states, es_frame = _frames(heart, model, filled, diastolic, frames)
    raw = np.stack([model.positions(state.x) for state in states])
    return Beat(
        heart=heart,
        mesh=mesh,
        model=model,
        states=states,
        es_frame=es_frame,
        positions=held_at_apex(raw, mesh),
        volumes=np.array([model.cavity_volume(state.x) for state in states]),
    )


def fill(heart: Heart, mesh: SolidMesh, diastolic: float) -> tuple[SolidModel, State]:
    """Equilibrium at the end-diastolic volume with C such that the pressure is about the heart's.

    At a given volume the passive wall moves the same way whatever C is, and the pressure is in
    proportion to C; the springs of the base break that a little, so C is found in two steps.

    Args:
        heart: the heart.
        mesh: unloaded.
        diastolic: cavity volume in mm^3.
    """
    guess = heart.material.c_kpa
    model = heart.model(mesh, guess, STIFF_AGAINST_SWELLING * guess)
    state = _move(model, State(np.zeros(model.size), Load()), "pressure", 0.0, diastolic, LONG_WAY)
    for _ in range(2):
        factor = heart.end_diastolic_pressure / state.load.pressure
        guess *= factor
        model = heart.model(mesh, guess, STIFF_AGAINST_SWELLING * guess)
        x = state.x.copy()
        x[model.n_u :] *= factor
        load = Load(heart.end_diastolic_pressure)
        state = solve_at_volume(model, x, load, diastolic, "pressure")
    return model, state


def held_at_apex(positions: np.ndarray, mesh: SolidMesh) -> np.ndarray:
    """Positions ``(frames, n, 3)`` moved along z so that the apex moves little and the base much.

    The equations hold the base in its plane. The load on a closed cavity has no resultant, so
    holding the apex by a spring instead gives the same motion but for this translation.
    """
    apex = positions[:, mesh.apex[1], 2]
    moved = positions.copy()
    moved[..., 2] -= ((1 - APEX_SHARE) * (apex - apex[0]))[:, None]
    return moved


def _frames(
    heart: Heart, model: SolidModel, filled: State, diastolic: float, frames: int
) -> tuple[list[State], int]:
    """States of the frames, and which is end-systole."""
    es_frame = max(2, round(SYSTOLE * frames))
    volumes = diastolic * (1 - heart.ejection_fraction * contraction_curve(frames, es_frame))
    shares = np.arange(1, es_frame + 1) / es_frame
    ejecting = heart.systolic_pressure * np.interp(shares, *EJECTION)
    relaxing = np.arange(1, frames - es_frame) / (frames - es_frame)
    relaxing = np.maximum(0, 1 - relaxing / RELAXED_AT) ** 2
    # The valve opens between the first two frames.
    opening = EJECTION[1][0] * heart.systolic_pressure
    state = _move(model, filled, "tension", opening, diastolic, LONG_WAY)
    states = [filled]
    for volume, pressure in zip(volumes[1:], ejecting, strict=False):
        state = _move(model, state, "tension", pressure, volume)
        states.append(state)
    tension = state.load.tension
    for volume, left in zip(volumes[es_frame + 1 :], relaxing, strict=True):
        state = _move(model, state, "pressure", left * tension, volume)
        states.append(state)
    return states, es_frame


def _move(
    model: SolidModel,
    start: State,
    found: Found,
    given: float,
    volume: float,
    first: float = 1.0,
) -> State:
    """From a state to another volume and given part of the load; a long way begins in parts."""
    part = "pressure" if found == "tension" else "tension"
    before, volume_before = getattr(start.load, part), model.cavity_volume(start.x)
    load = start.load

    def step(guess: np.ndarray, share: float) -> State:
        nonlocal load
        now = replace(load, **{part: before + share * (given - before)})
        between = volume_before + share * (volume - volume_before)
        state = solve_at_volume(model, guess, now, between, found)
        load = state.load
        return state

    return load_path(start, step, first=first)[-1]


def _cavity_volume(heart: Heart, mesh: SolidMesh) -> float:
    model = SolidModel(mesh, heart.material)
    return model.cavity_volume(np.zeros(model.size))
