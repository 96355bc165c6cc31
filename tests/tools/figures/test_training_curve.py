"""The course of a training is read from what it printed."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from tools.figures.training_curve import main

PRINTED = """
2026-01-01 - INFO - Epoch: 1/2, Iter: 20/69 -- train_loss: 0.1360
2026-01-01 - INFO - Epoch[1] Metrics -- similarity: 0.0083 squared_error_mm2: 4.5866
2026-01-01 - INFO - Epoch[2] Metrics -- agreement: 0.9
2026-01-01 - INFO - Epoch[2] Metrics -- similarity: 0.0048 squared_error_mm2: 1e-05
"""


def test_stages_are_counted_on_and_every_figure_is_kept(tmp_path: Path) -> None:
    logs = [tmp_path / name for name in ("one.log", "two.log")]
    for log in logs:
        log.write_text(PRINTED)
    assert main([*map(str, logs), "--output", str(tmp_path / "out" / "training")]) == 0
    with (tmp_path / "out" / "training.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert [(row["epoch"], row["stage"]) for row in rows] == [
        *(("1", "1"), ("2", "1")),
        *(("3", "2"), ("4", "2")),
    ]
    assert [row["agreement"] for row in rows] == ["", "0.9", "", "0.9"]
    assert float(rows[1]["squared_error_mm2"]) == 1e-5
    assert (tmp_path / "out" / "training.png").read_bytes().startswith(b"\x89PNG")


def test_log_without_epochs_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "empty.log").write_text("nothing\n")
    assert main([str(tmp_path / "empty.log"), "--output", str(tmp_path / "training")]) == 1
    assert "Is it a training's log?" in capsys.readouterr().err
