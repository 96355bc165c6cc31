"""Claims and their runner: verdicts, lines, report, exit status."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fem_sim import claims
from fem_sim.claims import (
    Claim,
    at_least,
    at_most,
    below,
    broken,
    exit_status,
    measure,
    not_run,
    selected,
    tally,
)
from myomotion.errors import OutputError


def torn() -> Iterator[Claim]:
    """A group that ends in an error after its first claim."""
    yield below("first", 0, 1)
    raise ArithmeticError("no equilibrium")


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
    assert tally([good, bad, skipped]) == "1 PASS, 1 FAIL, 1 NOT RUN"


def test_an_error_fails_its_group_and_leaves_the_others() -> None:
    found = list(measure({"torn": torn, "whole": lambda: [below("last", 0, 1)]}))
    assert [c.passed for c in found] == [True, False, True]
    assert found[1] == broken("torn", ArithmeticError("no equilibrium"))
    assert "no equilibrium" in found[1].note


def test_report_holds_every_claim_and_the_circumstances(tmp_path: Path) -> None:
    path = tmp_path / "new" / "report.json"
    found = [below("a", 0.5, 1.0, "mm", "how"), not_run("b", "< 1", "why")]
    assert claims.run({"both": lambda: found}, path, seed=7) == 0
    report = json.loads(path.read_text())
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
    assert report["machine"]["load_before"] >= 0
    assert len(report["machine"]["load_after"]) == 3
    assert report["versions"]["numpy"] == np.__version__
    assert report["versions"]["torch"]
    assert report["seed"] == 7
    assert [p.name for p in path.parent.iterdir()] == ["report.json"]


def test_lines_are_printed_as_claims_are_measured(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    printed: list[str] = []

    def second() -> list[Claim]:
        printed.append(capsys.readouterr().out)
        return [below("small", 2.0, 1.0)]

    path = tmp_path / "report.json"
    assert claims.run({"torn": torn, "second": second}, path) == 1
    assert [line.split()[0] for line in printed[0].splitlines()] == ["PASS", "FAIL"]
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("FAIL     small")
    assert lines[1] == f"1 PASS, 2 FAIL, 0 NOT RUN; {path}"
    assert [c["passed"] for c in json.loads(path.read_text())["claims"]] == [True, False, False]


def test_a_run_that_is_stopped_leaves_what_it_has_measured_and_says_that_it_is_part(
    tmp_path: Path,
) -> None:
    path = tmp_path / "report.json"

    def stopped() -> list[Claim]:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        claims.run({"one": lambda: [below("one", 0, 1)], "stopped": stopped}, path)
    content = json.loads(path.read_text())
    assert content["unfinished"] is True
    assert [c["claim"] for c in content["claims"]] == ["one"]
    claims.run({"one": lambda: [below("one", 0, 1)]}, path)
    assert "unfinished" not in json.loads(path.read_text())


def test_only_the_groups_asked_for_are_measured_in_their_order(tmp_path: Path) -> None:
    groups = {name: lambda name=name: [below(name, 0, 1)] for name in ("one", "two", "three")}
    claims.run({**groups, "torn": torn}, tmp_path / "a.json", only=["three", "one"])
    content = json.loads((tmp_path / "a.json").read_text())
    assert [c["claim"] for c in content["claims"]] == ["one", "three"]
    assert selected(groups, ()) == ["one", "two", "three"]
    with pytest.raises(ValueError, match=r"--only four: no such group\. Use one, two, three\."):
        claims.run(groups, tmp_path / "b.json", only=["one", "four"])
    assert not (tmp_path / "b.json").exists()


def test_further_entries_may_come_while_measuring_and_replace_circumstances(tmp_path: Path) -> None:
    further: dict[str, object] = {"machine": "mine"}

    def group() -> list[Claim]:
        further["results"] = [1, 2]
        return [below("a", 0, 1)]

    claims.run({"group": group}, tmp_path / "a.json", further=further)
    content = json.loads((tmp_path / "a.json").read_text())
    assert content["results"] == [1, 2]
    assert content["machine"] == "mine"
    assert content["seed"] is None


def test_unusable_output_is_refused_before_measuring(tmp_path: Path) -> None:
    def measured() -> list[Claim]:
        raise SystemExit("measured although the report cannot be written")

    (tmp_path / "file").write_text("")
    for output in (tmp_path, tmp_path / "file" / "report.json"):
        with pytest.raises(OutputError, match="cannot be"):
            claims.run({"group": measured}, output)
