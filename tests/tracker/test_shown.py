"""Results in a notebook: they show themselves, and their tables are arrays."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
import pytest

import myomotion
from myomotion.analysis.tables.study import Columns, as_columns
from myomotion.errors import InputError
from myomotion.tracker import Result
from tests.support.studies import write_study


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> tuple[Result, Path]:
    folder = tmp_path_factory.mktemp("shown")
    write_study(folder / "small")
    result = myomotion.track(folder / "small", tissues=False, output_dir=folder / "out")
    return result, folder / "out" / "small"


@pytest.mark.slow
def test_a_result_shows_its_light_numbers_and_pictures(written: tuple[Result, Path]) -> None:
    result, _ = written
    page = result._repr_html_()
    assert len(page) < 60_000
    assert f'<b class="light {result.summary["light"]}">' in page
    assert page.count("data:image/png;base64,") == 2 and page.count("<polygon") == 4
    ecc = result.summary["mean_of_slices_at_end_systole"]["ecc_percent"]
    assert f"<dt>Ecc at end-systole</dt><dd>{ecc:.1f} %</dd>" in page
    assert not re.search(r'(?:src|href)="(?!data:)', page)  # nothing from elsewhere
    assert f"Ecc at end-systole {ecc:.1f} %" in repr(result) and len(repr(result)) < 400
    assert repr(result.motion).startswith("Motion(4 frames, 2 slices of (80, 72) voxels")


@pytest.mark.slow
def test_tables_are_those_that_are_written(written: tuple[Result, Path]) -> None:
    result, folder = written
    names = sorted(path.stem for path in folder.glob("*.csv"))
    assert names == ["areas", "function", "quality", "segments", "strain", "timing"]
    for name in names:
        rows = list(csv.DictReader((folder / f"{name}.csv").open()))
        table = result.table(name)
        assert table.rows == len(rows) and list(table) == list(rows[0])
        for column, values in table.items():
            for value, row in zip(values, rows, strict=True):
                text = row[column]
                if values.dtype.kind in "if":
                    assert (text == "" and np.isnan(value)) or float(text) == value
                else:
                    assert text == value
    ring = result.table("strain").where(slice=1, segment=0)
    assert ring["frame"].tolist() == [0, 1, 2, 3]
    assert ring["ecc_percent"][0] == pytest.approx(0, abs=1e-9)
    with pytest.raises(InputError, match=r"strains: no such table of small; has strain, timing"):
        result.table("strains")
    with pytest.raises(InputError, match=r"'ddf': no such part of a result"):
        result.tensor("ddf")


def test_columns_have_types_and_show_their_first_rows() -> None:
    rows = [{"n": i, "x": None if i else 0.5, "name": "<b>"} for i in range(9)]
    table = as_columns(["n", "x", "name"], rows)
    assert [column.dtype.kind for column in table.values()] == ["i", "f", "U"]
    assert np.isnan(table["x"][1]) and table.rows == 9
    page = table._repr_html_()
    assert page.count("<tr>") == 7 and "9 rows" in page and "&lt;b&gt;" in page
    assert repr(table) == "Columns(9 rows: n, x, name)"
    assert Columns().rows == 0 and isinstance(table, dict)
