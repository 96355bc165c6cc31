"""The measurements behind the claims about inference measure what they say."""

from __future__ import annotations

import math
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch

from fem_sim.mechanics.parameters import SimulationParameters
from fem_sim.verify.rings import round_contours
from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import analyse
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.transforms.save_motion import write_study as write_study_results
from tests.support.analytic import ring_contraction
from tests.support.studies import write_study
from tools.verify.inference.command import groups
from tools.verify.inference.elements import PARTS, WALL, element_strain, lattices, true_contours
from tools.verify.inference.fields import inverse_claims, warp_claims
from tools.verify.inference.formats import gap, table_gap
from tools.verify.inference.runs import time_claims
from tools.verify.inference.strain import analytic_means, ring_strain


@pytest.mark.slow
def test_elements_of_a_round_ring_have_the_analytic_strain() -> None:
    inner, outer, ratio = 17.0, 28.0, 2.0
    parameters = SimulationParameters(area_ratio=ratio, levels=5)
    drop = np.pi * inner**2 * (ratio - 1)  # what every circle of an incompressible ring loses
    edges = [np.sqrt(radius**2 + drop / np.pi) for radius in (inner, outer)]
    start, end = lattices(round_contours(inner, outer), parameters)
    found = element_strain(start, end)
    thirds = np.linspace(*edges, 4)
    limits = dict(zip(PARTS, [edges, *pairwise(thirds)], strict=True))
    for part, (low, high) in limits.items():
        expected = analytic_means(low, high, drop, 0.0)
        # Samples lie within thirds or not, which tells at their edges.
        near = 0.05 if part == WALL else 0.15
        own = [found[part][key] for key in ("ecc", "err", "erc")]
        assert own == pytest.approx(expected, abs=near)
        assert found[part]["jacobian"] == pytest.approx(1, abs=2e-3)
    assert found[WALL]["ecc"] < -12 and found[WALL]["err"] > 20
    outline = true_contours(start)
    for contour, radius in zip((outline.endo, outline.epi), edges, strict=True):
        assert np.hypot(*(contour - contour.mean(0)).T) == pytest.approx(radius, abs=0.06)


def test_mean_strain_of_thin_rings_is_that_of_their_radius() -> None:
    radius, drop = 30.0, 400.0
    new = np.sqrt(radius**2 - drop / np.pi)
    ecc, err, erc = analytic_means(radius - 0.01, radius + 0.01, drop, 0.0)
    assert ecc == pytest.approx(50 * ((new / radius) ** 2 - 1), abs=1e-4)
    assert err == pytest.approx(50 * ((radius / new) ** 2 - 1), abs=1e-4)
    assert erc == 0
    slope = np.deg2rad(5) / 10
    _, err, erc = analytic_means(25, 35, 0.0, 5.0)
    assert err == pytest.approx(50 * slope**2 * 30.28**2, rel=1e-2)
    assert erc == pytest.approx(-50 * slope * 30.28, rel=1e-2)


def test_table_of_strains_agrees_with_the_formula_and_not_with_another_motion() -> None:
    ring = (22.0, 32.0, 400.0, 6.0)
    found = ring_strain(np.array([40.4, 41.1]), 1.5, *ring)
    assert found == pytest.approx(analytic_means(*ring), abs=0.2)
    assert abs(found[0] - analytic_means(22.0, 32.0, 300.0, 6.0)[0]) > 1


def tracked(folder: Path, inverse_scale: float, sign: float = 1.0) -> list[tuple[Cine, Path]]:
    """A drawn study with a known motion and an inverse that is right for a scale of 1."""
    write_study(folder / "ring", frames=2)
    study = {**find_studies(folder / "ring")[0], "label_coding": "internal"}
    cine = read_cine(study, "internal")
    field = torch.zeros(2, 2, 2, 96, 96)
    axis = (torch.arange(96) - 47.5) * 1.5
    x = torch.stack(torch.meshgrid(axis, axis, indexing="ij"))
    fade = torch.exp(-((x.norm(dim=0) / 45) ** 4))
    field[:, 1] = torch.from_numpy(ring_contraction(area_drop=300.0)).float() * fade
    from myomotion.analysis.motion import inverse_displacement

    inverse = inverse_scale * inverse_displacement(field, 1.5)
    result = analyse(working_slices(cine), sign * field, inverse)
    write_study_results(folder / "motion" / "ring", result, report=False)
    return [(cine, folder / "motion" / "ring")]


@pytest.mark.slow
def test_way_back_is_accepted_and_a_wrong_one_is_not(tmp_path: Path) -> None:
    assert all(claim.passed for claim in inverse_claims(tracked(tmp_path / "a", 1.0)))
    assert not any(claim.passed for claim in inverse_claims(tracked(tmp_path / "b", 0.8)))


@pytest.mark.slow
def test_field_that_other_software_applies_otherwise_is_not_accepted(tmp_path: Path) -> None:
    pytest.importorskip("SimpleITK", reason="SimpleITK is not installed")
    (cine, folder), *_ = tracked(tmp_path / "a", 1.0)
    assert all(claim.passed for claim in warp_claims([(cine, folder)]))
    other = tracked(tmp_path / "b", 1.0, sign=-1.0)[0][1]
    (other / "warped.nii.gz").unlink()
    (folder / "warped.nii.gz").rename(other / "warped.nii.gz")
    assert not any(claim.passed for claim in warp_claims([(cine, other)]))


def test_differences_are_found_at_any_depth(tmp_path: Path) -> None:
    first = {"a": [1.0, {"b": 2.0}], "c": "x", "d": None}
    assert gap(first, {"a": [1.0, {"b": 2.0}], "c": "x", "d": None}) == 0
    assert gap(first, {"a": [1.5, {"b": 1.75}], "c": "x", "d": None}) == 0.5
    for other in ({**first, "c": "y"}, {**first, "d": 1.0}, {"a": first["a"]}, {**first, "a": []}):
        assert gap(first, other) == math.inf
    for name, text in (("a", "n,v\n0,1.25\n"), ("b", "n,v\n0,1.5\n"), ("c", "n,v\n0,\n")):
        (tmp_path / name).write_text(text)
    assert table_gap(tmp_path / "a", tmp_path / "b") == 0.25
    assert table_gap(tmp_path / "a", tmp_path / "c") == math.inf


def test_study_of_another_size_is_not_timed(tmp_path: Path) -> None:
    (claim,) = time_claims(tmp_path / "x", (80, 72, 2, 4), tmp_path)
    assert claim.passed is None and "2 levels x 4 frames" in claim.note


def test_groups_are_those_of_the_data_given(tmp_path: Path) -> None:
    strain = ["strain, analytic", "strain, virtual", "strain, true fields", "rotation"]
    without = groups(None, tmp_path)
    assert list(without) == ["real cines", *strain]
    (claim,) = without["real cines"]()
    assert claim.passed is None and claim.note == "no folder given"
    real = ["time", "fields", "formats", "thickening", "known turn"]
    assert list(groups(tmp_path, tmp_path)) == [*real, *strain]
