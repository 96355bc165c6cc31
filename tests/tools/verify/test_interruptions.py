"""Inference that is killed, crowded, out of room or not let in: small versions of the claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.verify.robustness.kills import (
    Undisturbed,
    kill_claims,
    two_runs_claims,
    undisturbed,
)
from tools.verify.robustness.places import full_disk_claims, read_only_claims

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """A run that nobody disturbs."""
    return undisturbed(tmp_path_factory.mktemp("alone"))


def test_killed_runs_leave_nothing_damaged_and_finish(alone: Undisturbed, tmp_path: Path) -> None:
    killed, *others = kill_claims(alone, tmp_path, seed=1, starts=4)
    assert killed.value == 4
    assert [(claim.value, claim.note) for claim in others if not claim.passed] == []


def test_two_runs_at_once_both_finish_with_whole_results(
    alone: Undisturbed, tmp_path: Path
) -> None:
    (claim,) = two_runs_claims(alone, tmp_path)
    assert claim.passed, claim.note


def test_full_disk_costs_nothing_that_is_finished(alone: Undisturbed, tmp_path: Path) -> None:
    (claim,) = full_disk_claims(alone, tmp_path, shares=(0.5,))
    if claim.passed is None:
        pytest.skip(claim.note)
    assert claim.passed, claim.note


def test_read_only_output_is_refused_and_read_only_inputs_are_read(
    alone: Undisturbed, tmp_path: Path
) -> None:
    (claim,) = read_only_claims(alone, tmp_path)
    if claim.passed is None:
        pytest.skip(claim.note)
    assert claim.passed, claim.note
