"""Claims about materials: analytic cylinders, one more in one file, refusals."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from fem_sim.dataset import simulate_dataset
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.cycle import Cycle, simulate_cycle
from fem_sim.mechanics.materials.registry import (
    MATERIALS,
    Demiray,
    Material,
    NeoHookean,
    material_named,
)
from fem_sim.mechanics.parameters import Scar, SimulationParameters
from fem_sim.mechanics.path import inflation_path
from fem_sim.mechanics.ring import RingModel
from fem_sim.verify.cylinder import inflation_pressure
from fem_sim.verify.equations import tangent_claims
from fem_sim.verify.rings import equivalent_radii, round_contours
from fem_sim.verify.solver import shear_modulus

RADII = 16.0, 27.0

MOONEY_RIVLIN = """
from dataclasses import dataclass
from typing import ClassVar

from fem_sim.mechanics.materials.base import Material


@dataclass(frozen=True, kw_only=True)
class MooneyRivlin(Material):
    name: ClassVar[str] = "mooney-rivlin"
    mu_kpa: float = 12.0
    kappa_kpa: float = 8.0

    def terms(self, wall):
        first = wall.term("dw_tl_he_neohook", self.mu_kpa)
        return first + wall.term("dw_tl_he_mooney_rivlin", self.kappa_kpa)

    def true_pressure(self, scaled, lambda_z):
        true = self.mu_kpa + self.kappa_kpa * lambda_z**2
        flat = self.mu_kpa * lambda_z ** (2 / 3) + self.kappa_kpa * lambda_z ** (4 / 3)
        return scaled * true / flat / lambda_z

    def scaled_pressure(self, true, lambda_z):
        return true / self.true_pressure(1.0, lambda_z)
"""


@pytest.fixture
def mooney_rivlin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Material]]:
    """A material of SfePy's own terms in a file of its own, registered in one line."""
    path = tmp_path / "mooney_rivlin.py"
    path.write_text(MOONEY_RIVLIN)
    spec = importlib.util.spec_from_file_location("mooney_rivlin", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "mooney_rivlin", module)
    spec.loader.exec_module(module)
    monkeypatch.setitem(MATERIALS, module.MooneyRivlin.name, module.MooneyRivlin)
    yield module.MooneyRivlin


@pytest.mark.slow
@pytest.mark.parametrize("name", MATERIALS)
@pytest.mark.parametrize("lambda_z", [1.0, 1.25])
def test_a_stretched_cylinder_has_its_analytic_pressure(name: str, lambda_z: float) -> None:
    material, contours = material_named(name), round_contours(*RADII)
    inner, outer = equivalent_radii(contours)
    state = inflation_path(RingModel(ring_mesh(contours), material), 1.8, lambda_z)[-1]
    modulus = shear_modulus(material)
    assert modulus is not None
    exact = inflation_pressure(inner, outer, 1.8, modulus, lambda_z)
    assert material.true_pressure(state.pressure, lambda_z) == pytest.approx(exact, rel=2e-5)


def neo_hookean_pressure(inner: float, outer: float, ratio: float, mu: float) -> float:
    """Closed form in plane strain: ``P = mu { ln(B a / (A b)) + (c / 2) (1 / a^2 - 1 / b^2) }``.

    ``A`` and ``B`` are the undeformed radii, ``a^2 = A^2 + c`` and ``b^2 = B^2 + c`` the deformed.
    """
    c = inner**2 * (ratio - 1)
    a, b = np.sqrt(inner**2 + c), np.sqrt(outer**2 + c)
    return float(mu * (np.log(outer * a / (inner * b)) + c / 2 * (1 / a**2 - 1 / b**2)))


def test_the_neo_hookean_pressure_has_a_closed_form() -> None:
    for ratio in (1.2, 2.0, 3.0):
        integral = inflation_pressure(*RADII, ratio, lambda i1: 36.75)
        assert integral == pytest.approx(neo_hookean_pressure(*RADII, ratio, 36.75), rel=1e-10)


