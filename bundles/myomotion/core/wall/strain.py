"""Strain of the elements of a wall mesh, from where its nodes are in every frame.

The deformation gradient of an element is that of its bilinear map at its centre,
``F = [x_s x_t] [X_s X_t]^-1`` with the tangents along the circumference (s) and across the wall
(t). Its own directions are c, the tangent of its layer at end-diastole, and r, outward at right
angles to it: they follow the wall, also where that is not round about the cavity's centre.
Green-Lagrange strain ``E = (F^T F - I) / 2`` gives ``Err = r.E.r``, ``Ecc = c.E.c``,
``Erc = r.E.c`` and the principal strains, engineering strain is ``|F n| - 1`` along a direction n
(Holzapfel, Nonlinear Solid Mechanics, 2000, chapter 2).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from myomotion.core.wall.mesh import WallMesh, tangents


@dataclass(frozen=True, kw_only=True, eq=False)
class WallStrain:
    """Strain of every frame and element, ``(T, angles, rows)`` each, fractions (0.1 is 10 %).

    Attributes:
        err: radial.
        ecc: circumferential.
        erc: shear between the two.
        e1: larger principal strain.
        e2: smaller principal strain.
        engineering_err: change of length per length across the wall.
        engineering_ecc: along the circumference.
        jacobian: area over that at end-diastole.
        area: of each element at end-diastole, ``(angles, rows)`` in mm^2.
    """

    err: np.ndarray
    ecc: np.ndarray
    erc: np.ndarray
    e1: np.ndarray
    e2: np.ndarray
    engineering_err: np.ndarray
    engineering_ecc: np.ndarray
    jacobian: np.ndarray
    area: np.ndarray

    @property
    def abs_j_minus_1(self) -> np.ndarray:
        """``||J| - 1|``."""
        return np.abs(np.abs(self.jacobian) - 1)

    def mean(self, name: str, part: np.ndarray | None = None) -> np.ndarray:
        """Mean of one of the strains over elements, weighted by their area at end-diastole.

        Args:
            name: of an attribute ``(T, angles, rows)``.
            part: which elements, boolean ``(angles, rows)``; None takes all.

        Returns:
            ``(T,)``.
        """
        weight = self.area if part is None else self.area * part
        values: np.ndarray = getattr(self, name)
        return values.reshape(len(values), -1) @ weight.ravel() / weight.sum()


def wall_strain(mesh: WallMesh, nodes: np.ndarray, turn: float = 1.0) -> WallStrain:
    """Strain of the elements of a mesh.

    Args:
        mesh: at end-diastole.
        nodes: where its nodes are, ``(T, angles, rows + 1, 2)`` in mm.
        turn: 1, or -1 where the circumferential direction runs against the order of the elements;
            this changes the sign of the shear.

    Returns:
        The strains.
    """
    reference = tangents(mesh.nodes)
    gradient = tangents(nodes) @ np.linalg.inv(reference)
    around = reference[..., 0] / np.linalg.norm(reference[..., 0], axis=-1, keepdims=True)
    outward = np.stack([around[..., 1], -around[..., 0]], axis=-1)
    along_r, along_c = (np.einsum("tarij,arj->tari", gradient, n) for n in (outward, around))
    stretch_r, stretch_c = ((a**2).sum(-1) for a in (along_r, along_c))
    err, ecc = (stretch_r - 1) / 2, (stretch_c - 1) / 2
    erc = (along_r * along_c).sum(-1) / 2
    middle, radius = (err + ecc) / 2, np.hypot((err - ecc) / 2, erc)
    return WallStrain(
        err=err,
        ecc=ecc,
        erc=turn * erc,
        e1=middle + radius,
        e2=middle - radius,
        engineering_err=np.sqrt(stretch_r) - 1,
        engineering_ecc=np.sqrt(stretch_c) - 1,
        jacobian=np.linalg.det(gradient),
        area=mesh.area,
    )
