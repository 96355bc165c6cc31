"""Passive muscle: the transversely isotropic exponential material of Guccione."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: Order of a symmetric tensor's entries; strains count shear twice.
ENTRIES = ((0, 0), (1, 1), (2, 2), (0, 1), (0, 2), (1, 2))
ROWS, COLUMNS = (np.array(side) for side in zip(*ENTRIES, strict=True))
MAX_EXPONENT = 40.0  # beyond it a step went astray; stops short of what numbers can hold


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

    def response(self, strain: np.ndarray, factor: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Second Piola-Kirchhoff stress and its derivative by strain.

        ``S_i = C e^Q b_i E_i`` and ``dS_i/dE_j = C e^Q (2 b_i E_i b_j E_j + b_i delta_ij)``, the
        last halved for shear, whose strain counts twice.

        Args:
            strain: ``(..., 3, 3)`` Green-Lagrange, first axis along the fibre.
            factor: ``(...)`` of C.

        Returns:
            ``(..., 6)`` and ``(..., 6, 6)`` in kPa.

        Raises:
            ArithmeticError: if the strain is beyond all muscle.
        """
        b = np.array([self.bf, self.bt, self.bt, self.bfs, self.bfs, self.bt])
        e = strain[..., ROWS, COLUMNS]
        twice = np.array([1.0, 1, 1, 2, 2, 2])
        exponent = np.sum(twice * b * e**2, axis=-1)
        if not np.all(exponent < MAX_EXPONENT):
            raise ArithmeticError("the stress grew beyond all muscle")
        stiffness = (factor * self.c_kpa * np.exp(exponent))[..., None]
        direction = b * e
        tangent = 2 * direction[..., :, None] * direction[..., None, :]
        diagonal = np.arange(6)
        tangent[..., diagonal, diagonal] += b / twice
        return stiffness * direction, stiffness[..., None] * tangent
