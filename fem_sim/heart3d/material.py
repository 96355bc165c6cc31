"""Passive muscle: the exponential materials of Guccione and of Holzapfel and Ogden."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np

#: Order of a symmetric tensor's entries; strains count shear twice.
ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
ROWS, COLUMNS = (np.array(side) for side in zip(*ENTRIES, strict=True))
TWICE = np.array([1.0, 1, 1, 2, 2, 2])  # entries of a tensor that an entry stands for
MAX_EXPONENT = 40.0  # beyond it a step went astray; stops short of what numbers can hold


class Muscle(Protocol):
    """Passive muscle in the fibre's frame: fibre, across it within the layer, normal to the layer.

    Attributes:
        c_kpa: stiffness, which all stress is in proportion to.
    """

    @property
    def c_kpa(self) -> float:
        """Stiffness in kPa."""

    def of_stiffness(self, c_kpa: float) -> Self:
        """The same muscle with another stiffness."""

    def response(self, strain: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Second Piola-Kirchhoff stress and its derivative by strain.

        Args:
            strain: ``(..., 3, 3)`` Green-Lagrange, first axis along the fibre.
            factor: ``(...)`` of the stiffness.

        Returns:
            ``(..., 6)`` and ``(..., 6, 6)`` in kPa, entries as in :data:`ENTRIES`; derivatives by
            shear are halved, for shear counts twice.

        Raises:
            ArithmeticError: if the strain is beyond all muscle.
        """


@dataclass(frozen=True, kw_only=True)
class Guccione:
    """``W = C / 2 (exp Q - 1)`` in the fibre's frame.

    ``Q = bf Eff^2 + bt (Ess^2 + Enn^2 + 2 Esn^2) + 2 bfs (Efs^2 + Efn^2)`` with Green-Lagrange
    strain (Guccione, Costa and McCulloch, Journal of Biomechanics 28, 1995). It is not split into
    isochoric and volumetric parts: the motion is incompressible.

    Attributes:
        c_kpa: stiffness C in kPa.
        bf: along the fibre.
        bt: across it.
        bfs: shear of the fibre.
    """

    c_kpa: float
    bf: float
    bt: float
    bfs: float

    def of_stiffness(self, c_kpa: float) -> Self:
        """See :meth:`Muscle.of_stiffness`."""
        return replace(self, c_kpa=c_kpa)

    def response(self, strain: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Muscle.response`.

        ``S_i = C e^Q b_i E_i`` and ``dS_i/dE_j = C e^Q (2 b_i E_i b_j E_j + b_i delta_ij)``.
        """
        b = np.array([self.bf, self.bt, self.bt, self.bfs, self.bfs, self.bt])
        e = strain[..., ROWS, COLUMNS]
        exponent = np.sum(TWICE * b * e**2, axis=-1)
        _refuse_beyond(exponent)
        stiffness = (factor * self.c_kpa * np.exp(exponent))[..., None]
        direction = b * e
        tangent = 2 * direction[..., :, None] * direction[..., None, :]
        diagonal = np.arange(6)
        tangent[..., diagonal, diagonal] += b / TWICE
        return stiffness * direction, stiffness[..., None] * tangent


@dataclass(frozen=True, kw_only=True)
class HolzapfelOgden:
    """Transversely isotropic muscle: a matrix, and fibres that are stiff where they are pulled.

    ``W = a / (2 b) (exp(b (I1 - 3)) - 1) + a_f / (2 b_f) (exp(b_f (I4 - 1)^2) - 1)``, the second
    part where ``I4 > 1`` (Holzapfel and Ogden, Phil. Trans. R. Soc. A 367, 2009; the values are
    theirs for the biaxial tests of Yin et al. 1987, a of 2.280 and a_f of 1.685 kPa). It is not
    split into isochoric and volumetric parts: the motion is incompressible.

    Attributes:
        c_kpa: a in kPa.
        b: exponent of the matrix.
        fibre: a_f in units of a.
        bf: exponent of the fibres.
    """

    c_kpa: float
    b: float = 9.726
    fibre: float = 1.685 / 2.280
    bf: float = 15.779

    def of_stiffness(self, c_kpa: float) -> Self:
        """See :meth:`Muscle.of_stiffness`."""
        return replace(self, c_kpa=c_kpa)

    def response(self, strain: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :meth:`Muscle.response`.

        ``S = a exp(b (I1 - 3)) I + 2 a_f (I4 - 1) exp(b_f (I4 - 1)^2) f x f``.
        """
        normal = strain[..., ROWS, COLUMNS][..., :3]
        matrix, pulled = 2 * self.b * normal.sum(-1), 2 * np.maximum(normal[..., 0], 0)
        _refuse_beyond(np.maximum(matrix, self.bf * pulled**2))
        matrix, fibres = np.exp(matrix), 2 * self.fibre * np.exp(self.bf * pulled**2)
        shape = strain.shape[:-2]
        stress, tangent = np.zeros((*shape, 6)), np.zeros((*shape, 6, 6))
        stress[..., :3] = matrix[..., None]
        stress[..., 0] += fibres * pulled
        tangent[..., :3, :3] = (2 * self.b * matrix)[..., None, None]
        tangent[..., 0, 0] += 2 * fibres * (1 + 2 * self.bf * pulled**2) * (pulled > 0)
        scale = (factor * self.c_kpa)[..., None]
        return scale * stress, scale[..., None] * tangent


#: Materials by name, as ventricles are drawn; their stiffness is found from the filling.
MATERIALS: dict[str, Muscle] = {"holzapfel-ogden": HolzapfelOgden(c_kpa=1.0)}


def _refuse_beyond(exponent: np.ndarray) -> None:
    if not np.all(exponent < MAX_EXPONENT):
        raise ArithmeticError("the stress grew beyond all muscle")
