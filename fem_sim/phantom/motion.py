"""Motion of a whole short-axis image: simulated wall, plausible RV, smooth cavity and fade-out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from scipy import sparse
from scipy.interpolate import make_interp_spline
from scipy.ndimage import binary_dilation
from scipy.sparse.linalg import splu

from fem_sim.mechanics.kinematics import displacement_gradient, jacobian
from fem_sim.phantom.cavity import CavityMotion
from fem_sim.phantom.geometry import HeartGeometry, polar
from fem_sim.phantom.timing import path_position

MIN_JACOBIAN = 0.02  # cavities that nearly vanish shrink to a seventh
ATTEMPTS = 4  # to find a motion that does not fold
MARGIN = 20  # voxels added around the cycle's grid, so that large hearts have room to fade out


class PhantomError(ValueError):
    """A cine that cannot be made from this cycle; the message is the reason."""


@dataclass(frozen=True)
class MotionSettings:
    """What is added to the simulated wall motion of one slice.

    Attributes:
        contraction: (T,) normalised contraction, 0 at ED, 1 at ES.
        rv_shortening: fraction by which the RV crescent gets thinner at ES.
        translation: (T, 2) rigid translation of the heart, mm.
        rotation: (T,) rigid rotation of the heart about the LV centroid, radians.
        fade: length over which motion fades outside the heart, mm.
        positions: (T,) fractional index into the simulated cycle; where its cavity's area is what
            the contraction asks for, if None.
    """

    contraction: np.ndarray
    rv_shortening: float
    translation: np.ndarray
    rotation: np.ndarray
    fade: float = 14.0
    positions: np.ndarray | None = None


class SliceMotion:
    """ED-referenced displacement of one slice, bilinear on a fine grid, zero outside it.

    Args:
        field: (T, 2, M, M) displacement, mm, sampled at `spacing` from `origin`.
        spacing: fine grid spacing, mm.
        origin: coordinate of the first sample along both axes, mm.
        right_ventricle: whether the right ventricle has a motion of its own.
    """

    def __init__(
        self,
        field: np.ndarray,
        spacing: float,
        origin: float = 0.0,
        *,
        right_ventricle: bool = True,
    ) -> None:
        self.right_ventricle = right_ventricle
        self.field = field
        self.spacing = spacing
        self.origin = origin
        self.gradient = displacement_gradient(field, spacing)

    @property
    def min_jacobian(self) -> np.ndarray:
        """(T,) smallest det(I + grad u) of each frame over the grid."""
        return jacobian(self.gradient).min(axis=(1, 2))

    def displacement(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Displacement (2, ...) in mm at ED points (2, ...) in mm."""
        flat = points.reshape(2, -1)
        index = (flat - self.origin) / self.spacing
        return _bilinear(self.field[frame], index).reshape(points.shape)

    def area(self, frame: int, points: np.ndarray) -> np.ndarray:
        """Local area change det(I + grad u) (N,) at ED points (2, N) in mm."""
        index = (points - self.origin) / self.spacing
        node = np.clip(np.rint(index), 0, self.field.shape[2] - 1).astype(np.intp)
        return jacobian(self.gradient[frame][:, :, node[0], node[1], None])[:, 0]

    def material_points(
        self, frame: int, points: np.ndarray, start: np.ndarray, *, tolerance: float = 0.005
    ) -> np.ndarray:
        """ED points X with X + u(X) = x, by Newton steps with the nearest nodal gradient.

        Args:
            frame: frame number.
            points: (2, N) spatial points x, mm.
            start: (2, N) first guess of X, mm.
            tolerance: largest residual accepted, mm.

        Raises:
            PhantomError: no convergence.
        """
        result = start.copy()
        active = np.arange(points.shape[1])
        limit = self.field.shape[2] - 1
        for iteration in range(60):
            here = result[:, active]
            scaled = (here - self.origin) / self.spacing
            residual = here + _bilinear(self.field[frame], scaled) - points[:, active]
            bad = np.abs(residual).max(axis=0) > tolerance
            if not bad.any():
                return result
            active, residual, scaled = active[bad], residual[:, bad], scaled[:, bad]
            node = np.clip(np.rint(scaled), 0, limit).astype(np.intp)
            grad = self.gradient[frame][:, :, node[0], node[1]]
            a, b, c, d = 1 + grad[0, 0], grad[0, 1], grad[1, 0], 1 + grad[1, 1]
            det = np.maximum(a * d - b * c, MIN_JACOBIAN)
            step = np.stack([d * residual[0] - b * residual[1], a * residual[1] - c * residual[0]])
            result[:, active] -= (1.0 if iteration < 12 else 0.5) * step / det
        raise PhantomError(f"inverse motion of frame {frame}: {active.size} points not converged")


