"""The verification of the simulator: its command and its fast measurements."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from fem_sim.__main__ import main
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.mechanics.materials.registry import MATERIALS
from fem_sim.population.kinds import KINDS
from fem_sim.population.subjects import draw_subject
from fem_sim.verify import outside as verify_outside
from fem_sim.verify import robustness as verify_robustness
from fem_sim.verify import speed as verify_speed
from fem_sim.verify.equations import patch_claims, tangent_claims
from fem_sim.verify.phantom import cavity_areas, cavity_claims
from fem_sim.verify.rings import (
    angle_degrees,
    best_rotation,
    relative_l2,
    round_contours,
    slices_of_every_kind,
    without_rigid_motion,
)
from fem_sim.verify.solver import cylinder_claims
from myomotion.core.wall.contours import contours_from_labels


def test_command_measures_the_groups_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "report.json"
    options = ["verify", "--output", str(output), "--only", "speed", "patch test", "--quick"]
    assert main(options) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["NOT", "NOT", "NOT", "PASS", "PASS", "2"]
    report = json.loads(output.read_text())
    assert [c["passed"] for c in report["claims"]] == [None] * 3 + [True] * 2
    assert report["seed"] == 0


def test_wrong_group_and_unusable_output_end_with_one_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    output = ["verify", "--output", str(tmp_path / "report.json")]
    assert main([*output, "--only", "patch"]) == 1
    assert capsys.readouterr().err.startswith("error: --only patch: no such group. Use speed,")
    assert main(["verify", "--output", str(tmp_path)]) == 2
    assert capsys.readouterr().err.startswith("error: ")


def test_what_is_absent_is_not_run_with_the_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (claim,) = verify_outside.authors_claims(None)
    assert claim.passed is None
    assert "--reference" in claim.note
    (claim,) = verify_outside.authors_claims(tmp_path)
    assert claim.passed is None
    assert "001_slice_05_ED.npy" in claim.note
    monkeypatch.setattr(verify_outside, "find_spec", lambda name: None)
    (claim,) = verify_outside.felupe_claims(0)
    assert claim.passed is None
    assert "not installed" in claim.note


def test_timing_is_left_out_when_quick_or_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    quick = list(verify_speed.speed_claims(0, quick=True))
    assert [c.passed for c in quick] == [None] * 3
    assert {c.note for c in quick} == {"quick"}
    monkeypatch.setattr(verify_speed.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(verify_speed.os, "getloadavg", lambda: (3.0, 0.0, 0.0))
    busy = list(verify_speed.speed_claims(0, quick=False))
    assert {c.passed for c in busy} == {None}
    assert "load 3.00" in busy[0].note


def test_cylinder_agrees_with_the_analytic_solution() -> None:
    claims = list(cylinder_claims((2.0,)))
    assert len(claims) == 2 * len(MATERIALS)
    assert all(c.passed for c in claims), [c.line() for c in claims]


def test_patch_test_is_exact() -> None:
    claims = list(patch_claims())
    assert [c.passed for c in claims] == [True, True]


@pytest.mark.slow
def test_tangents_are_the_derivatives_of_the_residual() -> None:
    claims = list(tangent_claims(1))
    assert len(claims) == 5 * len(MATERIALS) + 1
    assert all(c.passed for c in claims), [c.line() for c in claims]


@pytest.mark.parametrize("name", list(verify_robustness.impossible_maps()))
def test_maps_without_a_ring_are_rejected_for_the_right_reason(name: str) -> None:
    labels, code = verify_robustness.impossible_maps()[name]
    assert verify_robustness.rejection_code(labels) == code


def test_a_good_ring_is_not_rejected() -> None:
    labels = verify_robustness.draw_hard_ring(np.random.default_rng(0))
    assert verify_robustness.rejection_code(labels) == "accepted"


def test_hard_rings_are_rings_with_walls_of_at_least_one_voxel() -> None:
    for number in range(20):
        labels = verify_robustness.draw_hard_ring(np.random.default_rng(number))
        assert set(np.unique(labels)) == {0, 1, 2}
        contours = contours_from_labels(labels, 1.0)
        wall = np.linalg.norm(contours.epi - contours.endo, axis=1)
        assert wall.min() > 0.8
        assert labels[[0, -1]].max() == labels[:, [0, -1]].max() == 0


def test_rigid_motion_is_no_displacement() -> None:
    points = np.random.default_rng(0).normal(size=(30, 2))
    angle = np.deg2rad(20)
    turn = np.array([[np.cos(angle), np.sin(angle)], [-np.sin(angle), np.cos(angle)]])
    moved = points @ turn + np.array([3.0, -1.0])
    assert np.abs(without_rigid_motion(points, moved)).max() < 1e-12
    assert angle_degrees(best_rotation(points, moved)) == pytest.approx(-20)
    assert relative_l2(1.1 * points, points) == pytest.approx(0.1)


def test_biquadratic_cells_have_their_nodes_in_the_middle() -> None:
    mesh = ring_mesh(round_contours(10.0, 16.0), 12, 2)
    numbers, cells = verify_outside.biquadratic_cells(mesh)
    points = np.empty((numbers.size, 2))
    points[numbers] = mesh.lattice()
    corners, middles = points[cells[:, :4]], points[cells[:, 4:8]]
    np.testing.assert_allclose(middles, (corners + np.roll(corners, -1, axis=1)) / 2)
    np.testing.assert_allclose(points[cells[:, 8]], corners.mean(1))
    assert cells[:, :4].max() + 1 == 12 * 3
    assert sorted(np.unique(cells)) == list(range(numbers.size))


def test_every_kind_has_its_first_subjects() -> None:
    slices = slices_of_every_kind(3, 2, "paper")
    count = Counter(one.kind for one in slices)
    assert count == dict.fromkeys(KINDS, 2 * 3)
    first = draw_subject("paper", 3, 0)
    assert [one.shape for one in slices[:3]] == [one.shape for one in first]


def test_areas_of_a_cavity_are_those_of_its_contour_and_of_its_voxels() -> None:
    radii = np.array([20.0, 10.0])
    endo = np.stack([round_contours(radius, 30.0).endo for radius in radii])
    labels = np.zeros((4, 1, 60, 60), np.uint8)
    labels[0, 0, :20, :20], labels[2, 0, :10, :10] = 1, 1
    labels[:, 0, 40:] = 2
    cine: Any = SimpleNamespace(labels=labels, es_frame=2, spacing=1.5)
    cycle: Any = SimpleNamespace(endo=endo)
    solved, seen = cavity_areas(cine, [cycle])
    np.testing.assert_allclose(solved[:, 0], np.pi * radii**2, rtol=1e-3)
    np.testing.assert_allclose(seen[:, 0], [900, 225])


@pytest.mark.slow
def test_the_cavity_of_a_weak_heart_shrinks_by_its_labels_as_in_the_elements() -> None:
    claims = list(cavity_claims(0, ["dilated"]))
    assert [claim.unit for claim in claims] == ["%", "points"]
    assert all(claim.passed for claim in claims), [claim.line() for claim in claims]
