"""Tables, statistics and claims of the comparison with peers, on known numbers."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from tools.study.claims import (
    best_peer_claims,
    first_claims,
    lead_claims,
    time_claims,
    unlabelled_claims,
)
from tools.study.config import Method, StudyConfig
from tools.study.equal import at_volume, equal_table, matched_pairs
from tools.study.motion_tables import ratio_table, strain_table
from tools.study.page import study_page
from tools.study.statistics import compare, holm, subject_means
from tools.study.tables import (
    Table,
    accuracy_table,
    comparisons,
    group_table,
    groups_of,
    places,
)
from tools.study.transfer import transfer_table


def rows(values: dict[str, list[float]], figure: str) -> list[dict[str, object]]:
    """Rows with one figure: subject to the values of its slices."""
    return [
        {"study": s, "slice": z, "level": "mid", figure: v}
        for s, listed in values.items()
        for z, v in enumerate(listed)
    ]


def test_slices_of_a_subject_count_as_one() -> None:
    listed = rows({"a": [1.0, 3.0], "b": [5.0, math.nan], "c": [math.nan]}, "mcd_mm")
    assert subject_means(listed, "mcd_mm") == {"a": 2.0, "b": 5.0}


def test_six_equal_signs_give_the_smallest_p_of_six() -> None:
    ours = {str(i): 1.0 for i in range(6)}
    theirs = {str(i): 1.1 + 0.1 * i for i in range(6)}
    found = compare(ours, theirs, "mcd_mm", "peer")
    assert found is not None and found.n == 6
    assert found.p == pytest.approx(2 / 2**6)
    assert found.difference == pytest.approx(-0.35)
    assert -0.6 < found.low < -0.35 < found.high < -0.1
    assert found.verdict == "ours"


def test_bootstrap_interval_has_the_width_of_the_standard_error() -> None:
    values = np.random.default_rng(1).normal(0.2, 1.0, 400)
    found = compare(
        {str(i): v for i, v in enumerate(values)}, {str(i): 0.0 for i in range(400)}, "dice", "x"
    )
    assert found is not None
    error = values.std() / 20
    assert found.low == pytest.approx(values.mean() - 1.96 * error, abs=0.15 * error)
    assert found.high == pytest.approx(values.mean() + 1.96 * error, abs=0.15 * error)


@pytest.mark.parametrize(
    ("figure", "offset", "verdict"),
    [
        ("dice", 0.1, "ours"),
        ("dice", -0.1, "peer"),
        ("mcd_mm", 0.1, "peer"),
        ("mcd_mm", 0, "undecided"),
    ],
)
def test_more_is_better_for_dice_alone(figure: str, offset: float, verdict: str) -> None:
    subjects = [str(i) for i in range(5)]
    found = compare(
        {s: 0.5 + offset for s in subjects}, dict.fromkeys(subjects, 0.5), figure, "peer"
    )
    assert found is not None and found.verdict == verdict
    assert found.p == (1.0 if offset == 0 else pytest.approx(2 / 2**5))


def test_only_subjects_of_both_are_compared() -> None:
    assert compare({"a": 1.0, "b": 2.0}, {"b": 1.0, "c": 2.0}, "dice", "peer") is None


def test_holm_on_a_known_family() -> None:
    assert holm([0.01, 0.04, 0.03]) == pytest.approx([0.03, 0.06, 0.06])
    assert holm([0.6, 0.7]) == pytest.approx([1.0, 1.0])


def study_of(*methods: Method, ours: str) -> StudyConfig:
    return StudyConfig(
        ours=ours,
        methods=methods,
        alpha={},
        transfer=(),
        cycle=(),
        cycle_studies=1,
        moving=(),
        selection={},
        virtual={},
        time=(),
        seed=0,
    )


def test_none_does_not_compete_and_the_best_is_bold() -> None:
    config = study_of(
        Method(name="none", label="none", method="identity"),
        Method(name="peer", label="theirs", method="demons", peer=True),
        Method(name="own", label="ours", method="network"),
        ours="own",
    )
    results = {
        name: rows({str(s): [value + 0.01 * s] for s in range(3)}, "abs_j_minus_1")
        for name, value in (("none", 0.0), ("peer", 0.1), ("own", 0.2))
    }
    lines = accuracy_table("t", config, results, ("abs_j_minus_1", "mcd_mm")).markdown()
    assert "| none | 0.010 |" in lines and "| theirs | **0.110** |" in lines
    assert "MCD" not in lines  # nobody has it
    assert places(config, results, ("abs_j_minus_1",)) == [
        "abs(abs(J) - 1): ours is place 2 of 2 (0.210); first is theirs (0.110)."
    ]
    (pair,) = comparisons(config, results, ("abs_j_minus_1",))
    assert pair.verdict == "peer"


def volume_rows(volume: float, dice: float) -> list[dict[str, Any]]:
    """Rows of three subjects, one slice each, at one level."""
    return [
        {"study": s, "slice": 0, "level": "mid", "abs_j_minus_1": volume, "dice": dice, "mcd_mm": 1}
        for s in "abc"
    ]


def test_ours_is_taken_between_two_weights_at_the_peers_volume() -> None:
    by_weight = {0.01: volume_rows(0.06, 0.80), 0.001: volume_rows(0.10, 0.90)}
    rows_at = at_volume(by_weight, 0.09)
    assert rows_at is not None
    assert [r["dice"] for r in rows_at] == pytest.approx([0.875] * 3)
    assert [r["abs_j_minus_1"] for r in rows_at] == pytest.approx([0.09] * 3)
    assert at_volume(by_weight, 0.12) is None and at_volume(by_weight, 0.05) is None


def grouped(values: dict[str, float], figure: str) -> list[dict[str, object]]:
    """One slice each of two subjects of every group."""
    return [
        {"study": f"{group}{i}", "slice": 0, "level": "mid", "group": group, figure: value}
        for group, value in values.items()
        for i in range(2)
    ]


DUEL = (
    Method(name="none", label="none", method="identity"),
    Method(name="peer", label="theirs", method="demons", peer=True),
    Method(name="own", label="ours", method="network"),
)


def test_groups_have_a_column_each_with_its_best() -> None:
    config = study_of(*DUEL, ours="own")
    results = {
        "none": grouped({"DCM": 3.0, "NOR": 4.0}, "mcd_mm"),
        "peer": grouped({"DCM": 1.0, "NOR": 2.0}, "mcd_mm"),
        "own": grouped({"DCM": 1.5, "NOR": 1.2}, "mcd_mm"),
    }
    assert groups_of(results) == ["DCM", "NOR"] and groups_of({"own": volume_rows(1, 1)}) == []
    table = group_table("real", config, results, "mcd_mm")
    assert table.title == "real by group: MCD mm"
    assert table.header == ("method", "DCM (2)", "NOR (2)")
    assert table.rows[1:] == (("theirs", "**1.00**", "2.00"), ("ours", "1.50", "**1.20**"))


@pytest.mark.parametrize(
    ("measure", "own", "lead"),
    [
        ("mcd_mm", {"DCM": 1.0, "NOR": 1.0}, 0.0),
        ("mcd_mm", {"DCM": 0.5, "NOR": 2.5}, -1.5),
        ("cavity_dice", {"DCM": 1.2, "NOR": 1.1}, 0.1),
    ],
)
def test_first_in_every_group_is_judged_by_the_worst(
    measure: str, own: dict[str, float], lead: float
) -> None:
    results = {"peer": grouped({"DCM": 1.0, "NOR": 1.0}, measure), "own": grouped(own, measure)}
    (claim,) = first_claims("real", study_of(*DUEL, ours="own"), results, "own", (measure,))
    assert claim.value == pytest.approx(lead) and claim.passed is (lead >= 0)
    assert "DCM" in claim.note and "NOR" in claim.note


def test_best_peer_is_the_one_with_the_smallest_distance_and_p_is_corrected() -> None:
    other = Method(name="far", label="far", method="syn", peer=True)
    config = study_of(*DUEL, other, ours="own")
    subjects = [str(i) for i in range(8)]
    results = {
        name: rows({s: [value + 0.01 * i] for i, s in enumerate(subjects)}, "mcd_mm")
        for name, value in (("own", 1.0), ("peer", 1.2), ("far", 2.0))
    }
    (claim,) = best_peer_claims("real", config, results)
    assert "theirs" in claim.claim and claim.passed is True
    assert claim.value == pytest.approx(2 * 2 / 2**8)  # two tests, eight equal signs
    behind = {**results, "own": results["far"], "far": results["own"]}
    (claim,) = best_peer_claims("real", config, behind)
    assert claim.passed is False and "ours is behind" in claim.note


@pytest.mark.parametrize(("lost", "passed"), [(0.009, True), (0.011, False)])
def test_what_is_lost_without_a_label_is_claimed(lost: float, passed: bool) -> None:
    free = Method(name="free", label="no label", method="network")
    config = replace(study_of(*DUEL, free, ours="own"), unlabelled={"own": "free", "x": "y"})
    results = {"own": volume_rows(0.1, 0.9), "free": volume_rows(0.1, 0.9 - lost)}
    first, second = unlabelled_claims("real", config, results)
    assert first.value == pytest.approx(lost) and first.passed is passed
    assert second.value == 0 and second.passed is True


def test_equal_volume_is_shown_for_every_group_as_well() -> None:
    by_weight = {
        weight: [{**row, "group": g, "study": f"{row['study']}{g}"} for g in "AB" for row in own]
        for weight, own in ((0.01, volume_rows(0.06, 0.8)), (0.001, volume_rows(0.1, 0.9)))
    }
    results = {"peer": by_weight[0.01], "own": by_weight[0.001]}
    config = study_of(*DUEL, ours="own")
    matched = matched_pairs(config, results, by_weight)
    table = equal_table("t", config, results, matched)
    assert [h.split(":")[0] for h in table.header[2::2]] == ["mid", "A", "B"]
    names = [c.claim for c in lead_claims("real", config, results, matched)]
    assert "real, A: MCD, lead over theirs" in names and "real, B: Dice, lead over theirs" in names


@pytest.mark.parametrize(("theirs", "passed"), [(0.87, True), (0.88, False)])
def test_lead_is_claimed_at_equal_volume_only(theirs: float, passed: bool) -> None:
    config = study_of(
        Method(name="peer", label="theirs", method="demons", peer=True),
        Method(name="own", label="ours", method="network"),
        ours="own",
    )
    by_weight = {0.01: volume_rows(0.06, 0.80), 0.001: volume_rows(0.10, 0.90)}
    results = {"peer": volume_rows(0.09, theirs), "own": by_weight[0.001]}
    matched = matched_pairs(config, results, by_weight)
    claims = {c.claim: c for c in lead_claims("real", config, results, matched)}
    assert claims["real, mid: Dice, lead over theirs"].passed is passed
    bold = "0.870 / **0.875**" if passed else "**0.880** / 0.875"
    assert bold in equal_table("t", config, results, matched).markdown()
    results["peer"] = volume_rows(0.2, theirs)
    matched = matched_pairs(config, results, by_weight)
    (claim,) = lead_claims("real", config, results, matched)
    assert claim.passed is None and "0.200" in claim.note


def test_time_claim_compares_whole_stacks() -> None:
    methods = (
        Method(name="slow", label="slow", method="demons", peer=True),
        Method(name="fast", label="fast", method="network"),
    )
    config = study_of(*methods, ours="fast")
    config = replace(config, time=({"fast": "fast", "slow": "slow", "ratio": 30},))
    times = {"slow": {"stack": 31.0}, "fast": {"stack": 1.0}}
    assert [c.passed for c in time_claims(config, times)] == [True]
    times["slow"]["stack"] = 29.0
    assert [c.passed for c in time_claims(config, times)] == [False]
    assert [c.passed for c in time_claims(config, {})] == [None]


def test_transfer_table_names_where_a_network_learned() -> None:
    methods = [
        Method(name="a", label="A", method="network", trained_on="virtual"),
        Method(name="b", label="B", method="network", trained_on="real"),
    ]
    results = {"a": volume_rows(0.1, 0.9), "b": []}
    table = transfer_table("transfer", "real", methods, results).markdown()
    assert "| A | virtual | 1.00 | 0.900 | 0.100 | 1.00 | 0.900 |" in table and "| B |" not in table


def test_error_by_area_ratio_in_thirds() -> None:
    config = study_of(Method(name="own", label="ours", method="network"), ours="own")
    listed = [{"area_ratio": 1 + 0.1 * i, "epe_mm": float(i // 3)} for i in range(9)]
    table = ratio_table("t", config, {"own": listed})
    assert table is not None and table.rows == (("ours", "0.00", "1.00", "2.00"),)


def test_true_strain_takes_the_place_of_published_references_where_it_is_known() -> None:
    config = study_of(Method(name="own", label="ours", method="network"), ours="own")
    row = {"study": "a", "slice": 0, "level": "mid", "err_percent": 30.0, "ecc_percent": -15.0}
    table = strain_table("t", config, {"own": [row]})
    assert table.rows[0] == ("ours", "-", "-", "30.0", "-15.0", "-", "-")
    assert (
        table.rows[1][:3] == ("tagged MRI (paper)", "23.8", "-16.7") and "UK Biobank" in table.note
    )
    known = {**row, "true_err_percent": 33.0, "true_ecc_percent": -14.0}
    table = strain_table("t", config, {"own": [known]})
    assert table.rows[1:] == (("true motion", "-", "-", "33.0", "-14.0", "-", "-"),)
    assert "UK Biobank" not in table.note


def test_page_escapes_everything_and_shows_bold_numbers_anywhere_in_a_cell() -> None:
    table = Table(
        title="a < b", header=("peer", "Dice"), rows=(("x & y", "0.87 / **0.88**"),), note="n **2**"
    )
    page = study_page(
        [table], {"Time": ["**first** <i>"], "None": []}, ["PASS a > b"], {}, {"seed": 0}
    )
    assert "<h3>a &lt; b</h3>" in page and "<th>Dice</th>" in page
    assert "<td>x &amp; y</td><td>0.87 / <b>0.88</b></td>" in page and "<p>n <b>2</b></p>" in page
    assert "<li><b>first</b> &lt;i&gt;</li>" in page and "<h3>None</h3>" not in page
    assert "<pre>PASS a &gt; b</pre>" in page and "**" not in page
