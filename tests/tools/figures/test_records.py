"""Documents say what the results say: tables are drawn from files, and a changed number is seen."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fem_sim.claims import at_least, at_most, not_run, write_claims
from tests.support.paths import BUNDLES
from tools.figures.records import drawn_files, main, virtual_table
from tools.study.tables import Table

PAGE = """# Numbers
<!-- table: claims results/one.json -->
<!-- end of table -->
after
"""


@pytest.fixture
def bundles(tmp_path: Path) -> Path:
    """A folder with one bundle, a page with an empty table, and a report."""
    docs = tmp_path / "bundles" / "one" / "docs"
    (docs.parent / "configs").mkdir(parents=True)
    docs.mkdir()
    metadata = '{\n  "name": "one",\n  "eval_metrics": {},\n  "shape": [1, 2]\n}\n'
    (docs.parent / "configs" / "metadata.json").write_text(metadata)
    (docs / "README.md").write_text(PAGE)
    found = [
        at_least("Dice", 0.87654, 0.8),
        at_most("||J|-1|", 0.25, 0.1),
        at_most("time", 3.0, 4.0, "s"),
        not_run("EF", "<= 4", "no data"),
        at_least("AUC", float("nan"), 0.9),
    ]
    slices = [{"dice": 0.1234567}] * 50
    results = {"groups": {"mean": {"dice": 0.876543}, "slices": slices}}
    write_claims(tmp_path / "report.json", found, {"results": results})
    return docs.parent.parent


def _take(bundles: Path) -> int:
    report = bundles.parent / "report.json"
    taken = ["--take", str(report), "results/one.json", "--bundle", "one"]
    return main([*taken, "--bundles", str(bundles)])


def test_the_report_of_a_stopped_run_is_no_record(
    bundles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    report = bundles.parent / "report.json"
    report.write_text(json.dumps({"unfinished": True, **json.loads(report.read_text())}))
    assert _take(bundles) == 1
    assert "a part, its run was stopped" in capsys.readouterr().err
    assert not (bundles / "one" / "docs" / "results").exists()


def test_page_and_metadata_hold_the_numbers_of_the_report(bundles: Path) -> None:
    assert _take(bundles) == 0
    page = (bundles / "one" / "docs" / "README.md").read_text()
    assert "| Dice | >= 0.8 | 0.877 |  |" in page and "| time | <= 4 | 3 s |  |" in page
    assert "| \\|\\|J\\|-1\\| | <= 0.1 | **0.25** |  |" in page
    assert "| EF | <= 4 | not run | no data |" in page
    assert "| AUC | >= 0.9 | **no number** | the value is nan. |" in page
    assert page.startswith("# Numbers\n") and page.endswith("<!-- end of table -->\nafter\n")
    text = (bundles / "one" / "configs" / "metadata.json").read_text()
    assert json.loads(text)["eval_metrics"] == {"Dice": 0.877, "||J|-1|": 0.25}  # no time
    assert text.endswith('  },\n  "shape": [1, 2]\n}\n')
    kept = json.loads((bundles / "one" / "docs" / "results" / "one.json").read_text())
    assert kept["results"]["groups"] == {"mean": {"dice": 0.87654}}


def test_a_second_time_changes_nothing_and_a_changed_number_is_seen(
    bundles: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = ["--bundles", str(bundles)]
    assert _take(bundles) == 0
    assert main([*place, "--check"]) == 0
    capsys.readouterr()
    assert main(place) == 0 and capsys.readouterr().out == ""
    page = bundles / "one" / "docs" / "README.md"
    page.write_text(page.read_text().replace("0.877", "0.977"))
    assert main([*place, "--check"]) != 0
    assert "0.977" in page.read_text()
    assert "make docs" in capsys.readouterr().err
    assert main(place) == 0 and "0.877" in page.read_text()


def test_tables_of_a_comparison_are_drawn_and_its_leads_are_no_accuracies(bundles: Path) -> None:
    page = bundles / "one" / "docs" / "README.md"
    page.write_text(PAGE.replace("claims results", "study results"))
    table = Table(title="hearts", header=("method", "MCD mm"), rows=(("ours", "**1.0**"),))
    further = {
        "tables": [vars(table)],
        "remarks": {"Where ours is first": ["MCD mm: ours."], "Not run": []},
        "commit": "0123456789abcdef",
        "versions": {"torch": "2"},
    }
    write_claims(bundles.parent / "report.json", [at_least("lead", 0.1, 0)], further)
    assert _take(bundles) == 0
    text = page.read_text()
    assert "### hearts\n\n| method | MCD mm |\n| --- | --- |\n| ours | **1.0** |" in text
    assert "### Where ours is first\n\n- MCD mm: ours." in text and "Not run" not in text
    assert "*Commit 0123456789ab; torch 2.*" in text
    metadata = (bundles / "one" / "configs" / "metadata.json").read_text()
    assert json.loads(metadata)["eval_metrics"] == {}


def test_rows_beside_published_ones_are_drawn(bundles: Path) -> None:
    page = bundles / "one" / "docs" / "README.md"
    page.write_text(PAGE.replace("claims results", "acdc results"))
    report = {"table": "| method | n |\n| --- | --- |\n| none | 2 |", "protocol": "All slices."}
    (bundles.parent / "report.json").write_text(json.dumps({**report, "subjects": [1, 2]}))
    assert _take(bundles) == 0
    assert "| none | 2 |\n\nAll slices.\n<!-- end of table -->" in page.read_text()


@pytest.mark.parametrize(
    ("before", "after", "said"),
    [
        ("claims", "graph", "table of kind 'graph'. Use claims"),
        ("one.json", "two.json", "two.json: not readable"),
    ],
)
def test_a_table_of_nothing_is_refused(
    bundles: Path, capsys: pytest.CaptureFixture[str], before: str, after: str, said: str
) -> None:
    page = bundles / "one" / "docs" / "README.md"
    page.write_text(PAGE.replace(before, after))
    assert main(["--bundles", str(bundles)]) != 0
    assert said in capsys.readouterr().err


def test_a_mean_that_is_no_number_is_said() -> None:
    mean = {"epe_mm": 1.0, "ecc_error_points": None, "err_error_points": 2.0, "dice": 0.9}
    *_, row = virtual_table({"results": {"virtual, a": {"mean": mean}}})
    assert row == "| a | 1.00 | no number | 2.0 | 0.900 |"


def test_tables_of_this_project_agree_with_its_results() -> None:
    found = list(drawn_files(BUNDLES))
    assert found, "no page has a table of results"
    for path, text in found:
        assert path.read_text(encoding="utf-8") == text, f"{path}: run make docs"
