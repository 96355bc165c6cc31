"""The isotropic exponential material: muscle that stiffens as it is stretched."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from fem_sim.mechanics.materials.first_invariant import FirstInvariant


@dataclass(frozen=True, kw_only=True)
class Demiray(FirstInvariant):
    """``W = a / (2 b) (exp(b (I1 - 3)) - 1)`` (Demiray, Journal of Biomechanics 5, 1972).

    The default constants are a choice of this project, not a fit: the modulus of
    :class:`~fem_sim.mechanics.materials.neo_hookean.NeoHookean`, so that both agree at small strain
    and springs on the epicardium mean the same, and a mild growth. Fits of passive muscle grow
    faster (b = 8.02 for the matrix in Holzapfel and Ogden, Phil. Trans. R. Soc. A 367, 2009); they
    are made for filling alone and give pressures of thousands of kPa where all of the motion is
    inflation.

    Attributes:
        a_kpa: shear modulus at small strain in kPa.
        b: growth of the stiffness, dimensionless.
    """

    name: ClassVar[str] = "demiray"
    a_kpa: float = 36.75
    b: float = 1.0

    def modulus(self, i1: np.ndarray) -> np.ndarray:
        """``a exp(b (I1 - 3))``."""
        return self.a_kpa * np.exp(self.b * (i1 - 3))

    def slope(self, i1: np.ndarray) -> np.ndarray:
        """``a b exp(b (I1 - 3))``."""
        return self.b * self.modulus(i1)
