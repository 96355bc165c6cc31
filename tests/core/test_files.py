"""Tables as files: what is written is what a reader of comma-separated values finds."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from myomotion.files.tables import write_table


def read(path: Path) -> list[list[str]]:
    """Cells of a table."""
    with path.open(newline="", encoding="utf-8") as stream:
        return list(csv.reader(stream))


def test_rows_by_column_and_in_order_give_the_same_table(tmp_path: Path) -> None:
    paths = [tmp_path / "new folder" / name for name in ("a.csv", "b.csv")]
    write_table(paths[0], ("level", "dice"), [{"dice": 0.1, "other": 1, "level": 'mid, "x"'}])
    write_table(paths[1], ("level", "dice"), [('mid, "x"', 0.1)])
    assert read(paths[0]) == [["level", "dice"], ['mid, "x"', "0.1"]]
    assert paths[0].read_bytes() == paths[1].read_bytes() == b'level,dice\r\n"mid, ""x""",0.1\r\n'


def test_unknown_value_is_an_empty_field(tmp_path: Path) -> None:
    write_table(tmp_path / "a.csv", ("a", "b"), [{"a": None, "b": 2}])
    assert read(tmp_path / "a.csv")[1] == ["", "2"]


def test_rows_that_do_not_fit_leave_no_file(tmp_path: Path) -> None:
    with pytest.raises(KeyError, match="b"):
        write_table(tmp_path / "a.csv", ("a", "b"), [{"a": 1}])
    with pytest.raises(ValueError, match="3 values for 2 columns"):
        write_table(tmp_path / "a.csv", ("a", "b"), [(1, 2, 3)])
    assert not list(tmp_path.iterdir())
