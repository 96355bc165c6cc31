"""The notebook runs from its first cell to its last and shows what is kept in it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.paths import BUNDLES

NOTEBOOK = BUNDLES / "cardiac_motion_reg" / "docs" / "notebook.ipynb"
MOST_BYTES = 200_000


def outputs(cell: Any) -> list[tuple[str, tuple[str, ...]]]:
    """Kinds of what a cell shows, without what goes to stderr."""
    return [
        (output["output_type"], tuple(sorted(output.get("data", {}))))
        for output in cell.get("outputs", [])
        if output.get("name") != "stderr"
    ]


@pytest.mark.slow
def test_notebook_runs_and_shows_what_is_kept_in_it() -> None:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    nbclient = pytest.importorskip("nbclient", reason="nbclient is not installed")
    kept = nbformat.read(NOTEBOOK, as_version=4)
    again = nbformat.read(NOTEBOOK, as_version=4)
    for cell in again.cells:
        cell.pop("outputs", None)
        if cell.cell_type == "code":
            cell.outputs = []
    place = {"metadata": {"path": str(NOTEBOOK.parent)}}
    nbclient.NotebookClient(again, timeout=1200, resources=place).execute()
    shown = [outputs(cell) for cell in again.cells if cell.cell_type == "code"]
    assert shown == [outputs(cell) for cell in kept.cells if cell.cell_type == "code"]
    assert ("execute_result", ("text/html", "text/plain")) in shown[2]
    assert sum(kind == "display_data" for cell in shown for kind, _ in cell) == 2


def test_notebook_is_small_and_says_nothing_of_its_maker() -> None:
    text = NOTEBOOK.read_text(encoding="utf-8")
    assert len(text) < MOST_BYTES
    assert "/work" not in text and "/home/" not in text and '"stderr"' not in text
