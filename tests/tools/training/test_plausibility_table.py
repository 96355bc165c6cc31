"""The table that turns R_VAE into a percentile, on scores that are known."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from myomotion.analysis.plausibility_table import PlausibilityTable
from myomotion.errors import InputError
from myomotion.io.cine import find_studies
from tools.training.plausibility_table import make_table, write_tracked_table


def test_table_gives_percentiles_among_motions_of_the_same_size() -> None:
    scores = np.concatenate([np.linspace(0, 1, 1001), np.linspace(10, 20, 1001)])
    sizes = np.repeat([0.02, 0.32], 1001)
    content = make_table(scores, sizes, "abc")
    table = PlausibilityTable(
        np.array(content["edges"]),
        np.array(content["percentiles"]),
        np.array(content["quantiles"]),
        "abc",
    )
    assert content["count"] == [1001, 1001]
    assert table.percentile(0.9, 0.01) == pytest.approx(90)
    assert table.percentile(0.9, 0.5) == 0
    assert table.percentile(15, 0.5) == pytest.approx(50)
    assert table.score_at(99, 0.5) == pytest.approx(19.9)
    with pytest.raises(InputError, match="50 motions, at least 100"):
        make_table(scores[:50], sizes[:50], "abc")


def test_cines_without_their_truth_are_refused(small_study: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"sa\.nii\.gz: no truth\.npz beside it"):
        write_tracked_table(
            find_studies(small_study), tmp_path / "none.pt", tmp_path / "t.json", {}
        )
