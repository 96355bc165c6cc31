"""One simulated motion cycle: parameters in, end-diastole-referenced displacement fields out."""

from __future__ import annotations

import json
import platform
import zlib
from dataclasses import asdict, dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
from scipy import ndimage
from scipy.interpolate import CubicSpline, PchipInterpolator

from fem_sim.files import write_atomically
from fem_sim.geometry.contours import Contours, RejectedSliceError, polygon_centroid
from fem_sim.geometry.mesh import RingMesh, ring_mesh
from fem_sim.mechanics.raster import EXTENSION, LatticeMap, RasterGrid, pixel_jacobian
from fem_sim.mechanics.ring import (
    RingModel,
    State,
    inflation_path,
    solve_at_area,
    solve_at_pressure,
)


@dataclass(frozen=True, kw_only=True)
class Scar:
    """A stiff sector of the wall.

    Attributes:
        angle: middle of the sector in degrees, from array axis 0 towards axis 1.
        width: full width in degrees.
        stiffness: shear modulus in the scar over that of healthy muscle.
    """

    angle: float
    width: float
    stiffness: float


@dataclass(frozen=True, kw_only=True)
class SimulationParameters:
    """What is simulated on a ring.

    Attributes:
        area_ratio: cavity area at end-diastole over that at end-systole.
        lambda_z: out-of-plane stretch from end-systole to end-diastole; the in-plane area change
            from end-diastole to end-systole is then ``lambda_z``. 1 is plane strain.
        scar: stiff sector, or None.
        support: stiffness of springs on the epicardium in kPa / mm; 0 for none.
        torsion: rotation of the endocardium against the epicardium at end-systole in degrees,
            linear across the wall in the square of the radius; 0 for none.
        mu_kpa: shear modulus of healthy muscle in kPa; scales the pressure, not the motion.
        levels: pressures in the cycle.
        n_circ: elements along the circumference.
        n_rad: elements across the wall.
    """

    area_ratio: float
    lambda_z: float = 1.0
    scar: Scar | None = None
    support: float = 0.0
    torsion: float = 0.0
    mu_kpa: float = 36.75
    levels: int = 50
    n_circ: int = 48
    n_rad: int = 4

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        checks = {
            "area_ratio": 1.0 < self.area_ratio <= 8.0,
            "lambda_z": 0.5 <= self.lambda_z <= 2.0,
            "support": self.support >= 0,
            "mu_kpa": self.mu_kpa > 0,
            "levels": self.levels >= 2,
            "n_circ": self.n_circ >= 8 and self.n_circ % 2 == 0,
            "n_rad": self.n_rad >= 1,
        }
        for name, fine in checks.items():
            if not fine:
                raise ValueError(f"{name} is {getattr(self, name)}, which cannot be simulated.")


