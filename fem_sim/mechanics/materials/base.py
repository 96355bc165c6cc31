"""What a material gives the ring: terms of its balance, and what the pressure in it means."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, TypeVar

import numpy as np

from fem_sim.mechanics.quiet_sfepy import (
    FieldVariable,
    Function,
    Integral,
    Parameter,
    Region,
    Term,
    Terms,
)

Number = TypeVar("Number", float, np.ndarray)


@dataclass(frozen=True)
class Wall:
    """Where the terms of a material live.

    Attributes:
        region: SfePy's region of the wall.
        integral: its quadrature.
        v: virtual displacement.
        u: displacement.
        stiffness: ``(elements,)`` factor of every modulus, 1 in healthy muscle.
    """

    region: Region
    integral: Integral
    v: FieldVariable
    u: FieldVariable
    stiffness: np.ndarray

    def term(self, name: str, modulus: float) -> Term:
        """A hyperelastic term of SfePy's total Lagrangian family.

        Args:
            name: of the term, such as ``dw_tl_he_neohook``; a material uses each name once.
            modulus: its one parameter in kPa, in healthy muscle.
        """
        values = modulus * self.stiffness

        def at_points(ts: Any, coors: np.ndarray, mode: str | None = None, **_: Any) -> Any:
            if mode != "qp":
                return None
            # SfePy wants the values at all quadrature points, element by element.
            return {"modulus": np.repeat(values, len(coors) // len(values))[:, None, None]}

        solid = Parameter(f"of_{name}", function=Function(f"at_{name}", at_points))
        arguments = {solid.name: solid, self.v.name: self.v, self.u.name: self.u}
        text = f"{name}({solid.name}.modulus, {self.v.name}, {self.u.name})"
        return Term.new(text, self.integral, self.region, **arguments)


@dataclass(frozen=True, kw_only=True)
class Material(ABC):
    """An isotropic incompressible material.

    The ring's equations are two-dimensional: they know the in-plane deformation ``F`` alone, with
    ``det F = c = 1 / lambda_z``. What a material makes of the out-of-plane stretch is written with
    it: the pressure of its two-dimensional terms, called scaled, belongs to a true cavity pressure.
    """

    name: ClassVar[str]

    def __post_init__(self) -> None:
        """Refuse constants that are not positive."""
        for entry in fields(self):
            value = getattr(self, entry.name)
            if not value > 0:
                raise ValueError(f"{entry.name} of {self.name} is {value}; it must be positive.")

    @abstractmethod
    def terms(self, wall: Wall) -> Term | Terms:
        """Terms of the balance: virtual work of the stress without its pressure part.

        Args:
            wall: where they live.
        """

    @abstractmethod
    def true_pressure(self, scaled: Number, lambda_z: Number) -> Number:
        """Cavity pressure in kPa.

        Args:
            scaled: that of the two-dimensional equations.
            lambda_z: out-of-plane stretch.
        """

    @abstractmethod
    def scaled_pressure(self, true: Number, lambda_z: Number) -> Number:
        """Inverse of :meth:`true_pressure`."""

    def record(self) -> dict[str, Any]:
        """Name and constants, ready for JSON."""
        return {"name": self.name, **asdict(self)}
