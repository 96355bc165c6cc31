"""From tracked slices to the motion of the whole wall: a regularised Gauss-Newton least squares.

The wall is ``x = X + B q`` with modes ``B`` learned from simulated ventricles. A tracker follows
pictures in a plane that stays where it is while the heart moves through it: at the same angle and
depth it sees, in another frame, other tissue. What it finds is compared with just that: along the
line of tissue from apex to base with this angle and depth, the place where the moved line meets the
plane (:attr:`Data.LINE`). For every frame the energy

``sum (place - tracked)^2 / s^2 + sum (J - 1)^2 / v^2 + sum (q / spread)^2``

is made small, ``s`` in mm for the radial and the circumferential part, ``J`` the change of volume.
The inverse of its second derivative is the covariance of ``q``.

Pictures look alike along the circumference, and what a tracker misses there it misses in a whole
slice: its turn. With a finite ``turn_mm`` the turn of a slice is first hardly listened to, and then
the less the farther it is from what the rest says (weight ``(1 + (gap / turn_mm)^2)^-2``: Geman and
McClure's loss, solved by reweighting). What is then found in its place is the simulated hearts', so
by default every turn is believed.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

import numpy as np

from myomotion.analysis.volume.lattice import ANGLES, cell_edges
from myomotion.analysis.volume.modes import HeartModes
from myomotion.analysis.volume.planes import at_place, beyond_ends, line_slope, meet
from myomotion.analysis.volume.shape import HeartShape


class Data(Enum):
    """What the in-plane motion that a tracker finds is taken for."""

    LINE = "place where the line of tissue at this angle and depth meets the plane"
    NORMAL = "radial part of the same: where the moved surface is cut by the plane"
    TISSUE = "in-plane motion of the tissue that lay in the plane at end-diastole"


UNHEARD_TURN = 1 / 256  # weight of the circumferential part before turns are listened to


@dataclass(frozen=True, kw_only=True)
class LiftSettings:
    """What the energy weighs.

    Attributes:
        radial_mm: error of a tracked point outward, together with all points that err with it.
        around_mm: along the circumference.
        turn_mm: mean gap of a slice along the circumference from which on its turn is doubted;
            infinite to believe every turn.
        volume: spread of the change of volume at a point of the lattice.
        data: what the tracked motion is taken for.
        beyond_mm: how far above the base or below the apex a plane may come to lie; beyond it, a
            slice says nothing of this frame.
        iterations: of Gauss-Newton; the first half hardly listens to turns.
    """

    radial_mm: float = 5.0
    around_mm: float = 5.0
    turn_mm: float = np.inf
    volume: float = 0.5
    data: Data = Data.LINE
    beyond_mm: float = 6.0
    iterations: int = 3


@dataclass(frozen=True, kw_only=True, eq=False)
class Tracks:
    """In-plane motion of slices, in the axes of the heart.

    Attributes:
        levels: ``(K,)`` of the slices along the axis in mm.
        moves: ``(T, K, angles, depths, 2)`` in mm from end-diastole, of the points of each plane at
            the lattice's angles and depths; not a number where unknown.
        trust: ``(K,)`` factor of each slice's weight.
    """

    levels: np.ndarray
    moves: np.ndarray
    trust: np.ndarray


@dataclass(frozen=True, kw_only=True, eq=False)
class Lifted:
    """The motion of a wall in space.

    Attributes:
        shape: the wall at end-diastole.
        basis: ``(heights, angles, depths, 3, M)`` displacement of each mode in mm.
        coefficients: ``(T, M)``.
        covariance: ``(T, M, M)`` of the coefficients.
        residual_mm: ``(T, K)`` root mean square of what is left of each slice's tracks.
    """

    shape: HeartShape
    basis: np.ndarray
    coefficients: np.ndarray
    covariance: np.ndarray
    residual_mm: np.ndarray

    @property
    def positions(self) -> np.ndarray:
        """``(T, heights, angles, depths, 3)`` in mm."""
        return self.shape.positions + np.einsum("hadim,tm->thadi", self.basis, self.coefficients)

    def at_levels(self, levels: np.ndarray) -> np.ndarray:
        """Displacement of the tissue that lies in planes at end-diastole.

        Args:
            levels: ``(K,)`` of the planes along the axis, mm.

        Returns:
            ``(T, K, angles, depths, 3)`` in mm.
        """
        moved = np.moveaxis(self.positions - self.shape.positions, 0, -1)
        parts = [at_place(meet(self.shape.positions, z), moved) for z in levels]
        return np.moveaxis(np.stack(parts), -1, 0)


def lift(
    shape: HeartShape, tracks: Tracks, modes: HeartModes, settings: LiftSettings | None = None
) -> Lifted:
    """Motion of the wall in space from its slices.

    Args:
        shape: of the wall at end-diastole.
        tracks: of the slices.
        modes: how hearts move.
        settings: weights; defaults if None.
    """
    chosen = LiftSettings() if settings is None else settings
    basis, spreads = modes.basis(shape.positions)
    problem = _Problem(shape.positions, basis, spreads, tracks, chosen)
    found, q = [], np.zeros(len(spreads))
    for frame in range(len(tracks.moves)):
        found.append(problem.solve(frame, q))
        q = found[-1][0]  # where the next frame begins
    coefficients, covariance, residual = (np.stack(part) for part in zip(*found, strict=True))
    return Lifted(
        shape=shape,
        basis=basis,
        coefficients=coefficients,
        covariance=covariance,
        residual_mm=residual,
    )


class _Problem:
    """The energy of one heart."""

    def __init__(
        self,
        positions: np.ndarray,
        basis: np.ndarray,
        spreads: np.ndarray,
        tracks: Tracks,
        settings: LiftSettings,
    ) -> None:
        self.start, self.basis, self.spreads = positions, basis, spreads
        self.tracks, self.settings = tracks, settings
        self.before = [meet(positions, z) for z in tracks.levels]
        self.seen = np.stack([at_place(place, positions)[..., :2] for place in self.before])
        # Every second angle: neighbours say the same of the volume.
        self.slopes = cell_edges(positions)[:, ::2].reshape(-1, 3, 3)
        self.volume = np.linalg.det(self.slopes)
        mode_slopes = cell_edges(np.moveaxis(basis, -1, 0))[:, :, ::2]
        self.mode_slopes = mode_slopes.reshape(len(spreads), -1, 9).transpose(1, 2, 0).copy()
        outward = np.stack([np.cos(ANGLES), np.sin(ANGLES)], axis=-1)
        self.around = np.stack([-np.sin(ANGLES), np.cos(ANGLES)], axis=-1)
        around_weight = 0.0 if settings.data is Data.NORMAL else 1 / settings.around_mm
        # (angles, part, xy): residuals in units of their error.
        self.parts = np.stack([outward / settings.radial_mm, self.around * around_weight], axis=1)

    def solve(self, frame: int, q: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Coefficients, their covariance and what is left of the slices' tracks, from a guess."""
        prior = np.diag(1 / self.spreads**2)
        moves = self.tracks.moves[frame]
        for iteration in range(self.settings.iterations + 1):
            listening = 2 * iteration >= self.settings.iterations or not np.isfinite(
                self.settings.turn_mm
            )
            rows, left, residual = self._data(q, moves, listening)
            volume_rows, volume_left = self._volume(q)
            matrix = rows.T @ rows + volume_rows.T @ volume_rows + prior
            if iteration == self.settings.iterations:
                break
            right = rows.T @ left + volume_rows.T @ volume_left - prior @ q
            q = q + np.linalg.solve(matrix, right)
        return q, np.linalg.inv(matrix), residual

    def _data(self, q: np.ndarray, moves: np.ndarray, listening: bool) -> tuple[np.ndarray, ...]:
        """Rows, what is left over, and its root mean square of each slice in mm.

        Args:
            q: coefficients.
            moves: of the slices in a frame.
            listening: to the slices' turns, as far as they agree with the coefficients.
        """
        positions = self.start + self.basis @ q
        rows, left, residual = [], [], np.full(len(moves), np.nan)
        for k, level in enumerate(self.tracks.levels):
            if self.settings.data is Data.TISSUE:
                place, weight = self.before[k], np.ones(moves.shape[1:3])
                slope = np.zeros((*moves.shape[1:3], 2))
            else:
                place = meet(positions, level)
                slope = line_slope(positions, place[0])
                beyond = beyond_ends(positions, level)
                weight = np.clip(1 - beyond / self.settings.beyond_mm, 0, 1)
            found = at_place(place, positions)[..., :2]
            change = at_place(place, self.basis)
            jacobian = change[..., :2, :] - slope[..., None] * change[..., 2:, :]
            gap = self.seen[k] + moves[k] - found
            known = np.isfinite(gap).all(-1) & (weight > 0)
            if not known.any():
                continue
            residual[k] = np.sqrt((gap[known] ** 2).sum(-1).mean())
            scale = np.where(known, weight, 0.0) * np.sqrt(self.tracks.trust[k])
            gap = np.where(known[..., None], gap, 0.0)
            parts = self.parts[:, None] * scale[..., None, None]
            parts[..., 1, :] *= np.sqrt(self._hearing(gap, known) if listening else UNHEARD_TURN)
            rows.append((parts @ jacobian).reshape(-1, len(q)))
            left.append((parts @ gap[..., None]).ravel())
        if not rows:
            return np.zeros((0, len(q))), np.zeros(0), residual
        return np.concatenate(rows), np.concatenate(left), residual

    def _hearing(self, gap: np.ndarray, known: np.ndarray) -> float:
        """Weight of a slice's circumferential part, 0 to 1."""
        turned = float((gap * self.around[:, None])[known].sum(-1).mean())
        return (1 + (turned / self.settings.turn_mm) ** 2) ** -2

    def _volume(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Rows and what is left of ``J - 1`` in units of its spread."""
        slopes = self.slopes + (self.mode_slopes @ q).reshape(-1, 3, 3)
        change = np.linalg.det(slopes) / self.volume
        # dJ / J = tr(F^-1 dF)
        inverse = np.swapaxes(np.linalg.inv(slopes), 1, 2).reshape(-1, 1, 9)
        rows = (inverse @ self.mode_slopes)[:, 0] * (change / self.settings.volume)[:, None]
        return rows, (1 - change) / self.settings.volume
