"""One simulated motion cycle: parameters in, end-diastole-referenced displacement fields out."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from scipy import ndimage

from fem_sim.archives import load_archive, save_archive
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.gauge import cycle_positions
from fem_sim.mechanics.kinematics import pixel_jacobian
from fem_sim.mechanics.lattice import lattice_jacobian
from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.mechanics.path import cycle_states, inflation_path
from fem_sim.mechanics.raster import EXTENSION, RasterGrid
from fem_sim.mechanics.ring import ring_model
from myomotion.core.wall.contours import Contours, RejectedSliceError, polygon_centroid


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
        """Write a compressed ``.npz`` in one step."""
        save_archive(path, vars(self))

    @classmethod
    def load(cls, path: Path | str) -> Cycle:
        """Read what :meth:`save` wrote.

        Raises:
            ValueError: naming the file, if it is not a cycle.
        """
        return load_archive(path, cls, "a simulated cycle")


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

    Examples:
        A round ring that is inflated to twice its cavity, in the material of the authors:

        >>> angle = 2 * np.pi * np.arange(180) / 180
        >>> circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        >>> ring = Contours(endo=16 * circle, epi=27 * circle)
        >>> cycle = simulate_cycle(ring, SimulationParameters(area_ratio=2.0))
        >>> cycle.displacement.shape, float(cycle.area_ratio[0].round(3))
        ((50, 2, 96, 96), 2.0)
        >>> cycle.pressure_kpa[[0, -1]].round(2)
        array([11.62,  0.  ])

        The same ring of muscle that stiffens, with a scar:

        >>> stiffening = SimulationParameters(
        ...     area_ratio=2.0, material=Demiray(), scar=Scar(angle=40, width=80, stiffness=4)
        ... )
        >>> cycle = simulate_cycle(ring, stiffening)
    """
    if grid not in ("ED", "ES"):
        raise ValueError(f"grid is {grid!r}; it must be ED or ES.")
    mesh = ring_mesh(contours, parameters.n_circ, parameters.n_rad)
    model = ring_model(mesh, parameters)
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
    reference, other = (0, -1) if grid == "ED" else (-1, 0)
    raster = RasterGrid(positions[reference], spacing, size)
    displacement = raster.rasterise(positions - positions[reference])
    area = np.array([model.cavity_area(state.x) for state in states])
    wall = ndimage.binary_erosion(raster.labels == 2, structure=np.ones((3, 3)))
    expected = parameters.lambda_z if grid == "ED" else 1 / parameters.lambda_z
    elements = np.abs(lattice_jacobian(positions[0], positions[-1]) / parameters.lambda_z - 1)
    return Cycle(
        displacement=displacement.astype(np.float32),
        labels=raster.labels,
        rim=raster.rim,
        endo=positions[:, :, 0].astype(np.float32),
        epi=positions[:, :, -1].astype(np.float32),
        pressure_kpa=pressure,
        area_ratio=area / area[-1],
        spacing=np.array([spacing, spacing]),
        provenance={
            "parameters": parameters.record(),
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
                **_pixel_area_change(displacement[other], spacing, wall, expected),
            },
            "extension": EXTENSION,
            "versions": {name: version(name) for name in ("sfepy", "numpy", "scipy")}
            | {"python": platform.python_version()},
            "reference": grid,
        },
    )


def _pixel_area_change(
    displacement: np.ndarray, spacing: float, wall: np.ndarray, expected: float
) -> dict[str, float | None]:
    """How well pixels of the eroded wall keep the expected area change; None without any."""
    found = pixel_jacobian(displacement, spacing)[wall]
    error = float(np.abs(found / expected - 1).mean()) if found.size else None
    return {
        "mean_abs_j_over_lambda_minus_1_pixels_eroded_wall": error,
        "mean_j": float(found.mean()) if found.size else None,
    }