def _bilinear(field: np.ndarray, index: np.ndarray) -> np.ndarray:
    """Bilinear values (2, N) of a (2, M, M) field at fractional indices (2, N); zero outside."""
    size = field.shape[1]
    clipped = np.minimum(np.maximum(index, 0), size - 1 - 1e-6)
    low = clipped.astype(np.int32)
    part = clipped - low
    base = low[0] * size + low[1]
    result = np.empty_like(clipped)
    for channel, values in enumerate(field.reshape(2, -1)):
        first = values.take(base)
        first += part[1] * (values.take(base + 1) - first)
        second = values.take(base + size)
        second += part[1] * (values.take(base + size + 1) - second)
        result[channel] = first + part[0] * (second - first)
    # The field is zero on its border, so only points beyond it need care.
    result[:, (clipped != index).any(axis=0)] = 0.0
    return result


def build_motion(
    displacement: np.ndarray,
    labels: np.ndarray,
    area_ratio: np.ndarray,
    spacing: float,
    geometry: HeartGeometry,
    settings: MotionSettings,
) -> SliceMotion:
    """Motion of every frame, from a simulated cycle.

    In the wall (and one pixel around it, unless that folds) the field is the simulated one, taken
    along the pressure path at the level whose cavity area is `A_ED - contraction (A_ED - A_ES)`,
    followed by the rigid motion. The cavity shrinks with its endocardium (see
    :class:`~fem_sim.phantom.cavity.CavityMotion`). The RV free wall follows the septum and the
    crescent gets thinner.
    Between, the field solves Laplace's equation (inside the heart) and `laplace(u) = u / fade^2`
    (outside), which obeys a maximum principle and decays smoothly to zero at the border of a grid
    that is wider than the cycle's by :data:`MARGIN` voxels on each side.

    Args:
        displacement: (P, 2, H, W) simulated cycle, ED first, mm.
        labels: (H, W) ED labels on the same grid.
        area_ratio: (P,) cavity area over ES cavity area.
        spacing: grid spacing, mm.
        geometry: heart outlines at ED in grid mm.
        settings: contraction and added motion.

    Raises:
        PhantomError: the field folds (J below :data:`MIN_JACOBIAN`) even with a fade length of two
            and a half times and without a motion of the right ventricle's own.
    """
    labels = np.pad(labels, MARGIN)
    displacement = np.pad(displacement, ((0, 0), (0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))
    axes = [(np.arange(n) - MARGIN) * spacing for n in labels.shape]
    grid = np.stack(np.meshgrid(*axes, indexing="ij"))
    # Each attempt gives up more of what is not simulated, until nothing folds: the pixel around the
    # wall (1), more and more of the right ventricle's thinning and of a quick fade (1, 2), and at
    # last the right ventricle's own motion (3): it shrinks to a point within the cavity.
    for attempt in range(ATTEMPTS):
        wall = labels == 2
        if attempt == 0:
            wall = binary_dilation(wall)
        cavity = (labels == 1) & ~wall
        own_motion = attempt < ATTEMPTS - 1
        if not own_motion:
            geometry = replace(geometry, rv_centre=geometry.centre, rv_axes=np.ones(2))
        rv_wall = geometry.rv_free_wall(grid) & ~wall
        trial = replace(
            settings,
            fade=settings.fade * (1 + 0.5 * attempt),
            rv_shortening=settings.rv_shortening * (1 - 0.4 * attempt),
        )
        known = _Prescribed(wall, cavity, rv_wall)
        target = _prescribed(displacement, area_ratio, grid, known, geometry, trial)
        field = _extend(
            target, wall | cavity | rv_wall, geometry.inside_heart(grid), spacing, trial.fade
        )
        motion = SliceMotion(
            _refine(field), spacing / 2, -MARGIN * spacing, right_ventricle=own_motion
        )
        lowest = float(motion.min_jacobian.min())
        if lowest > MIN_JACOBIAN:
            return motion
    raise PhantomError(f"motion folds: smallest Jacobian {lowest:.3f} (needs > {MIN_JACOBIAN})")


class _Prescribed(NamedTuple):
    """Masks (H, W) of where the motion is known."""

    wall: np.ndarray
    cavity: np.ndarray
    rv_wall: np.ndarray


def _prescribed(
    displacement: np.ndarray,
    area_ratio: np.ndarray,
    grid: np.ndarray,
    known: _Prescribed,
    geometry: HeartGeometry,
    settings: MotionSettings,
) -> np.ndarray:
    """(T, 2, H, W) displacement where it is prescribed, zero elsewhere."""
    wall, cavity, rv_wall = known
    spacing = float(grid[0, 1, 0] - grid[0, 0, 0])
    within = CavityMotion(grid[:, cavity], geometry, float(grid[0, 0, 0]), spacing)
    radius, angle = polar(grid, geometry.centre)
    outward = np.stack([np.cos(angle), np.sin(angle)])[:, rv_wall]
    depth = (radius - geometry.epi_radius(angle))[rv_wall]
    septum = geometry.epi_points(angle[rv_wall])
    nodes = np.rint((septum - grid[0, 0, 0]) / spacing).astype(np.intp)
    nodes = np.clip(nodes, 0, wall.shape[0] - 1)
    positions = settings.positions
    if positions is None:
        positions = path_position(area_ratio, settings.contraction)
    result = np.zeros((len(positions), 2, *wall.shape))
    centre = geometry.centre[:, None]
    for t, position in enumerate(positions):
        low = min(int(position), len(displacement) - 2)
        part = position - low
        simulated = (1 - part) * displacement[low] + part * displacement[low + 1]
        thinning = settings.rv_shortening * settings.contraction[t] * depth
        moved = result[t]
        moved[:, wall] = simulated[:, wall]
        moved[:, cavity] = within.displacement(simulated)
        moved[:, rv_wall] = simulated[:, nodes[0], nodes[1]] - thinning * outward
        turn = _rotation_matrix(settings.rotation[t])
        prescribed = wall | cavity | rv_wall
        start = grid[:, prescribed]
        place = turn @ (start + moved[:, prescribed] - centre) + centre
        moved[:, prescribed] = place + settings.translation[t][:, None] - start
    return result


def _rotation_matrix(angle: float) -> np.ndarray:
    return np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])


