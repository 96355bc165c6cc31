"""Claims about the verification: verdicts, report, exit status, and its fast measurements."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fem_sim.claims import (
    Claim,
    at_least,
    at_most,
    below,
    broken,
    exit_status,
    not_run,
    summary,
    write_report,
)
from fem_sim.files import OutputError
from fem_sim.geometry.contours import contours_from_labels
from fem_sim.geometry.mesh import ring_mesh
from fem_sim.verify import command as verify
from fem_sim.verify import outside as verify_outside
from fem_sim.verify import robustness as verify_robustness
from fem_sim.verify import speed as verify_speed
from fem_sim.verify.equations import patch_claims, tangent_claims
from fem_sim.verify.rings import (
    angle_degrees,
    best_rotation,
    relative_l2,
    round_contours,
    without_rigid_motion,
)
from fem_sim.verify.solver import cylinder_claims


def _options(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    verify.add_arguments(parser)
    return parser.parse_args(words)


def _only(monkeypatch: pytest.MonkeyPatch, *claims: Claim) -> None:
    monkeypatch.setattr(verify, "groups", lambda reference, quick: [("some", lambda: claims)])


def test_thresholds_are_strict_only_where_they_say_so() -> None:
    assert below("a", 1.0, 1.0).passed is False
    assert at_most("a", 1.0, 1.0).passed is True
    assert at_least("a", 1.0, 1.0).passed is True
    assert at_least("a", 0.99, 1.0).passed is False
    assert below("a", 0.5, 1.0).threshold == "< 1"


@pytest.mark.parametrize("judge", [below, at_most, at_least])
@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_no_number_fails_and_is_valid_json(judge, value) -> None:
    claim = judge("a", value, 1.0)
    assert claim.passed is False
    assert claim.value is None
    assert str(value) in claim.note


def test_lines_carry_verdict_value_threshold_and_reason() -> None:
    line = below("error of the pressure", 0.25, 0.5, "kPa").line()
    assert line.split() == ["PASS", "error", "of", "the", "pressure", "0.25", "kPa", "<", "0.5"]
    assert below("error", 0.75, 0.5).line().startswith("FAIL ")
    skipped = not_run("time", "<= 3", "the machine is busy").line()
    assert skipped.startswith("NOT RUN")
    assert skipped.endswith("the machine is busy")


def test_only_failures_make_the_exit_status_one() -> None:
    good, bad, skipped = below("a", 0, 1), below("b", 2, 1), not_run("c", "< 1", "quick")
    assert exit_status([good, skipped]) == 0
    assert exit_status([good, bad, skipped]) == 1
    assert summary([good, bad, skipped]) == "1 PASS, 1 FAIL, 1 NOT RUN"


def test_report_holds_every_claim_and_the_circumstances(tmp_path: Path) -> None:
    claims = [below("a", 0.5, 1.0, "mm", "how"), not_run("b", "< 1", "why")]
    write_report(tmp_path / "report.json", claims, verify.circumstances())
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["claims"][0] == {
        "claim": "a",
        "value": 0.5,
        "unit": "mm",
        "threshold": "< 1",
        "passed": True,
        "note": "how",
    }
    assert report["claims"][1]["passed"] is None
    assert report["machine"]["cores"] >= 1
    assert report["machine"]["cpu"]
    assert report["versions"]["numpy"] == np.__version__
    assert report["seed"] == verify.SEED
    assert [p.name for p in tmp_path.iterdir()] == ["report.json"]


def test_command_prints_writes_and_returns_one_if_a_claim_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = tmp_path / "new" / "report.json"
    _only(monkeypatch, below("small", 2.0, 1.0), below("other", 0.0, 1.0))
    assert verify.run(_options("--output", str(output))) == 1
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines[:2]] == ["FAIL", "PASS"]
    assert [c["passed"] for c in json.loads(output.read_text())["claims"]] == [False, True]
    _only(monkeypatch, not_run("time", "<= 3", "quick"))
    assert verify.run(_options("--output", str(output), "--quick")) == 0


def test_unusable_output_is_refused_before_measuring(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def measured(*_: object, **__: object) -> None:
        raise AssertionError("measured although the report cannot be written")

    monkeypatch.setattr(verify, "groups", measured)
    (tmp_path / "file").write_text("")
    for output in (tmp_path, tmp_path / "file" / "report.json"):
        with pytest.raises(OutputError, match="cannot be"):
            verify.run(_options("--output", str(output)))


def test_an_error_fails_its_group_and_leaves_the_others() -> None:
    def torn() -> Iterator[Claim]:
        yield below("first", 0, 1)
        raise ArithmeticError("no equilibrium")

    claims = list(verify.measure([("torn", torn), ("whole", lambda: [below("last", 0, 1)])]))
    assert [c.passed for c in claims] == [True, False, True]
    assert claims[1] == broken("torn", ArithmeticError("no equilibrium"))
    assert "no equilibrium" in claims[1].note


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
    assert [c.passed for c in claims] == [True, True]


def test_patch_test_is_exact() -> None:
    claims = list(patch_claims())
    assert [c.passed for c in claims] == [True, True]


def test_tangents_are_the_derivatives_of_the_residual() -> None:
    claims = list(tangent_claims(1))
    assert len(claims) == 6
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
