"""The discrete equations of a solid under pressure and active tension.

Quasi-static, incompressible, total Lagrangian, Q2 displacement and Q1 pressure:

    int (S(E) + T (f x f + c g x g) - p J C^-1) : dE - P int_loaded n . v da + int_held k v . u = 0,
    int q (J - 1) = 0,

with the material's S, the active second Piola-Kirchhoff stress T along the fibre f, a share c of it
across the fibre along g within the wall's layer, and the pressure P that follows the deformed
surface. The tangent is exact. Element matrices are made for many elements at once, in the fibre's
frame: SfePy's own assembly, element by element and with straight edges, is slower and less exact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp

from fem_sim.heart3d.element import shapes
from fem_sim.heart3d.material import COLUMNS, ENTRIES, ROWS, Muscle
from fem_sim.heart3d.mesh import SolidMesh

CHUNK = 32  # elements at once: what a processor's cache holds


@dataclass(frozen=True)
class Load:
    """What acts on a solid: cavity pressure and active tension, both in kPa."""

    pressure: float = 0.0
    tension: float = 0.0


class SolidModel:
    """Residual and tangent of a solid.

    Unknowns are the displacements, node by node, three components each, then the pressures of the
    elements' vertices. Vectors hold all of them; matrices the free ones alone.

    Args:
        mesh: undeformed.
        material: of healthy muscle.
        frames: ``(elements, points, 3, 3)`` fibre frames in their columns; the axes if None.
        fixed: numbers of displacement components that stay; all of the held nodes' if None.
        springs: ``(3 n,)`` stiffness to the undeformed place in kPa mm, by component; None for 0.
        stiffness: ``(elements,)`` factor of the passive stress, None for 1.
        contractility: ``(elements,)`` factor of the tension, None for 1.
        cross: active tension across the fibre, within the wall's layer, over that along it.
        augmentation: modulus k in kPa of the energy ``k / 2 (J - 1)^2``, which vanishes with the
            mesh's size. The pressure of an element keeps its mean volume alone; large elements that
            are stretched far need this, or points in them turn inside out.
    """

    def __init__(
        self,
        mesh: SolidMesh,
        material: Muscle,
        *,
        frames: np.ndarray | None = None,
        fixed: np.ndarray | None = None,
        springs: np.ndarray | None = None,
        stiffness: np.ndarray | None = None,
        contractility: np.ndarray | None = None,
        cross: float = 0.0,
        augmentation: float = 0.0,
    ) -> None:
        self.mesh, self.material = mesh, material
        elements, self.n_u = len(mesh.cells), mesh.nodes.size
        self.augmentation, self.cross = augmentation, cross
        self.stiffness = np.ones(elements) if stiffness is None else stiffness
        self.contractility = np.ones(elements) if contractility is None else contractility
        hexahedron, linear = shapes("3_8", 2), shapes("3_8", 1)
        jacobian = np.einsum("eai,qaj->eqij", mesh.nodes[mesh.cells], hexahedron.slopes)
        self.weights = hexahedron.weights * np.linalg.det(jacobian)
        frames = np.broadcast_to(np.eye(3), jacobian.shape) if frames is None else frames
        # Derivatives by the fibre frame's coordinates: strain is then in that frame by itself.
        self.slopes = np.einsum(
            "qaj,eqji,eqif->eqaf", hexahedron.slopes, np.linalg.inv(jacobian), frames, optimize=True
        )
        self.p_values = linear.values
        places = {tuple(step): place for place, step in enumerate(hexahedron.steps.tolist())}
        corners = mesh.cells[:, [places[tuple(step)] for step in linear.steps.tolist()]]
        vertices, numbers = np.unique(corners, return_inverse=True)
        self.n_p = len(vertices)
        self.u_dofs = (3 * mesh.cells[:, :, None] + np.arange(3)).reshape(elements, -1)
        self.p_dofs: np.ndarray = self.n_u + numbers.reshape(corners.shape)
        self.face_dofs = (3 * mesh.loaded[:, :, None] + np.arange(3)).reshape(len(mesh.loaded), -1)
        if fixed is None:
            fixed = (3 * mesh.held[:, None] + np.arange(3)).ravel()
        self.free = np.setdiff1d(np.arange(self.n_u + self.n_p), fixed)
        self.springs = np.zeros(self.n_u) if springs is None else springs
        #: Largest force of an element on a node at the last residual, kPa mm^2.
        self.force_scale = 0.0
        self._pattern = _Pattern(
            [np.concatenate([self.u_dofs, self.p_dofs], axis=1), self.face_dofs],
            self.n_u + self.n_p,
            self.free,
        )

    @property
    def size(self) -> int:
        """Number of unknowns."""
        return self.n_u + self.n_p

    def positions(self, x: np.ndarray) -> np.ndarray:
        """Deformed nodes ``(n, 3)`` in mm."""
        return self.mesh.nodes + x[: self.n_u].reshape(-1, 3)

    def gradients(self, x: np.ndarray) -> np.ndarray:
        """Deformation gradients ``(elements, points, 3, 3)``; columns in the fibre's frame."""
        return _gradient(self.positions(x)[self.mesh.cells], self.slopes)

    def residual(self, x: np.ndarray, load: Load) -> np.ndarray:
        """Out-of-balance vector of all unknowns, in kPa mm^2 and mm^3.

        Raises:
            ArithmeticError: if an element is turned inside out or strained beyond all muscle.
        """
        r, _ = self._inner(x, load, tangent=False)
        r[: self.n_u] += self.springs * x[: self.n_u] + load.pressure * self.pressure_force(x)
        return r

    def linearised(self, x: np.ndarray, load: Load) -> tuple[np.ndarray, sp.csc_matrix]:
        """Residual of all unknowns and tangent of the free ones.

        Raises:
            ArithmeticError: see :meth:`residual`.
        """
        r, blocks = self._inner(x, load, tangent=True)
        r[: self.n_u] += self.springs * x[: self.n_u] + load.pressure * self.pressure_force(x)
        faces = load.pressure * self._pressure_slope(x)
        diagonal = np.concatenate([self.springs, np.zeros(self.n_p)])
        return r, self._pattern.matrix([blocks, faces]) + sp.diags(
            diagonal[self.free], format="csc"
        )

    def tension_force(self, x: np.ndarray) -> np.ndarray:
        """Derivative of the residual by the active tension."""
        weights = self.weights * self.contractility[:, None]
        shares = np.array([1.0, self.cross, 0.0])
        pull = self.gradients(x) * weights[..., None, None] * shares
        forces = np.einsum("eqaj,eqij->eai", self.slopes, pull, optimize=True)
        return np.bincount(self.u_dofs.ravel(), forces.ravel(), self.size)

    def pressure_force(self, x: np.ndarray) -> np.ndarray:
        """Derivative of the residual by the pressure, ``(3 n,)``: minus area times normal."""
        face = shapes("2_4", 2)
        one, two = self._edges(x)
        forces = -np.einsum("q,qa,fqi->fai", face.weights, face.values, np.cross(one, two))
        return np.bincount(self.face_dofs.ravel(), forces.ravel(), self.n_u)

    def cavity_volume(self, x: np.ndarray) -> float:
        """Volume in mm^3 between the loaded surface and a flat base across the z axis."""
        face = shapes("2_4", 2)
        points = np.einsum("qa,fai->fqi", face.values, self.positions(x)[self.mesh.loaded])
        normal = np.cross(*self._edges(x))
        flux = points[..., 0] * normal[..., 0] + points[..., 1] * normal[..., 1]
        return float(np.sum(face.weights * flux) / 2)

    def volume_slope(self, x: np.ndarray) -> np.ndarray:
        """Derivative ``(3 n,)`` of the cavity's volume by the displacements, in mm^2."""
        face = shapes("2_4", 2)
        points = np.einsum("qa,fai->fqi", face.values, self.positions(x)[self.mesh.loaded])
        one, two = self._edges(x)
        flat = np.array([1.0, 1, 0])
        forces = np.einsum("q,qa,fqi->fai", face.weights, face.values, np.cross(one, two) * flat)
        for slope, other, sign in ((face.slopes[..., 0], two, 1.0), (face.slopes[..., 1], one, -1)):
            crossed = sign * np.cross(other, points * flat)
            forces += np.einsum("q,qa,fqi->fai", face.weights, slope, crossed)
        return np.bincount(self.face_dofs.ravel(), forces.ravel() / 2, self.n_u)

    def _edges(self, x: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Derivatives ``(faces, points, 3)`` of the loaded surface by its two coordinates."""
        corners = self.positions(x)[self.mesh.loaded]
        both = np.einsum("qaj,fai->jfqi", shapes("2_4", 2).slopes, corners)
        return both[0], both[1]

    def _pressure_slope(self, x: np.ndarray) -> np.ndarray:
        """Derivative ``(faces, 27, 27)`` of :meth:`pressure_force`."""
        face = shapes("2_4", 2)
        one, two = self._edges(x)
        weighted = face.weights[:, None] * face.values
        # d(one x two) = d one x two - d two x one, and (v x w)_i = -[w]_ij v_j.
        turn = np.einsum("qa,qb,fqij->faibj", weighted, face.slopes[..., 0], _skew(two))
        turn -= np.einsum("qa,qb,fqij->faibj", weighted, face.slopes[..., 1], _skew(one))
        count = 3 * face.values.shape[1]
        return turn.reshape(len(turn), count, count)

    def _inner(self, x: np.ndarray, load: Load, *, tangent: bool) -> tuple[np.ndarray, np.ndarray]:
        """Residual of the wall alone and, if asked for, element matrices ``(elements, 89, 89)``."""
        corners, pressures = self.positions(x)[self.mesh.cells], x[self.p_dofs]
        elements, n_u, n_p = len(corners), self.u_dofs.shape[1], self.p_dofs.shape[1]
        forces = np.empty((elements, n_u + n_p))
        blocks = np.zeros((elements, n_u + n_p, n_u + n_p) if tangent else (0, 0, 0))
        for start in range(0, elements, CHUNK):
            part = slice(start, start + CHUNK)
            self._chunk(part, corners[part], pressures[part], load, forces, blocks)
        dofs = np.concatenate([self.u_dofs, self.p_dofs], axis=1)
        self.force_scale = float(np.abs(forces[:, :n_u]).max())
        return np.bincount(dofs.ravel(), forces.ravel(), self.size), blocks

    def _chunk(
        self,
        part: slice,
        corners: np.ndarray,
        pressures: np.ndarray,
        load: Load,
        forces: np.ndarray,
        blocks: np.ndarray,
    ) -> None:
        """Fill forces and, where there are any, matrices of some elements."""
        slopes, weights = self.slopes[part], self.weights[part]
        count, points = weights.shape
        n_u = self.u_dofs.shape[1]
        gradient = _gradient(corners, slopes)
        j = np.linalg.det(gradient)
        if not np.all(j > 0):
            raise ArithmeticError("an element turned inside out")
        c = np.swapaxes(gradient, -1, -2) @ gradient
        inverse = np.linalg.inv(c)
        factor = np.broadcast_to(self.stiffness[part, None], j.shape)
        stress, moduli = self.material.response((c - np.eye(3)) / 2, factor)
        active = load.tension * self.contractility[part, None]
        stress[..., 0] += active
        stress[..., 1] += self.cross * active
        p = pressures @ self.p_values.T - self.augmentation * (j - 1)
        volume = j[..., None] * inverse[..., ROWS, COLUMNS]
        stress -= p[..., None] * volume
        full = _symmetric(stress)
        pull = (gradient @ full) * weights[..., None, None]
        forces[part, :n_u] = np.einsum("eqaj,eqij->eai", slopes, pull, optimize=True).reshape(
            count, -1
        )
        forces[part, n_u:] = -((j - 1) * weights) @ self.p_values
        if not len(blocks):
            return
        moduli -= (p * j)[..., None, None] * _inverse_moduli(inverse)
        moduli += self.augmentation * volume[..., :, None] * volume[..., None, :]
        strain = _strain_matrix(gradient, slopes)
        stiff = np.swapaxes(strain.reshape(count, points * 6, n_u), 1, 2) @ (
            (moduli * weights[..., None, None]) @ strain
        ).reshape(count, points * 6, n_u)
        turned = slopes @ (full * weights[..., None, None])
        nodes = slopes.shape[2]
        geometric = np.moveaxis(turned, 1, 2).reshape(count, nodes, -1) @ np.swapaxes(
            np.moveaxis(slopes, 1, 2).reshape(count, nodes, -1), 1, 2
        )
        for axis in range(3):
            stiff[:, axis::3, axis::3] += geometric
        swelling = (strain * (volume * weights[..., None])[..., None]).sum(axis=2)
        mixed = -np.swapaxes(swelling, 1, 2) @ self.p_values
        blocks[part, :n_u, :n_u] = stiff
        blocks[part, :n_u, n_u:] = mixed
        blocks[part, n_u:, :n_u] = np.swapaxes(mixed, 1, 2)


class _Pattern:
    """Where the entries of element matrices go in the sparse matrix of the free unknowns."""

    def __init__(self, groups: list[np.ndarray], size: int, free: np.ndarray) -> None:
        place = np.full(size, -1)
        place[free] = np.arange(len(free))
        rows, columns = [], []
        for dofs in groups:
            local = place[dofs]
            shape = (*local.shape, local.shape[1])
            rows.append(np.broadcast_to(local[:, :, None], shape).ravel())
            columns.append(np.broadcast_to(local[:, None, :], shape).ravel())
        row, column = np.concatenate(rows), np.concatenate(columns)
        self._kept = (row >= 0) & (column >= 0)
        key = column[self._kept].astype(np.int64) * len(free) + row[self._kept]
        unique, self._entry = np.unique(key, return_inverse=True)
        column, self._row = np.divmod(unique, len(free))
        self._starts = np.searchsorted(column, np.arange(len(free) + 1))
        self._shape = (len(free), len(free))

    def matrix(self, blocks: list[np.ndarray]) -> sp.csc_matrix:
        values = np.concatenate([block.ravel() for block in blocks])[self._kept]
        data = np.bincount(self._entry, values, len(self._row))
        return sp.csc_matrix((data, self._row, self._starts), self._shape)


def _gradient(corners: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    return np.swapaxes(corners, 1, 2)[:, None] @ slopes


def _symmetric(entries: np.ndarray) -> np.ndarray:
    """``(..., 6)`` to ``(..., 3, 3)``."""
    full = np.empty((*entries.shape[:-1], 3, 3))
    full[..., ROWS, COLUMNS] = entries
    full[..., COLUMNS, ROWS] = entries
    return full


def _strain_matrix(gradient: np.ndarray, slopes: np.ndarray) -> np.ndarray:
    """Strain ``(..., 6, 3 nodes)``, shear twice, of unit displacements: ``sym(F^T dF)``."""
    shape = (*slopes.shape[:2], slopes.shape[2], 3)
    strain = np.empty((*slopes.shape[:2], 6, *shape[2:]))
    for place, (a, b) in enumerate(ENTRIES):
        strain[:, :, place] = slopes[..., b, None] * gradient[:, :, None, :, a]
        if a != b:
            strain[:, :, place] += slopes[..., a, None] * gradient[:, :, None, :, b]
    return strain.reshape(*slopes.shape[:2], 6, -1)


def _inverse_moduli(b: np.ndarray) -> np.ndarray:
    """``b_ij b_kl - b_ik b_jl - b_il b_jk`` ``(..., 6, 6)``: derivative of J C^-1 by E, over J."""
    i, j, k, m = ROWS[:, None], COLUMNS[:, None], ROWS[None], COLUMNS[None]
    return b[..., i, j] * b[..., k, m] - b[..., i, k] * b[..., j, m] - b[..., i, m] * b[..., j, k]


def _skew(vectors: np.ndarray) -> np.ndarray:
    """``[w]`` with ``[w] v = w x v``."""
    zero = np.zeros(vectors.shape[:-1])
    x, y, z = np.moveaxis(vectors, -1, 0)
    rows = [[zero, -z, y], [z, zero, -x], [-y, x, zero]]
    return np.stack([np.stack(row, axis=-1) for row in rows], axis=-2)
