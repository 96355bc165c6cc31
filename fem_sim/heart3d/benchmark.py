"""The benchmark of cardiac mechanics: Land et al., Proc. R. Soc. A 471:20150641, 2015.

Three problems that eleven groups solved: a bending bar, an inflated ellipsoid, and one that is
inflated and contracts. Lengths in mm, pressures in kPa.
"""

from __future__ import annotations

import numpy as np

from fem_sim.heart3d.equilibrium import State, loaded
from fem_sim.heart3d.fibres import helix_frames
from fem_sim.heart3d.material import Guccione
from fem_sim.heart3d.mesh import SolidMesh, bar_mesh, ellipsoid_lofting, ventricle_mesh
from fem_sim.heart3d.model import Load, SolidModel

MUSCLE = Guccione(c_kpa=2.0, bf=8.0, bt=2.0, bfs=4.0)
ISOTROPIC = Guccione(c_kpa=10.0, bf=1.0, bt=1.0, bfs=1.0)
BAR_MM = (10.0, 1.0, 1.0)
AUGMENTATION = 50.0  # see SolidModel
BENDING, INFLATION, CONTRACTION = Load(0.004), Load(10.0), Load(15.0, 60.0)


def bend_bar(counts: tuple[int, int, int]) -> float:
    """Problem 1: z of the middle of the upper edge of the free end, 1 mm when undeformed.

    Args:
        counts: elements along, across and upwards; an even number across.
    """
    model = SolidModel(bar_mesh(BAR_MM, counts), MUSCLE)
    state = loaded(model, BENDING)
    middle = np.array([BAR_MM[0], BAR_MM[1] / 2, BAR_MM[2]])
    place = np.argmin(np.linalg.norm(model.mesh.nodes - middle, axis=1))
    return float(model.positions(state.x)[place, 2])


def ellipsoid(square: int, rings: int, layers: int) -> SolidMesh:
    """The ventricle of problems 2 and 3; see :func:`~fem_sim.heart3d.mesh.ventricle_mesh`.

    Radii 7 and 17 mm at the endocardium, 10 and 20 mm at the epicardium, base at z = 5 mm.
    """
    return ventricle_mesh(ellipsoid_lofting((7.0, 17.0), (10.0, 20.0), 5.0), square, rings, layers)


def inflate(mesh: SolidMesh) -> tuple[SolidModel, State]:
    """Problem 2: isotropic, 10 kPa, the base fixed."""
    model = SolidModel(mesh, ISOTROPIC, augmentation=AUGMENTATION)
    return model, loaded(model, INFLATION)


def contract(mesh: SolidMesh) -> tuple[SolidModel, State]:
    """Problem 3: fibres from 90 degrees (endocardium) to -90, 15 kPa, 60 kPa of tension."""
    model = SolidModel(
        mesh, MUSCLE, frames=helix_frames(mesh, 90.0, -90.0), augmentation=AUGMENTATION
    )
    return model, loaded(model, CONTRACTION)


def apex_heights(model: SolidModel, state: State) -> tuple[float, float]:
    """z of the apex at endo- and epicardium in mm."""
    endo, epi = model.positions(state.x)[list(model.mesh.apex), 2]
    return float(endo), float(epi)
