"""The unloaded (end-systolic) ring whose inflation has a given end-diastolic shape."""

from __future__ import annotations

import logging

import numpy as np

from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.newton import State, solve_at_area
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.path import inflation_path
from fem_sim.mechanics.ring import RingModel, ring_model
from myomotion.core.wall.contours import (
    Contours,
    RejectedSliceError,
    polygon_area,
    polygon_centroid,
)

LOG = logging.getLogger(__name__)

ACCEPTED_MM = 0.1
FOURIER_ORDER = 16  # of the corrections along the circumference
HISTORY = 8  # earlier steps that the acceleration looks at


def unload(
    ed_contours: Contours,
    parameters: SimulationParameters,
    *,
    tolerance_mm: float = 0.02,
    max_steps: int = 25,
) -> Contours:
    """End-systolic contours that inflate to the given end-diastolic ones.

    Solves ``phi(X) = x_ed`` for boundary points matched by their angle about the cavity's centroid
    at end-diastole, with the fixed-point iteration ``X <- X + (x_ed - phi(X))`` and Anderson's
    acceleration (Walker and Ni, SIAM J. Numer. Anal. 49, 2011). Every guess is scaled to the cavity
    area ``A_ED / area_ratio`` and to ``lambda_z`` times the end-diastolic wall area, which the
    solution has. phi is the inflation of :func:`~fem_sim.mechanics.cycle.simulate_cycle` without
    torsion but with its rotation: the simulated ring lies as the given one does, up to a
    translation.

    Inflation rounds a free ring, so unloading one bends every oval into a slit that no heart shows
    (an end-diastolic aspect ratio of 1.3 becomes 3.8 at an area ratio of 2). Epicardial springs
    (``parameters.support`` of 2 to 4 kPa / mm at 36.75 kPa) keep the ring's shape.

    Args:
        ed_contours: end-diastolic contours ``(N, 2)`` in mm, star-shaped about the cavity.
        parameters: what is simulated.
        tolerance_mm: the iteration stops when the inflated boundary, averaged over an element, is
            nowhere further than this from the given contours along the radius.
        max_steps: largest number of inflations; after them 0.1 mm will do.

    Returns:
        Matched contours ``(N, 2)`` in mm; the cavity's centroid is where the given one is.

    Raises:
        RejectedSliceError: code ``solver`` if no such ring is found, ``not_star_shaped`` for other
            shapes, or why the first guess cannot be meshed or inflated.
    """
    target = _Target(ed_contours, parameters)
    x = np.zeros((2, len(target.orders)), complex)
    tried: list[np.ndarray] = []
    corrections: list[np.ndarray] = []
    best, best_gap, state = ed_contours, np.inf, None
    for step in range(max_steps):
        guess = target.contours(x)
        try:
            correction, gap, state = target.compare(guess, state)
        except RejectedSliceError:
            if not tried:
                raise
            x = (x + tried[-1]) / 2
            state = None
            continue
        LOG.debug("unload step %d: %.4f mm", step, gap)
        if gap < best_gap:
            best, best_gap = guess, gap
        if best_gap <= tolerance_mm:
            return best
        tried, corrections = [*tried[-HISTORY:], x], [*corrections[-HISTORY:], correction]
        x = _accelerated(tried, corrections)
    if best_gap > ACCEPTED_MM:
        raise RejectedSliceError(
            "solver",
            f"no end-systolic ring found that inflates to the end-diastolic one: {best_gap:.2f} mm "
            f"apart after {max_steps} steps, need {ACCEPTED_MM} mm",
        )
    return best


