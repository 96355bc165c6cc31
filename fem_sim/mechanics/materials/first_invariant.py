"""Materials whose energy is a function of the first invariant, as a term for SfePy."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Any

import numpy as np

from fem_sim.mechanics.materials.base import Material, Number, Wall
from fem_sim.mechanics.quiet_sfepy import HyperElasticTLBase, Term, register_term

# In SfePy's order of a symmetric tensor: 00, 11, 01.
PAIRS = ((0, 0), (1, 1), (0, 1))
ENTRY = {(0, 0): 0, (1, 1): 1, (0, 1): 2, (1, 0): 2}
IDENTITY = np.array([1.0, 1.0, 0.0])


@dataclass(frozen=True, kw_only=True)
class FirstInvariant(Material):
    """``W(I1)`` with ``I1 = tr C + 1 / J^2``, ``C`` and ``J`` in plane.

    In an incompressible material the out-of-plane stretch is ``1 / J``, so the two-dimensional term
    holds it by itself. Its pressure acts on ``J = c`` times the length that the true one acts on:
    ``P = P_scaled / lambda_z``.
    """

    @abstractmethod
    def modulus(self, i1: np.ndarray) -> np.ndarray:
        """``2 dW/dI1`` in kPa, the shear modulus at small strain.

        Args:
            i1: first invariant, any shape.
        """

    @abstractmethod
    def slope(self, i1: np.ndarray) -> np.ndarray:
        """Derivative of :meth:`modulus`, ``2 d2W/dI1^2`` in kPa."""

    def terms(self, wall: Wall) -> Term:
        """The term of this module, with this material as its law."""
        register_term(FirstInvariantTerm)  # SfePy makes terms by their name
        term = wall.term(FirstInvariantTerm.name, 1.0)
        term.law = self
        return term

    def true_pressure(self, scaled: Number, lambda_z: Number) -> Number:
        """``P_scaled / lambda_z``."""
        return scaled / lambda_z

    def scaled_pressure(self, true: Number, lambda_z: Number) -> Number:
        """``P lambda_z``."""
        return true * lambda_z


class FirstInvariantTerm(HyperElasticTLBase):
    """Virtual work of the second Piola-Kirchhoff stress of ``W(I1)``.

    With ``A = dI1/dC = I - J^-2 C^-1`` and ``g = 2 dW/dI1``::

        S = g A,    2 dS/dC = 2 g' A x A + 2 g J^-2 (C^-1 x C^-1 + C^-1 o C^-1),

    where ``(B o B)_ijkl = (B_ik B_jl + B_il B_jk) / 2``. The term's parameter is the factor of the
    stiffness; the law is the attribute ``law``.
    """

    name = "dw_tl_he_first_invariant"
    family_data_names = ("det_f", "tr_c", "sym_inv_c")
    law: FirstInvariant

    def stress_function(
        self, out: np.ndarray, factor: np.ndarray, *family: np.ndarray, **unused: Any
    ) -> None:
        """Fill ``out`` ``(elements, points, 3, 1)`` with S in kPa."""
        i1, direction, _ = _invariants(*family)
        out[..., 0] = factor[..., 0] * self.law.modulus(i1) * direction

    def tan_mod_function(
        self, out: np.ndarray, factor: np.ndarray, *family: np.ndarray, **unused: Any
    ) -> None:
        """Fill ``out`` ``(elements, points, 3, 3)`` with ``2 dS/dC`` in kPa."""
        i1, a, b = _invariants(*family)
        modulus, slope = self.law.modulus(i1)[..., 0], self.law.slope(i1)[..., 0]
        inverse_j2 = family[0][..., 0, 0] ** -2
        for row, (i, j) in enumerate(PAIRS):
            for column, (k, m) in enumerate(PAIRS):
                crossed = b[..., ENTRY[i, k]] * b[..., ENTRY[j, m]]
                crossed = (crossed + b[..., ENTRY[i, m]] * b[..., ENTRY[j, k]]) / 2
                out[..., row, column] = 2 * slope * a[..., row] * a[..., column]
                volume = b[..., row] * b[..., column] + crossed
                out[..., row, column] += 2 * modulus * inverse_j2 * volume
        out *= factor


def _invariants(
    det_f: np.ndarray, tr_c: np.ndarray, sym_inv_c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First invariant ``(..., 1)``, its derivative by C and the inverse of C, both ``(..., 3)``."""
    inverse = sym_inv_c[..., 0]
    inverse_j2 = det_f[..., 0] ** -2
    # SfePy's trace counts an unstretched third direction.
    i1 = tr_c[..., 0] - 1 + inverse_j2
    return i1, IDENTITY - inverse_j2 * inverse, inverse
