"""A left ventricle: its shape at end-diastole, its muscle, and its unloaded mesh."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from fem_sim.heart3d.element import shapes
from fem_sim.heart3d.fibres import helix_frames
from fem_sim.heart3d.material import Guccione, Muscle
from fem_sim.heart3d.mesh import Lofting, SolidMesh, ventricle_mesh
from fem_sim.heart3d.model import SolidModel
from fem_sim.population.shape import RingShape

MUSCLE = Guccione(c_kpa=1.0, bf=8.0, bt=2.0, bfs=4.0)  # the benchmark's anisotropy


@dataclass(frozen=True, kw_only=True)
class Scar3D:
    """A part of the wall that is stiff and does not contract, through its whole thickness.

    Attributes:
        angle: middle of its sector, degrees from the x axis towards y.
        width: of the sector, degrees.
        low: lower end, 0 at the apex to 1 at the base.
        high: upper end.
        stiffness: factor of the passive stress.
        contractility: factor of the active tension.
    """

    angle: float
    width: float
    low: float
    high: float
    stiffness: float = 8.0
    contractility: float = 0.0

    def holds(self, angle: np.ndarray, height: np.ndarray) -> np.ndarray:
        """Whether places lie in the scar; angles in degrees."""
        apart = np.abs((angle - self.angle + 180) % 360 - 180)
        return (apart <= self.width / 2) & (height >= self.low) & (height <= self.high)


@dataclass(frozen=True, kw_only=True)
class Heart:
    """A left ventricle. Lengths in mm, pressures in kPa, angles in degrees.

    Attributes:
        kind: of the heart, a key of :data:`~fem_sim.population.kinds.KINDS`.
        ring: outlines at the widest level at end-diastole.
        length: of the cavity at end-diastole, apex to base.
        base: height of the base above the widest level, over the height of that above the apex.
        apex_wall: thickness of the wall at the apex over that at the widest level.
        ejection_fraction: share of the end-diastolic volume that is ejected.
        filling: end-diastolic over unloaded cavity volume.
        end_diastolic_pressure: of the cavity.
        systolic_pressure: highest one.
        fibre_endo: helix angle at the endocardium.
        fibre_epi: at the epicardium.
        cross_tension: tension across the fibres within the wall's layers over that along them.
        material: of the muscle; its stiffness is found from filling and end-diastolic pressure.
        base_springs: stiffness of the ring of valves against motion in its plane, kPa / mm on the
            area of the base.
        scar: or None.
    """

    kind: str = "normal"
    ring: RingShape
    length: float
    base: float = 0.3
    apex_wall: float = 0.7
    ejection_fraction: float = 0.6
    filling: float = 1.5
    end_diastolic_pressure: float = 1.3
    systolic_pressure: float = 15.0
    fibre_endo: float = 60.0
    fibre_epi: float = -60.0
    cross_tension: float = 0.2
    material: Muscle = MUSCLE
    base_springs: float = 0.2
    scar: Scar3D | None = None

    def record(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return asdict(self)

    def mesh(self, square: int, rings: int, layers: int, *, filling: float = 1.0) -> SolidMesh:
        """The wall when the cavity holds ``1 / filling`` of its end-diastolic volume, about.

        The muscle's volume stays, about; arguments see
        :func:`~fem_sim.heart3d.mesh.ventricle_mesh`.
        """
        return ventricle_mesh(self._lofting(filling), square, rings, layers)

    def model(self, mesh: SolidMesh, c_kpa: float, augmentation: float) -> SolidModel:
        """Equations of the unloaded wall.

        The base stays in its plane, whose springs hold it; what is called the base's motion is that
        of the apex, seen from the apex (:func:`~fem_sim.heart3d.beat.held_at_apex`).
        """
        springs = np.zeros((len(mesh.nodes), 3))
        area = _base_area(mesh)
        springs[mesh.held, :2] = self.base_springs * area / len(mesh.held)
        stiffness, contractility = self._scarred(mesh)
        return SolidModel(
            mesh,
            self.material.of_stiffness(c_kpa),
            frames=helix_frames(mesh, self.fibre_endo, self.fibre_epi),
            fixed=3 * mesh.held + 2,
            springs=springs.ravel(),
            stiffness=stiffness,
            contractility=contractility,
            cross=self.cross_tension,
            augmentation=augmentation,
        )

    def _scarred(self, mesh: SolidMesh) -> tuple[np.ndarray, np.ndarray]:
        """Factors of stiffness and tension, one an element."""
        if self.scar is None:
            return np.ones(len(mesh.cells)), np.ones(len(mesh.cells))
        middle = mesh.nodes[mesh.cells].mean(axis=1)
        angle = np.rad2deg(np.arctan2(middle[:, 1], middle[:, 0]))
        inside = self.scar.holds(angle, mesh.height[mesh.cells].mean(axis=1))
        stiffness = np.where(inside, self.scar.stiffness, 1.0)
        return stiffness, np.where(inside, self.scar.contractility, 1.0)

    def _lofting(self, filling: float) -> Lofting:
        """Truncated ellipsoids, their cross-section that of the ring towards the widest level."""
        longitudinal = filling ** (1 / 3)
        contours = self.ring.contours(filling ** (2 / 3), longitudinal)
        endo, epi = (np.linalg.norm(c, axis=1) for c in (contours.endo, contours.epi))
        turn = np.arctan2(contours.endo[:, 1], contours.endo[:, 0])
        long = self.length / longitudinal / (1 + self.base)
        base = self.base * long
        wall = self.apex_wall * float(np.mean(epi - endo))

        def position(size: np.ndarray, angle: np.ndarray, depth: np.ndarray) -> np.ndarray:
            axis = long + wall * depth
            u = np.pi - size * (np.pi - np.arccos(base / axis))
            # The apex is round: directions come in with the height above it.
            share = np.sin(np.clip(u, np.pi / 2, None)) ** 2
            inner, outer = (
                (1 - share) * np.sqrt(np.mean(r**2))
                + share * np.interp(angle, turn, r, period=2 * np.pi)
                for r in (endo, epi)
            )
            across = (inner + (outer - inner) * depth) * np.sin(u)
            z = np.where(size == 1.0, base, axis * np.cos(u))
            return np.stack([across * np.cos(angle), across * np.sin(angle), z], axis=-1)

        return position


def _base_area(mesh: SolidMesh) -> float:
    """Area of the base in mm^2, from its outer and inner edge."""
    area = 0.0
    for depth, sign in ((1.0, 1.0), (0.0, -1.0)):
        edge = mesh.nodes[mesh.held[mesh.depth[mesh.held] == depth], :2]
        x, y = edge[np.argsort(np.arctan2(edge[:, 1], edge[:, 0]))].T
        area += sign * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1))) / 2
    return area


def wall_directions(mesh: SolidMesh, nodes: np.ndarray) -> np.ndarray:
    """Circumferential, longitudinal and radial direction at Gauss points of a deformed wall.

    Args:
        mesh: its elements.
        nodes: ``(n, 3)`` where its nodes are.

    Returns:
        ``(elements, points, 3, 3)``, the directions in the columns.
    """
    return helix_frames(replace(mesh, nodes=nodes), 0.0, 0.0)


def gauss_values(mesh: SolidMesh, field: np.ndarray) -> np.ndarray:
    """A nodal field ``(n,)`` at Gauss points, ``(elements, points)``."""
    return field[mesh.cells] @ shapes("3_8", 2).values.T
