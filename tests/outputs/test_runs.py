"""What a run says and lists at its end."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from myomotion.files.outputs import MARKER
from tests.support.bundle_runs import track
from tests.support.studies import write_study


@pytest.mark.slow
def test_run_says_where_its_results_are_and_lists_a_single_study_that_fails(
    net_weights: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    write_study(tmp_path / "in" / "anna")
    output = tmp_path / "out"
    with caplog.at_level(logging.INFO):
        track(tmp_path / "in" / "anna", net_weights, output)
    assert caplog.messages[-1] == f"results: {output / 'anna' / 'report.html'}"
    found = json.loads((output / "anna" / "summary.json").read_text())
    said = [f"anna: light {found['light']}"]
    said.append(f"ejection fraction of the slices seen {found['seen_lv_ef_percent']:.0f} %")
    if (means := found["mean_of_slices_at_end_systole"]) is not None:  # a slice that is not red
        ecc = means["ecc_percent"]
        said.append(f"circumferential strain at end-systole {ecc:.1f} %, mean of slices")
    assert caplog.messages[-1 - len(said) : -1] == said
    (tmp_path / "in" / "anna" / "sa.nii.gz").write_bytes(b"no image")
    with pytest.raises(SystemExit, match="not a readable NIfTI"):
        track(tmp_path / "in" / "anna", net_weights, output)
    assert list(json.loads((output / "failed.json").read_text())) == ["anna"]
    assert sorted(p.name for p in output.iterdir()) == [MARKER, "anna", "failed.json"]
    write_study(tmp_path / "in" / "anna")
    track(tmp_path / "in" / "anna", net_weights, output)
    assert not (output / "failed.json").exists()
    (tmp_path / "in" / "bert").mkdir()
    track(tmp_path / "in", net_weights, output)
    failed = json.loads((output / "failed.json").read_text())
    assert list(failed) == ["bert"] and "bert: no cine in it" in failed["bert"]
