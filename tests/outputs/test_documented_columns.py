"""The page on outputs names the columns of the tables, all of them and no others."""

from __future__ import annotations

import re

import pytest

from myomotion.analysis import quality
from myomotion.analysis.intervals.repeats import HALF_WIDTH
from myomotion.analysis.tables import function, segment_timing, strain, wide
from tests.support.paths import BUNDLES

PAGE = BUNDLES / "cardiac_motion_reg" / "docs" / "outputs.md"
COLUMNS = {
    "strain.csv": strain.columns(),
    "timing.csv": segment_timing.columns(),
    "function.csv": function.VOLUME_COLUMNS,
    "areas.csv": function.AREA_COLUMNS,
    "quality.csv": quality.columns(),
}


def documented(table: str) -> list[str]:
    """Names in a table's row; ``...`` in one stands for each of the strains."""
    tables = PAGE.read_text(encoding="utf-8").split("\n## Tables\n")[1]
    (row,) = (line for line in tables.splitlines() if line.startswith(f"| `{table}` |"))
    names = re.findall(r"`([^`]+)`", row)[1:]
    strains = ("ecc", "err")
    return [n.replace("...", s) for n in names for s in (strains if "..." in n else ("",))]


@pytest.mark.parametrize("table", COLUMNS)
def test_columns_of_a_table_are_those_of_its_page(table: str) -> None:
    # Halves of intervals are told of once, for all tables.
    columns = [name for name in COLUMNS[table] if not name.endswith(HALF_WIDTH)]
    assert sorted(documented(table)) == sorted(columns)


def test_numbers_of_segments_are_those_of_their_page_and_of_timing() -> None:
    numbers = {name for name in wide.wide_keys() if not name.endswith(HALF_WIDTH)}
    of_timing = set(segment_timing.timing_keys())
    left_out = {"end_systolic_ecc_percent", "end_systolic_err_percent"}
    assert of_timing < numbers and left_out.isdisjoint(numbers)
    examples = {"err_percent_01", "err_percent_16"}
    expected = {"name", "timing.csv", *examples, *left_out, *(numbers - of_timing)}
    assert set(documented("segments.csv")) == expected
