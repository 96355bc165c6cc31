"""What is simulated on a ring."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np

from fem_sim.geometry.mesh import RingMesh
from fem_sim.mechanics.materials.registry import Material, NeoHookean


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
        material: of healthy muscle, with its constants.
        levels: pressures in the cycle.
        n_circ: elements along the circumference.
        n_rad: elements across the wall.
    """

    area_ratio: float
    lambda_z: float = 1.0
    scar: Scar | None = None
    support: float = 0.0
    torsion: float = 0.0
    material: Material = field(default_factory=NeoHookean)
    levels: int = 50
    n_circ: int = 48
    n_rad: int = 4

    def __post_init__(self) -> None:
        """Refuse values that mean nothing."""
        checks = {
            "area_ratio": 1.0 < self.area_ratio <= 8.0,
            "lambda_z": 0.5 <= self.lambda_z <= 2.0,
            "support": self.support >= 0,
            "levels": self.levels >= 2,
            "n_circ": self.n_circ >= 8 and self.n_circ % 2 == 0,
            "n_rad": self.n_rad >= 1,
        }
        for name, fine in checks.items():
            if not fine:
                raise ValueError(f"{name} is {getattr(self, name)}, which cannot be simulated.")

    def record(self) -> dict[str, Any]:
        """All of it, ready for JSON."""
        return {**asdict(self), "material": self.material.record()}


def element_stiffness(mesh: RingMesh, scar: Scar | None) -> np.ndarray:
    """Factor of the muscle's moduli in each element; a scar has soft edges of 10 degrees.

    Args:
        mesh: the ring.
        scar: stiff sector, or None.

    Returns:
        ``(elements,)``, 1 in healthy muscle.
    """
    healthy = np.ones(mesh.shape[0] * mesh.shape[1])
    if scar is None:
        return healthy
    middle = mesh.vertices()[mesh.cells()].mean(1) - mesh.vertices().mean(0)
    angle = np.rad2deg(np.arctan2(middle[:, 1], middle[:, 0])) - scar.angle
    distance = np.abs((angle + 180) % 360 - 180)
    share = np.clip((scar.width / 2 - distance) / 10 + 0.5, 0, 1)
    return healthy * scar.stiffness**share
