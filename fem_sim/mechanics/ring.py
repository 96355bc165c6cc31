"""SfePy model of a ring under cavity pressure, and the path from end-systole to end-diastole.

Quasi-static, incompressible neo-Hookean, Q2 displacement and Q1 pressure, total Lagrangian. The
balance of the undeformed (end-systolic) ring is

    int S(u) : dE + p-term + P int_endo v . J F^-T N + k int_epi v . u = 0,
    int q (J - c) = 0,

with the in-plane area change ``c = 1 / lambda_z`` (1 in plane strain). SfePy's neo-Hookean term is
isochoric, ``mu J^(-2/3)(tr C + 1)/2``; with ``J = c`` it gives the in-plane stress of the modulus
``mu c^(-2/3)``, so the balance is solved for the scaled pressure ``P c^(-2/3) lambda_z`` and scaled
back: ``P = P_scaled c^(2/3) / lambda_z``.
"""

from __future__ import annotations

import contextlib
import io
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from scipy.sparse.linalg import SuperLU, splu

with contextlib.redirect_stdout(io.StringIO()):  # SfePy names every optional package it misses
    from sfepy.base.base import output
    from sfepy.discrete import (
        Equation,
        Equations,
        FieldVariable,
        Function,
        Functions,
        Integral,
        Material,
        Problem,
    )
    from sfepy.discrete.fem import FEDomain, Field, Mesh
    from sfepy.terms import Term

from fem_sim.geometry.contours import RejectedSliceError
from fem_sim.geometry.mesh import RingMesh

QUADRATURE_ORDER = 4
FORCE_TOLERANCE_KPA_MM = 1e-3  # largest out-of-balance force a node; Newton overshoots it by far
AREA_TOLERANCE = 1e-8  # relative, of a prescribed cavity area
MAX_NEWTON = 12


