"""SfePy model of a ring under cavity pressure.

Quasi-static, incompressible, Q2 displacement and Q1 pressure, total Lagrangian. The balance of the
undeformed (end-systolic) ring is

    int S(u) : dE + p-term + P int_endo v . J F^-T N + k int_epi v . u = 0,
    int q (J - c) = 0,

with the in-plane area change ``c = 1 / lambda_z`` (1 in plane strain). S and the meaning of P are
the material's, see :mod:`fem_sim.mechanics.materials`.
"""

from __future__ import annotations

import numpy as np
import scipy.sparse as sp

from fem_sim.geometry.mesh import RingMesh
from fem_sim.mechanics.lattice import quadratic_polygon_area
from fem_sim.mechanics.materials.base import Wall
from fem_sim.mechanics.materials.registry import Material, NeoHookean
from fem_sim.mechanics.parameters import SimulationParameters, element_stiffness
from fem_sim.mechanics.quiet_sfepy import (
    Equation,
    Equations,
    FEDomain,
    Field,
    FieldVariable,
    Function,
    Functions,
    Integral,
    Mesh,
    Parameter,
    Problem,
    Term,
    output,
)

QUADRATURE_ORDER = 4


class RingModel:
    """The discrete equations of one ring.

    Displacement degrees of freedom are numbered node by node, two components each; ``nodes`` maps
    the Q2 lattice of the mesh to them.

    Args:
        mesh: undeformed ring in mm.
        material: of healthy muscle; neo-Hookean by default.
        stiffness: ``(elements,)`` factor of its moduli, None for 1.
        support: stiffness of springs on the epicardium in kPa / mm.
    """

    def __init__(
        self,
        mesh: RingMesh,
        material: Material | None = None,
        *,
        stiffness: np.ndarray | None = None,
        support: float = 0.0,
    ) -> None:
        output.set_output(quiet=True)
        self.mesh = mesh
        self.material = NeoHookean() if material is None else material
        self.support = support
        n_circ, n_rad = mesh.shape
        factor = np.ones(n_circ * n_rad) if stiffness is None else stiffness
        vertices = mesh.vertices()
        cells = mesh.cells().astype(np.int32)
        domain = FEDomain(
            "ring",
            Mesh.from_data(
                "ring", vertices, None, [cells], [np.zeros(len(cells), np.int32)], ["2_4"]
            ),
        )
        omega = domain.create_region("Omega", "all")
        inner = np.arange(0, len(vertices), n_rad + 1)
        endo = _boundary(domain, "Endo", inner)
        epi = _boundary(domain, "Epi", inner + n_rad)
        field_u = Field.from_args("displacement", np.float64, "vector", omega, approx_order=2)
        field_p = Field.from_args("pressure", np.float64, "scalar", omega, approx_order=1)
        self.n_u, self.n_p = 2 * field_u.n_nod, field_p.n_nod
        self.nodes = _lattice_nodes(field_u.get_econn("cell", omega), n_circ, n_rad)
        self.reference = mesh.lattice()

        integral = Integral("i", order=QUADRATURE_ORDER)
        u, v = _unknown_and_test("u", "v", field_u)
        p, q = _unknown_and_test("p", "q", field_p)
        # The material's terms give the stress without its pressure part; that, -p J C^-1, and the
        # condition on J are terms of their own, so that J is exact in the mean of every element.
        stress = self.material.terms(Wall(omega, integral, v, u, factor))
        bulk = Term.new("dw_tl_bulk_pressure(v, u, p)", integral, omega, v=v, u=u, p=p)
        volume = Term.new("dw_tl_volume(q, u)", integral, omega, q=q, u=u)
        self._inner = _Assembly([Equation("balance", stress + bulk), Equation("volume", volume)])
        # SfePy does not fix the order of the unknowns.
        self.u, self.p = (self._inner.slices[name] for name in "up")
        w, z = _unknown_and_test("w", "z", field_u)
        unit = Parameter("unit", val=np.eye(2))
        load = Term.new(
            "dw_tl_surface_traction(unit.val, z, w)", integral, endo, unit=unit, z=z, w=w
        )
        self._load = _Assembly([Equation("load", load)])
        r, s = _unknown_and_test("r", "s", field_p)
        one = Parameter("one", val=1.0)
        mass = Term.new("dw_dot(one.val, s, r)", integral, omega, one=one, s=s, r=r)
        self._ones = _Assembly([Equation("ones", mass)]).residual(np.ones(self.n_p))
        self._springs = sp.csr_matrix((self.n_u, self.n_u))
        if support > 0:
            a, b = _unknown_and_test("a", "b", field_u)
            spring = Parameter("spring", val=float(support))
            term = Term.new("dw_dot(spring.val, b, a)", integral, epi, spring=spring, b=b, a=a)
            self._springs = _Assembly([Equation("springs", term)]).tangent(np.zeros(self.n_u))
        self.free = np.setdiff1d(np.arange(self.n_u + self.n_p), self.u.start + self._pins())

    def _pins(self) -> np.ndarray:
        """Three degrees of freedom that take out the rigid motion of an unsupported ring."""
        if self.support > 0:
            return np.empty(0, int)
        first = self.nodes[0, 0]
        opposite = self.nodes[self.nodes.shape[0] // 2, 0]
        span = np.abs(self.reference[0, 0] - self.reference[self.nodes.shape[0] // 2, 0])
        across = int(np.argmin(span))
        return np.array([2 * first, 2 * first + 1, 2 * opposite + across])

    def residual(self, x: np.ndarray, pressure: float, area_change: float) -> np.ndarray:
        """Out-of-balance vector of a state, in all degrees of freedom.

        Args:
            x: displacement and pressure degrees of freedom.
            pressure: scaled cavity pressure in kPa.
            area_change: in-plane area change c.

        Raises:
            ValueError: if an element is turned inside out.
        """
        r = self._inner.residual(x)
        r[self.u] += pressure * self.load(x) + self._springs @ x[self.u]
        r[self.p] -= area_change * self._ones
        return r

    def load(self, x: np.ndarray) -> np.ndarray:
        """Residual of a unit cavity pressure, minus the derivative of the cavity area."""
        return self._load.residual(x[self.u])

    def tangent(self, x: np.ndarray, pressure: float) -> sp.csr_matrix:
        """Derivative of the residual; call :meth:`residual` at the same state first."""
        stiffness = (pressure * self._load.tangent(x[self.u]) + self._springs).tocoo()
        shape = (self.n_u + self.n_p,) * 2
        rows, columns = stiffness.row + self.u.start, stiffness.col + self.u.start
        outer = sp.coo_matrix((stiffness.data, (rows, columns)), shape)
        return (self._inner.tangent(x) + outer).tocsr()

    def positions(self, x: np.ndarray) -> np.ndarray:
        """Deformed Q2 lattice ``(2 n_circ, 2 n_rad + 1, 2)`` in mm."""
        return self.reference + x[self.u].reshape(-1, 2)[self.nodes]

    def cavity_area(self, x: np.ndarray) -> float:
        """Area inside the deformed endocardium (exact for its quadratic edges)."""
        return quadratic_polygon_area(self.positions(x)[:, 0])


def ring_model(mesh: RingMesh, parameters: SimulationParameters) -> RingModel:
    """The ring with the material, the scar and the support that it is simulated with."""
    return RingModel(
        mesh,
        parameters.material,
        stiffness=element_stiffness(mesh, parameters.scar),
        support=parameters.support,
    )


class _Assembly:
    """Equations with their state and matrix graph, evaluated without boundary conditions."""

    def __init__(self, equations: list[Equation]) -> None:
        self.equations = Equations(equations)
        problem = Problem("assembly", equations=self.equations, active_only=False)
        problem.time_update()
        problem.update_materials()
        self.equations.variables.init_state()
        self.matrix = self.equations.create_matrix_graph(active_only=False)
        self.slices: dict[str, slice] = dict(self.equations.variables.di.indx)

    def residual(self, x: np.ndarray) -> np.ndarray:
        return np.array(self.equations.eval_residuals(x))

    def tangent(self, x: np.ndarray) -> sp.csr_matrix:
        return self.equations.eval_tangent_matrices(x, self.matrix)


def _boundary(domain: FEDomain, name: str, vertices: np.ndarray) -> object:
    chosen = Function(name.lower(), lambda coors, domain=None: vertices)
    return domain.create_region(
        name, f"vertices by {name.lower()}", "facet", functions=Functions([chosen])
    )


def _unknown_and_test(unknown: str, test: str, field: Field) -> tuple[FieldVariable, FieldVariable]:
    return (
        FieldVariable(unknown, "unknown", field),
        FieldVariable(test, "test", field, primary_var_name=unknown),
    )


def _lattice_nodes(connectivity: np.ndarray, n_circ: int, n_rad: int) -> np.ndarray:
    """SfePy node of each point of the Q2 lattice; local order: vertices, edges, middle."""
    nodes = np.empty((2 * n_circ, 2 * n_rad + 1), int)
    i, j = np.divmod(np.arange(n_circ * n_rad), n_rad)
    places = [(0, 0), (0, 2), (2, 2), (2, 0), (0, 1), (1, 2), (2, 1), (1, 0), (1, 1)]
    for local, (di, dj) in enumerate(places):
        nodes[(2 * i + di) % (2 * n_circ), 2 * j + dj] = connectivity[:, local]
    return nodes