class _Target:
    """The end-diastolic shape, guesses of the end-systolic one and how far they are off.

    Points are complex numbers relative to the cavity's centroid; row 0 is the endocardium, row 1
    the epicardium.
    """

    def __init__(self, contours: Contours, parameters: SimulationParameters) -> None:
        self.parameters = parameters
        self.center = polygon_centroid(contours.endo)
        self.angles, self.radii = zip(
            *(_outline(c - self.center) for c in (contours.endo, contours.epi)), strict=True
        )
        count = len(contours.endo)
        theta = 2 * np.pi * np.arange(count) / count
        # Shorter waves than three elements are not seen by the mesh.
        highest = min(FOURIER_ORDER, parameters.n_circ // 3)
        self.orders = np.arange(-highest, highest + 1)
        self.phases = np.exp(1j * np.outer(self.orders, theta))
        ed = self.points(np.stack([theta, theta]))
        self.cavity = _area(ed[0]) / parameters.area_ratio
        self.wall = parameters.lambda_z * (_area(ed[1]) - _area(ed[0]))
        # Shrunk along each radius; every sector keeps its share of the wall's area.
        endo = np.abs(ed[0]) / np.sqrt(parameters.area_ratio)
        sector = parameters.lambda_z * (np.abs(ed[1]) ** 2 - np.abs(ed[0]) ** 2)
        self.first = np.stack([endo, np.sqrt(endo**2 + sector)]) * np.exp(1j * theta)

    def points(self, angle: np.ndarray) -> np.ndarray:
        """End-diastolic points ``(2, n)`` at angles ``(2, n)`` about the centroid."""
        radius = [
            np.interp(a, known, r, period=2 * np.pi)
            for a, known, r in zip(angle, self.angles, self.radii, strict=True)
        ]
        return np.array(radius) * np.exp(1j * angle)

    def contours(self, x: np.ndarray) -> Contours:
        """Guess of given Fourier coefficients, scaled to the areas that the solution has."""
        endo, epi = self.first + x @ self.phases
        middle = complex(*polygon_centroid(_plane(endo)))
        endo, epi = endo - middle, epi - middle
        endo = endo * np.sqrt(self.cavity / abs(_area(endo)))
        epi = epi * np.sqrt((self.cavity + self.wall) / abs(_area(epi)))
        return Contours(endo=_plane(endo) + self.center, epi=_plane(epi) + self.center)

    def compare(self, guess: Contours, start: State | None) -> tuple[np.ndarray, float, State]:
        """Inflate a guess.

        Args:
            guess: end-systolic contours.
            start: end-diastolic state of a similar guess, if known.

        Returns:
            Correction (Fourier coefficients), largest distance from the given contours in mm, and
            the end-diastolic state.
        """
        parameters = self.parameters
        mesh = ring_mesh(guess, parameters.n_circ, parameters.n_rad)
        model = ring_model(mesh, parameters)
        state = _inflated(model, parameters, start)
        edges = model.positions(state.x)[:, [0, -1]]
        edges = edges - polygon_centroid(edges[:, 0])
        inflated = (edges[..., 0] + 1j * edges[..., 1]).T
        off = np.abs(self.points(np.angle(inflated))) - np.abs(inflated)
        # Corners and middles of the mesh's straight edges lie to either side of a curved contour.
        off = (np.roll(off, 1, axis=1) + 2 * off + np.roll(off, -1, axis=1)) / 4
        gap = np.abs(off).max()
        theta = 2 * np.pi * np.arange(inflated.shape[1]) / inflated.shape[1]
        miss = self.points(np.stack([theta, theta])) - inflated
        correction = miss @ np.exp(-1j * np.outer(theta, self.orders)) / len(theta)
        # A circular endocardium moves by sqrt(area_ratio) when its unloaded radius changes by 1.
        correction[0] /= np.sqrt(parameters.area_ratio)
        return correction, float(gap), state


def _inflated(model: RingModel, parameters: SimulationParameters, start: State | None) -> State:
    """End-diastolic equilibrium, from that of a similar ring where it is close enough."""
    if start is not None:
        area = model.cavity_area(np.zeros(model.n_u + model.n_p)) * parameters.area_ratio
        try:
            return solve_at_area(model, start, area, 1 / parameters.lambda_z, 1.0)
        except ArithmeticError:
            LOG.debug("the last end-diastolic state is no start for this ring")
    return inflation_path(model, parameters.area_ratio, parameters.lambda_z)[-1]


def _accelerated(tried: list[np.ndarray], corrections: list[np.ndarray]) -> np.ndarray:
    """Anderson's step: the plain step from the combination with the smallest correction."""
    plain = [x + f for x, f in zip(tried, corrections, strict=True)]
    if len(plain) == 1:
        return plain[0]
    last = corrections[-1].view(float).ravel()
    change = np.stack([last - f.view(float).ravel() for f in corrections[:-1]], axis=1)
    weight = np.linalg.lstsq(change, last, rcond=1e-6)[0]
    return plain[-1] - sum(w * (plain[-1] - p) for w, p in zip(weight, plain[:-1], strict=True))


def _outline(points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Increasing angles and radii of a polygon around the origin."""
    angle = np.unwrap(np.arctan2(points[:, 1], points[:, 0]))
    step = np.diff(angle, append=angle[0] + 2 * np.pi)
    if step.min() <= 0:
        raise RejectedSliceError(
            "not_star_shaped", "an end-diastolic contour is not seen whole from the cavity's middle"
        )
    return angle, np.hypot(points[:, 0], points[:, 1])


def _plane(points: np.ndarray) -> np.ndarray:
    return np.stack([points.real, points.imag], axis=1)


def _area(points: np.ndarray) -> float:
    return polygon_area(_plane(points))