@dataclass(frozen=True, kw_only=True)
class Cycle:
    """A simulated cycle from end-diastole (frame 0) to end-systole (last frame).

    Attributes:
        displacement: float32 ``(T, 2, H, W)`` in mm on the end-diastolic grid.
        labels: uint8 ``(H, W)``, 1 cavity, 2 myocardium, at end-diastole.
        rim: uint8 ``(H, W)``, 1 within three pixels around the wall.
        endo: float32 ``(T, N, 2)`` deformed endocardium in mm, same material points over time.
        epi: float32 ``(T, N, 2)`` deformed epicardium.
        pressure_kpa: ``(T,)`` cavity pressure.
        area_ratio: ``(T,)`` cavity area over that at end-systole.
        spacing: ``(2,)`` pixel size in mm.
        provenance: how the cycle was made.
    """

    displacement: np.ndarray
    labels: np.ndarray
    rim: np.ndarray
    endo: np.ndarray
    epi: np.ndarray
    pressure_kpa: np.ndarray
    area_ratio: np.ndarray
    spacing: np.ndarray
    provenance: dict[str, Any] = field(default_factory=dict)

    def with_provenance(self, **entries: Any) -> Cycle:
        """The same cycle with more said about its origin."""
        return replace(self, provenance={**self.provenance, **entries})

    def save(self, path: Path | str) -> None:
        """Write a compressed ``.npz`` atomically."""
        arrays = {k: v for k, v in self.__dict__.items() if k != "provenance"}
        arrays["provenance"] = np.array(json.dumps(self.provenance))

        def write(part: Path) -> None:
            with part.open("wb") as file:
                np.savez_compressed(file, **arrays)

        write_atomically(Path(path), write)

    @classmethod
    def load(cls, path: Path | str) -> Cycle:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: naming the file, if it is not a cycle.
        """
        try:
            with np.load(path, allow_pickle=False) as archive:
                arrays = {name: archive[name] for name in archive.files}
            arrays["provenance"] = json.loads(str(arrays["provenance"]))
            return cls(**arrays)
        except (KeyError, TypeError, ValueError, EOFError, BadZipFile, zlib.error) as error:
            raise ValueError(f"{path}: not a simulated cycle ({error}).") from error


def simulate_cycle(
    contours: Contours,
    parameters: SimulationParameters,
    *,
    spacing: float = 1.5,
    size: int = 96,
    grid: str = "ED",
) -> Cycle:
    """Inflate an end-systolic ring to end-diastole and express the cycle on the end-diastolic grid.

    Pressures are uniform in [0, P_ED], from P_ED (end-diastole, frame 0) down to 0 (end-systole,
    last frame). Rigid motion is removed from every frame (area-weighted Procrustes fit to the
    end-diastolic mesh), and the cavity's end-diastolic centroid sits in the middle of the grid.

    Args:
        contours: end-systolic (undeformed) contours in mm.
        parameters: what to simulate.
        spacing: pixel size in mm.
        size: pixels along each axis.
        grid: frame that the fields and labels refer to, ``"ED"`` (the project's convention) or
            ``"ES"`` (displacements from the end-systolic grid; zero in the last frame).

    Returns:
        The cycle.

    Raises:
        ValueError: for another ``grid``.
        RejectedSliceError: if the ring cannot be meshed, solved, or does not fit the grid.
    """
    if grid not in ("ED", "ES"):
        raise ValueError(f"grid is {grid!r}; it must be ED or ES.")
    mesh = ring_mesh(contours, parameters.n_circ, parameters.n_rad)
    model = RingModel(mesh, element_modulus(mesh, parameters), parameters.support)
    path = inflation_path(model, parameters.area_ratio, parameters.lambda_z)
    states, pressure = cycle_states(model, path, parameters)
    positions = cycle_positions(model, states, parameters.torsion)
    middle = (size - 1) / 2 * spacing
    positions += middle - polygon_centroid(positions[0, :, 0])
    reach = np.abs(positions[0, :, -1] - middle).max()
    if reach > middle - 3 * spacing:
        raise RejectedSliceError(
            "border",
            f"the ventricle reaches {reach:.0f} mm from its centre at end-diastole; a grid of "
            f"{size} x {size} pixels of {spacing:g} mm holds {middle - 3 * spacing:.0f} mm",
        )
    reference = positions[0] if grid == "ED" else positions[-1]
    raster = RasterGrid(reference, spacing, size)
    displacement = raster.rasterise(positions - reference)
    area = np.array([model.cavity_area(state.x) for state in states])
    return Cycle(
        displacement=displacement.astype(np.float32),
        labels=raster.labels,
        rim=raster.rim,
        endo=positions[:, :, 0].astype(np.float32),
        epi=positions[:, :, -1].astype(np.float32),
        pressure_kpa=pressure,
        area_ratio=area / area[-1],
        spacing=np.array([spacing, spacing]),
        provenance=_provenance(
            mesh, parameters, positions, displacement, raster, spacing, area, pressure
        )
        | {"reference": grid},
    )


def element_modulus(mesh: RingMesh, parameters: SimulationParameters) -> np.ndarray:
    """Shear modulus of each element in kPa; a scar has soft edges of 10 degrees.

    Args:
        mesh: the ring.
        parameters: modulus and scar.

    Returns:
        ``(elements,)``.
    """
    modulus = np.full(mesh.shape[0] * mesh.shape[1], parameters.mu_kpa)
    if parameters.scar is None:
        return modulus
    middle = mesh.vertices()[mesh.cells()].mean(1) - mesh.vertices().mean(0)
    angle = np.rad2deg(np.arctan2(middle[:, 1], middle[:, 0])) - parameters.scar.angle
    distance = np.abs((angle + 180) % 360 - 180)
    share = np.clip((parameters.scar.width / 2 - distance) / 10 + 0.5, 0, 1)
    return modulus * parameters.scar.stiffness**share


def cycle_states(
    model: RingModel, path: list[State], parameters: SimulationParameters
) -> tuple[list[State], np.ndarray]:
    """Equilibria at uniform pressures between end-diastole and end-systole.

    The path gives the pressure as a function of the cavity's area; its inverse tells the area, and
    with it the out-of-plane stretch, of each pressure. Where the pressure does not grow all along
    the path, levels are uniform in area instead.

    Args:
        model: the ring.
        path: from :func:`~fem_sim.mechanics.ring.inflation_path`.
        parameters: levels and out-of-plane stretch.

    Returns:
        States from end-diastole to end-systole and their pressures in kPa.

    Raises:
        RejectedSliceError: code ``solver``.
    """
    progress = np.array([state.progress for state in path])
    stretch = 1 + progress * (parameters.lambda_z - 1)
    true = np.array([state.pressure for state in path]) * stretch ** (-5 / 3)
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
                pressure = level * true[-1] * lam ** (5 / 3)
                states.append(solve_at_pressure(model, guess, pressure, 1 / lam))
            else:
                area = empty * (1 + at * (parameters.area_ratio - 1))
                states.append(solve_at_area(model, guess, area, 1 / lam, float(at)))
        except ArithmeticError as error:
            raise RejectedSliceError(
                "solver", f"no equilibrium at {100 * level:.0f} % of the pressure ({error})"
            ) from error
    stretch = 1 + np.array([state.progress for state in states]) * (parameters.lambda_z - 1)
    pressures = np.array([state.pressure for state in states]) * stretch ** (-5 / 3)
    return states[::-1], pressures[::-1]


def cycle_positions(model: RingModel, states: list[State], torsion: float) -> np.ndarray:
    """Node positions over a cycle, without rigid motion and with torsion.

    Args:
        model: the ring.
        states: from :func:`cycle_states`.
        torsion: see :class:`SimulationParameters`.

    Returns:
        ``(T, 2 n_circ, 2 n_rad + 1, 2)`` in mm, end-diastole first.
    """
    positions = np.stack([model.positions(state.x) for state in states])
    return _add_torsion(remove_rigid_motion(positions), torsion)


def remove_rigid_motion(positions: np.ndarray) -> np.ndarray:
    """Fit every frame to the first by the best rigid motion, weighted by the first frame's area.

    Args:
        positions: ``(T, 2 n_circ, 2 n_rad + 1, 2)`` in mm.

    Returns:
        The same shape; mean displacement and mean rotation against frame 0 vanish.
    """
    weight = node_areas(positions[0]).ravel()
    weight = weight / weight.sum()
    first = positions[0].reshape(-1, 2)
    center = weight @ first
    fitted = np.empty_like(positions)
    for frame, nodes in enumerate(positions):
        flat = nodes.reshape(-1, 2)
        offset = flat - weight @ flat
        covariance = (weight[:, None] * offset).T @ (first - center)
        angle = np.arctan2(covariance[0, 1] - covariance[1, 0], np.trace(covariance))
        rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
        fitted[frame] = (offset @ rotation.T + center).reshape(nodes.shape)
    return fitted


def node_areas(lattice: np.ndarray) -> np.ndarray:
    """Area that each Q2 node stands for (Simpson's weights on every element).

    Args:
        lattice: ``(2 n_circ, 2 n_rad + 1, 2)`` in mm.

    Returns:
        ``(2 n_circ, 2 n_rad + 1)`` in mm^2.
    """
    corners = [lattice[::2, :-1:2], lattice[::2, 2::2]]
    corners += [np.roll(c, -1, axis=0) for c in (corners[1], corners[0])]
    d0, d1 = corners[2] - corners[0], corners[3] - corners[1]
    area = np.abs(d0[..., 0] * d1[..., 1] - d0[..., 1] * d1[..., 0]) / 2
    total = np.zeros(lattice.shape[:2])
    simpson = np.array([1.0, 4.0, 1.0]) / 6
    rows, columns = lattice.shape[0], lattice.shape[1]
    for i in range(3):
        for j in range(3):
            where = np.ix_((np.arange(0, rows, 2) + i) % rows, np.arange(0, columns - 2, 2) + j)
            np.add.at(total, where, simpson[i] * simpson[j] * area)
    return total


def lattice_jacobian(reference: np.ndarray, deformed: np.ndarray) -> np.ndarray:
    """In-plane area change at the Gauss points (3 x 3 an element) between two lattices.

    Args:
        reference: ``(2 n_circ, 2 n_rad + 1, 2)``.
        deformed: the same shape.

    Returns:
        ``(points,)``.
    """
    gauss = (np.array([-np.sqrt(0.6), 0.0, np.sqrt(0.6)]) + 1) / 2
    map_ = LatticeMap((reference.shape[0], reference.shape[1]))
    s = (np.arange(map_.n_circ)[:, None] + gauss).ravel()
    t = (np.arange(map_.n_rad)[:, None] + gauss).ravel()
    s, t = (g.ravel() for g in np.meshgrid(s, t, indexing="ij"))
    nodes, _, ws, wt = map_.weights(s, t)

    def determinant(lattice: np.ndarray) -> np.ndarray:
        corner = lattice.reshape(-1, 2)[nodes]
        a, b = np.einsum("nk,nkd->nd", ws, corner), np.einsum("nk,nkd->nd", wt, corner)
        return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]

    return determinant(deformed) / determinant(reference)


def _add_torsion(positions: np.ndarray, degrees: float) -> np.ndarray:
    """Turn layers about the cavity: an isochoric shear that grows with the contraction."""
    if degrees == 0:
        return positions
    n_rad = positions.shape[2] - 1
    share = 1 - np.arange(n_rad + 1) / n_rad
    moved = np.linalg.norm((positions - positions[0]).reshape(len(positions), -1), axis=1)
    turned = positions.copy()
    for frame in range(len(positions)):
        center = polygon_centroid(positions[frame, :, 0])
        radius = np.linalg.norm(positions[frame] - center, axis=-1)
        low, high = radius[:, :1].mean(), radius[:, -1:].mean()
        depth = (high**2 - radius**2) / (high**2 - low**2)
        angle = np.deg2rad(degrees) * moved[frame] / moved[-1] * (depth - share.mean())
        cosine, sine = np.cos(angle), np.sin(angle)
        offset = positions[frame] - center
        turned[frame, ..., 0] = center[0] + cosine * offset[..., 0] - sine * offset[..., 1]
        turned[frame, ..., 1] = center[1] + sine * offset[..., 0] + cosine * offset[..., 1]
    return remove_rigid_motion(turned)


def _provenance(
    mesh: RingMesh,
    parameters: SimulationParameters,
    positions: np.ndarray,
    displacement: np.ndarray,
    grid: RasterGrid,
    spacing: float,
    area: np.ndarray,
    pressure: np.ndarray,
) -> dict[str, Any]:
    core = ndimage.binary_erosion(grid.labels == 2, structure=np.ones((3, 3)))
    # Fields on the end-diastolic grid move most at end-systole (last frame), the others at first.
    forward = np.abs(displacement[-1]).max() > np.abs(displacement[0]).max()
    change = parameters.lambda_z if forward else 1 / parameters.lambda_z
    pixels = pixel_jacobian(displacement[-1 if forward else 0], spacing)[core]
    elements = np.abs(lattice_jacobian(positions[0], positions[-1]) / parameters.lambda_z - 1)
    pixel_error = np.abs(pixels / change - 1).mean() if pixels.size else None
    return {
        "parameters": asdict(parameters),
        "p_ed_kpa": float(pressure[0]),
        "ratio_target": parameters.area_ratio,
        "ratio_reached": float(area[0] / area[-1]),
        "mesh": {
            "elements": [parameters.n_circ, parameters.n_rad],
            "min_scaled_jacobian": float(mesh.scaled_jacobian().min()),
        },
        "jacobian": {
            "mean_abs_j_over_lambda_minus_1_elements": float(elements.mean()),
            "p99_abs_j_over_lambda_minus_1_elements": float(np.percentile(elements, 99)),
            "mean_abs_j_over_lambda_minus_1_pixels_eroded_wall": pixel_error and float(pixel_error),
            "mean_j": float(pixels.mean()) if pixels.size else None,
        },
        "extension": EXTENSION,
        "versions": {name: version(name) for name in ("sfepy", "numpy", "scipy")}
        | {"python": platform.python_version()},
    }