def _extend(
    target: np.ndarray, fixed: np.ndarray, heart: np.ndarray, spacing: float, fade: float
) -> np.ndarray:
    """Solve the screened Laplace equation off `fixed`, zero on the grid border."""
    shape = fixed.shape
    second = [sparse.diags_array([1.0, -2.0, 1.0], offsets=[-1, 0, 1], shape=(n, n)) for n in shape]
    eye = [sparse.eye_array(n) for n in shape]
    laplace = sparse.kron(second[0], eye[1]) + sparse.kron(eye[0], second[1])
    screen = np.where(heart, 0.0, (spacing / fade) ** 2).ravel()
    matrix = (laplace - sparse.diags_array(screen)).tocsr()
    free = ~fixed
    free[[0, -1], :] = False
    free[:, [0, -1]] = False
    unknown, known = np.flatnonzero(free), np.flatnonzero(~free)
    factor = splu(matrix[unknown][:, unknown].tocsc(), permc_spec="MMD_AT_PLUS_A")
    flat = target.reshape(-1, shape[0] * shape[1]).T.copy()
    border = np.zeros(shape, bool)
    border[[0, -1], :] = True
    border[:, [0, -1]] = True
    flat[border.ravel()] = 0.0
    flat[unknown] = factor.solve(-(matrix[unknown][:, known] @ flat[known]))
    return flat.T.reshape(target.shape)


def _refine(field: np.ndarray) -> np.ndarray:
    """Cubic spline interpolation of (T, 2, N, N) to twice the resolution, (T, 2, 2N-1, 2N-1)."""
    size = field.shape[-1]
    nodes = np.arange(size)
    basis = make_interp_spline(nodes, np.eye(size), k=3)(np.arange(2 * size - 1) / 2)
    return np.einsum("ia,tcab,jb->tcij", basis, field, basis, optimize=True)
