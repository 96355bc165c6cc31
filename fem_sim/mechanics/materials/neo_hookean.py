"""The neo-Hookean material, that of the method's authors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from fem_sim.mechanics.materials.base import Material, Number, Wall
from fem_sim.mechanics.quiet_sfepy import Term


@dataclass(frozen=True, kw_only=True)
class NeoHookean(Material):
    """``W = mu / 2 (I1 - 3)``.

    SfePy's term is isochoric, ``mu / 2 (J^(-2/3) (tr C + 1) - 3)`` with the in-plane ``J`` and
    ``C``. With ``J = c`` it has the in-plane stress of the modulus ``mu c^(-2/3)``, and its
    pressure acts on ``c`` times the length that the true one acts on: ``P = P_scaled c^(5/3)``.

    Attributes:
        mu_kpa: shear modulus of healthy muscle in kPa (36.75: Qin et al., Biomechanics-informed
            neural networks for myocardial motion tracking in MRI, MICCAI 2020); it scales the
            pressure, not the motion.
    """

    name: ClassVar[str] = "neo-hookean"
    mu_kpa: float = 36.75

    def terms(self, wall: Wall) -> Term:
        """SfePy's neo-Hookean term."""
        return wall.term("dw_tl_he_neohook", self.mu_kpa)

    def true_pressure(self, scaled: Number, lambda_z: Number) -> Number:
        """``P_scaled lambda_z^(-5/3)``."""
        return scaled * lambda_z ** (-5 / 3)

    def scaled_pressure(self, true: Number, lambda_z: Number) -> Number:
        """``P lambda_z^(5/3)``."""
        return true * lambda_z ** (5 / 3)
