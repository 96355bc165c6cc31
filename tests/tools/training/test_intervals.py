"""Choosing floor and factor of intervals."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from myomotion.errors import InputError
from tools.training import intervals
from tools.training.intervals import Sample, chosen_scale, samples


def drawn(seed: int, count: int, informative: bool) -> Sample:
    """Errors whose size the spread shows, or does not."""
    rng = np.random.default_rng(seed)
    size = np.exp(rng.normal(0, 0.8, count))
    spread = size if informative else rng.permutation(size)
    return Sample(error=size * rng.normal(0, 1, count), spread=spread)


@pytest.mark.parametrize("informative", [True, False])
def test_intervals_cover_their_level_of_numbers_that_were_not_chosen_on(informative: bool) -> None:
    scale = chosen_scale(drawn(0, 400, informative))
    assert 0.87 < drawn(1, 4000, informative).coverage(scale) < 0.93


def test_spread_that_shows_the_error_makes_intervals_narrower() -> None:
    widths = [
        drawn(0, 400, informative).half_widths(chosen_scale(drawn(0, 400, informative))).mean()
        for informative in (True, False)
    ]
    assert widths[0] < 0.9 * widths[1]


def test_spread_that_says_nothing_is_given_little_say() -> None:
    sample = drawn(0, 400, informative=False)
    halves = sample.half_widths(chosen_scale(sample))
    low, high = np.quantile(halves, (0.05, 0.95))
    assert high / low < 1.5


def test_few_numbers_take_the_largest_error() -> None:
    sample = Sample(error=np.array([0.1, -2.0, 0.3]), spread=np.zeros(3))
    assert sample.coverage(chosen_scale(sample)) == 1.0


def test_a_study_errs_by_the_mean_of_its_slices_and_segments_by_themselves() -> None:
    def row(z: int, segment: int, value: float) -> dict[str, Any]:
        place = {"method": "network", "contours": "given", "slice": z, "segment": segment}
        repeats = [value, value + 2]
        return {**place, "key": "ecc_percent", "value": value, "truth": -10.0, "repeats": repeats}

    record = {"numbers": [row(0, 0, -9.0), row(1, 0, -13.0), row(0, 3, -14.0)]}
    found = samples([record], "network", "given")
    assert found["global", "ecc_percent"].error == pytest.approx([-1.0])
    assert found["slice", "ecc_percent"].error == pytest.approx([1.0, -3.0])
    assert found["segment", "ecc_percent"].error == pytest.approx([-4.0])
    assert found["global", "ecc_percent"].spread == pytest.approx([2**0.5])
    assert samples([record], "refined", "given") == {}


def cines(folder: Path) -> Path:
    """A list of cines with a heart in each section, without the cines."""
    names = {"training": "h0", "validation": "h1", "test": "h2"}
    for name in names.values():
        (folder / name).mkdir(parents=True)
        (folder / name / "sa.nii.gz").touch()
    entries = {key: [{"cine": name, "subject": name}] for key, name in names.items()}
    (folder / "datalist.json").write_text(json.dumps(entries), encoding="utf-8")
    return folder


def test_all_cines_that_no_network_has_seen_are_chosen_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(intervals, "heart_records", lambda jobs, *_: [{"numbers": []}] * len(jobs))
    known, unseen = cines(tmp_path / "known"), cines(tmp_path / "unseen")
    output = tmp_path / "table.json"
    table = intervals.write_intervals(known, tmp_path / "work", output, unseen=unseen)
    assert table["hearts"] == {
        "validation": [
            *("validation_h1", "unseen_training_h0", "unseen_validation_h1", "unseen_test_h2")
        ],
        "test": ["test_h2"],
    }
    assert table["made_of"] == "4 virtual hearts, coverage reported on 1 others"
    assert table["cines"] == ["known", "unseen"]
    assert json.loads(output.read_text(encoding="utf-8"))["hearts"] == table["hearts"]
    alone = intervals.write_intervals(known, tmp_path / "work", output)
    assert alone["hearts"] == {"validation": ["validation_h1"], "test": ["test_h2"]}
    with pytest.raises(InputError, match="given twice"):
        intervals.write_intervals(known, tmp_path / "work", output, unseen=known)