class RingModel:
    """The discrete equations of one ring.

    Displacement degrees of freedom are numbered node by node, two components each; ``nodes`` maps
    the Q2 lattice of the mesh to them.

    Args:
        mesh: undeformed ring in mm.
        mu_kpa: shear modulus, one number or one an element.
        support: stiffness of springs on the epicardium in kPa / mm.
    """

    def __init__(
        self, mesh: RingMesh, mu_kpa: float | np.ndarray = 36.75, support: float = 0.0
    ) -> None:
        output.set_output(quiet=True)
        self.mesh = mesh
        self.support = support
        n_circ, n_rad = mesh.shape
        modulus = np.broadcast_to(np.asarray(mu_kpa, float), (n_circ * n_rad,)).copy()
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
        solid = Material(
            "solid",
            function=Function(
                "modulus",
                lambda ts, coors, mode=None, **_: (
                    {"mu": np.repeat(modulus, len(coors) // len(modulus))[:, None, None]}
                    if mode == "qp"
                    else None
                ),
            ),
        )
        neo = Term.new("dw_tl_he_neohook(solid.mu, v, u)", integral, omega, solid=solid, v=v, u=u)
        bulk = Term.new("dw_tl_bulk_pressure(v, u, p)", integral, omega, v=v, u=u, p=p)
        volume = Term.new("dw_tl_volume(q, u)", integral, omega, q=q, u=u)
        self._inner = _Assembly([Equation("balance", neo + bulk), Equation("volume", volume)])
        # SfePy does not fix the order of the unknowns.
        self.u, self.p = (self._inner.slices[name] for name in "up")
        w, z = _unknown_and_test("w", "z", field_u)
        unit = Material("unit", val=np.eye(2))
        load = Term.new(
            "dw_tl_surface_traction(unit.val, z, w)", integral, endo, unit=unit, z=z, w=w
        )
        self._load = _Assembly([Equation("load", load)])
        r, s = _unknown_and_test("r", "s", field_p)
        one = Material("one", val=1.0)
        mass = Term.new("dw_dot(one.val, s, r)", integral, omega, one=one, s=s, r=r)
        self._ones = _Assembly([Equation("ones", mass)]).residual(np.ones(self.n_p))
        self._springs = sp.csr_matrix((self.n_u, self.n_u))
        if support > 0:
            a, b = _unknown_and_test("a", "b", field_u)
            spring = Material("spring", val=float(support))
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


@dataclass(frozen=True)
class State:
    """An equilibrium.

    Attributes:
        x: degrees of freedom.
        pressure: scaled pressure in kPa.
        progress: cavity area change so far over that of the whole path, 0 at ES, 1 at ED.
        iterations: Newton iterations it took.
    """

    x: np.ndarray
    pressure: float
    progress: float
    iterations: int = 0


def solve_at_area(
    model: RingModel, start: State, area: float, area_change: float, progress: float
) -> State:
    """Equilibrium and pressure at a prescribed cavity area (bordered Newton).

    Args:
        model: the ring.
        start: first guess of degrees of freedom and pressure.
        area: cavity area in mm^2.
        area_change: in-plane area change c.
        progress: noted in the result.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x, pressure = start.x.copy(), start.pressure
    for iteration in range(MAX_NEWTON):
        try:
            r = model.residual(x, pressure, area_change)
        except ValueError as error:
            raise ArithmeticError("an element turned inside out") from error
        load = model.load(x)
        gap = model.cavity_area(x) - area
        if _converged(model, r, gap / area):
            return State(x, pressure, progress, iteration)
        solver = factorise(model.tangent(x, pressure)[model.free][:, model.free])
        column = np.zeros(len(x))
        column[model.u] = load
        both = solver.solve(np.stack([-r[model.free], -column[model.free]], axis=1))
        # The area changes by -load . du.
        share = -column[model.free] @ both
        change = (-gap - share[0]) / share[1]
        x[model.free] += both[:, 0] + change * both[:, 1]
        pressure += float(change)
    raise ArithmeticError("Newton's iteration did not converge at the prescribed area")


def solve_at_pressure(model: RingModel, start: State, pressure: float, area_change: float) -> State:
    """Equilibrium at a prescribed scaled pressure.

    Args:
        model: the ring.
        start: first guess; its progress is noted in the result.
        pressure: scaled pressure in kPa.
        area_change: in-plane area change c.

    Raises:
        ArithmeticError: if Newton's iteration does not converge.
    """
    x = start.x.copy()
    for iteration in range(MAX_NEWTON):
        try:
            r = model.residual(x, pressure, area_change)
        except ValueError as error:
            raise ArithmeticError("an element turned inside out") from error
        if _converged(model, r, 0.0):
            return State(x, pressure, start.progress, iteration)
        solver = factorise(model.tangent(x, pressure)[model.free][:, model.free])
        x[model.free] -= solver.solve(r[model.free])
    raise ArithmeticError("Newton's iteration did not converge at the prescribed pressure")


def inflation_path(model: RingModel, area_ratio: float, lambda_z: float = 1.0) -> list[State]:
    """Equilibria from the undeformed ring to the prescribed cavity area.

    Adaptive steps in area with a secant predictor; the out-of-plane stretch grows with the area,
    ``lambda(s) = 1 + s (lambda_z - 1)``.

    Args:
        model: the ring.
        area_ratio: cavity area at the end over that at the start.
        lambda_z: out-of-plane stretch at the end.

    Returns:
        States in the order of growing area; the first is undeformed.

    Raises:
        RejectedSliceError: code ``solver``, if the steps become too small.
    """
    area = model.cavity_area(np.zeros(model.n_u + model.n_p))
    path = [State(np.zeros(model.n_u + model.n_p), 0.0, 0.0)]
    step = 0.2
    while path[-1].progress < 1.0:
        progress = min(path[-1].progress + step, 1.0)
        guess = _secant(path, progress)
        target = area * (1 + progress * (area_ratio - 1))
        try:
            state = solve_at_area(
                model, guess, target, 1 / (1 + progress * (lambda_z - 1)), progress
            )
        except ArithmeticError as error:
            step /= 2
            if step < 1e-3:
                raise RejectedSliceError(
                    "solver",
                    f"no equilibrium beyond {100 * path[-1].progress:.1f} % of the area change to "
                    f"ratio {area_ratio:.2f}",
                ) from error
            continue
        path.append(state)
        if state.iterations <= 4:
            step *= 1.5
    return path


def quadratic_polygon_area(edge: np.ndarray) -> float:
    """Area inside a closed chain of quadratic edges (vertex, middle, vertex, middle, ...).

    Exact: ``1/2 int (x y' - y x')`` of a quadratic edge from ``a`` over ``m`` to ``b`` is
    ``(4 a x m + 4 m x b - a x b) / 6`` with the two-dimensional cross product.

    Args:
        edge: ``(2 n, 2)`` nodes.
    """
    a, m = edge[::2], edge[1::2]
    b = np.roll(a, -1, axis=0)

    def cross(p: np.ndarray, q: np.ndarray) -> np.ndarray:
        return p[:, 0] * q[:, 1] - p[:, 1] * q[:, 0]

    return float(np.sum(4 * cross(a, m) + 4 * cross(m, b) - cross(a, b)) / 6)


def factorise(matrix: sp.spmatrix) -> SuperLU:
    """Sparse LU with the ordering and pivoting that suit these symmetric indefinite matrices."""
    return splu(
        matrix.tocsc(),
        permc_spec="MMD_AT_PLUS_A",
        diag_pivot_thresh=0.0,
        options={"SymmetricMode": True},
    )


def _converged(model: RingModel, residual: np.ndarray, area_gap: float) -> bool:
    force = np.abs(residual[model.free]).max()
    return bool(force < FORCE_TOLERANCE_KPA_MM and abs(area_gap) < AREA_TOLERANCE)


def _secant(path: list[State], progress: float) -> State:
    last = path[-1]
    if len(path) == 1:
        return State(last.x, last.pressure, progress)
    before = path[-2]
    factor = (progress - last.progress) / (last.progress - before.progress)
    return State(
        last.x + factor * (last.x - before.x),
        last.pressure + factor * (last.pressure - before.pressure),
        progress,
    )


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
