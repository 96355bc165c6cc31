"""What the simulator uses of SfePy, imported without the list of optional packages it misses."""

from __future__ import annotations

import contextlib
import io

with contextlib.redirect_stdout(io.StringIO()):
    from sfepy.base.base import output
    from sfepy.discrete import (
        Equation,
        Equations,
        FieldVariable,
        Function,
        Functions,
        Integral,
        PolySpace,
        Problem,
    )
    from sfepy.discrete import Material as Parameter
    from sfepy.discrete.common.region import Region
    from sfepy.discrete.fem import FEDomain, Field, Mesh
    from sfepy.discrete.fem.geometry_element import GeometryElement
    from sfepy.terms import Term, Terms, register_term
    from sfepy.terms.terms_hyperelastic_tl import HyperElasticTLBase

__all__ = [
    "Equation",
    "Equations",
    "FEDomain",
    "Field",
    "FieldVariable",
    "Function",
    "Functions",
    "GeometryElement",
    "HyperElasticTLBase",
    "Integral",
    "Mesh",
    "Parameter",
    "PolySpace",
    "Problem",
    "Region",
    "Term",
    "Terms",
    "output",
    "register_term",
]
