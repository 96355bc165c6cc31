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
    *_, light, fraction, strain, place = (m for m in caplog.messages if "Engine run" not in m)
    assert place == f"results: {output / 'anna' / 'report.html'}"
    found = json.loads((output / "anna" / "summary.json").read_text())
    ecc = found["mean_of_slices_at_end_systole"]["ecc_percent"]
    assert light == f"anna: light {found['light']}" and "ejection fraction" in fraction
    assert strain == f"circumferential strain at end-systole {ecc:.1f} %, mean of slices"
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