@pytest.mark.parametrize("name", MATERIALS)
def test_the_scaled_pressure_is_the_inverse_of_the_true_one(name: str) -> None:
    material = material_named(name)
    stretch = np.array([0.8, 1.0, 1.3])
    there = material.true_pressure(np.array([3.0, 3.0, 3.0]), stretch)
    np.testing.assert_allclose(material.scaled_pressure(there, stretch), 3.0, rtol=1e-12)
    assert there[1] == 3.0


def _moved(material: Material, **more: Any) -> Cycle:
    """An oval ring, which materials move differently."""
    chosen: dict[str, Any] = {"area_ratio": 1.8, "lambda_z": 1.15, "levels": 3, **more}
    parameters = SimulationParameters(material=material, **chosen)
    return simulate_cycle(round_contours(14.0, 24.0, 0.06), parameters, size=72)


@pytest.mark.slow
def test_the_exponential_without_growth_is_the_neo_hookean() -> None:
    plain = _moved(NeoHookean(mu_kpa=20.0))
    alike = _moved(Demiray(a_kpa=20.0, b=1e-7))
    other = _moved(Demiray(a_kpa=20.0, b=2.0))
    assert np.abs(alike.displacement - plain.displacement).max() < 0.002  # mm, of the mesh
    np.testing.assert_allclose(alike.pressure_kpa, plain.pressure_kpa, atol=2e-4)
    assert np.abs(other.displacement[-1] - plain.displacement[-1]).max() > 0.1
    assert other.pressure_kpa[0] > 1.2 * plain.pressure_kpa[0]
    assert other.area_ratio[0] == pytest.approx(1.8, rel=1e-6)


def test_a_material_that_grows_beyond_all_numbers_is_still_solved() -> None:
    scar = Scar(angle=30.0, width=90.0, stiffness=5.0)
    cycle = _moved(Demiray(b=8.023), area_ratio=2.5, scar=scar)
    assert cycle.area_ratio[0] == pytest.approx(2.5, rel=1e-6)
    assert np.isfinite(cycle.displacement).all()


@pytest.mark.slow
def test_a_material_in_one_file_simulates_a_ring(mooney_rivlin: type[Material]) -> None:
    # At one out-of-plane stretch the second invariant is a function of the first, so the ring moves
    # as a neo-Hookean one; on the way its modulus grows with the stretch, and levels come earlier.
    here, there = _moved(mooney_rivlin()), _moved(NeoHookean())
    apart = np.abs(here.displacement[-1] - there.displacement[-1]).max()
    assert apart < 0.002  # mm, of the mesh
    share = (12.0 + 8.0 * 1.15**2) / 36.75
    assert here.pressure_kpa[0] == pytest.approx(share * there.pressure_kpa[0], rel=1e-4)


@pytest.mark.slow
def test_a_registered_material_is_simulated_verified_and_noted(
    mooney_rivlin: type[Material], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = tmp_path / "cycles"
    simulate_dataset(output, count=1, levels=3, material="mooney-rivlin", progress=False)
    record = Cycle.load(output / "s00000_basal.npz").provenance["parameters"]["material"]
    assert record == {"name": "mooney-rivlin", "mu_kpa": 12.0, "kappa_kpa": 8.0}
    with pytest.raises(ValueError, match="material was 'mooney-rivlin', now None"):
        simulate_dataset(output, count=1, levels=3, progress=False)
    for name in set(MATERIALS) - {"mooney-rivlin"}:
        monkeypatch.delitem(MATERIALS, name)
    claims = list(tangent_claims(0))
    assert len([claim for claim in claims if "mooney-rivlin" in claim.claim]) == 5
    assert all(claim.passed for claim in claims), [claim.line() for claim in claims]


def test_constants_that_mean_nothing_and_unknown_names_are_refused() -> None:
    with pytest.raises(ValueError, match="b of demiray is 0"):
        Demiray(b=0)
    with pytest.raises(ValueError, match="mu_kpa of neo-hookean is -1"):
        NeoHookean(mu_kpa=-1)
    with pytest.raises(ValueError, match="material 'rubber' is unknown"):
        material_named("rubber")
