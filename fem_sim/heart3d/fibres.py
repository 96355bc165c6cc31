"""Rule-based muscle fibres: an angle that turns linearly through the wall."""

from __future__ import annotations

import numpy as np

from fem_sim.heart3d.element import shapes
from fem_sim.heart3d.mesh import SolidMesh

UP = np.array([0.0, 0.0, 1.0])


def helix_frames(mesh: SolidMesh, endo_deg: float, epi_deg: float) -> np.ndarray:
    """Fibre, sheet and normal direction at the Gauss points of a ventricle.

    ``f = sin(a) e_long + cos(a) e_circ``: ``e_circ`` runs around the z axis, counter-clockwise seen
    from the base, within the surface of constant depth; ``e_long`` within it towards the base
    (Land et al. 2015). The third direction points through the wall.

    Args:
        mesh: of a ventricle about the z axis.
        endo_deg: angle a at the endocardium in degrees; positive rises counter-clockwise, as in a
            human heart.
        epi_deg: at the epicardium.

    Returns:
        ``(elements, points, 3, 3)``, the directions in the columns.
    """
    hexahedron = shapes("3_8", 2)
    corners = mesh.nodes[mesh.cells]
    jacobian = np.einsum("eai,qaj->eqij", corners, hexahedron.slopes)
    depth = np.einsum("ea,qa->eq", mesh.depth[mesh.cells], hexahedron.values)
    slope = np.einsum("ea,qaj->eqj", mesh.depth[mesh.cells], hexahedron.slopes)
    through = _unit(np.einsum("eqj,eqji->eqi", slope, np.linalg.inv(jacobian)))
    point = np.einsum("eai,qa->eqi", corners, hexahedron.values)
    around = np.cross(UP, point)
    around -= np.sum(around * through, axis=-1, keepdims=True) * through
    around = _unit(around)
    along = np.cross(through, around)  # towards the base, as depth grows outwards
    angle = np.deg2rad(endo_deg + (epi_deg - endo_deg) * depth)[..., None]
    fibre = np.sin(angle) * along + np.cos(angle) * around
    sheet = np.cross(through, fibre)
    return np.stack([fibre, sheet, through], axis=-1)


def _unit(vectors: np.ndarray) -> np.ndarray:
    return vectors / np.linalg.norm(vectors, axis=-1, keepdims=True)
