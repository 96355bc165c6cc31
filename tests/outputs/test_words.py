"""What a run says: its own words, and the engine's only where they are asked for."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest
import torch
from ignite.engine import Engine

from myomotion.inferers.studies import StudyRuns
from myomotion.transforms.refine_motion import RefineMotion


@pytest.mark.parametrize("verbose", [False, True, False])
def test_engine_says_nothing_unless_asked(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, verbose: bool
) -> None:
    evaluator = Engine(lambda engine, batch: None)
    runs = StudyRuns(evaluator, [], None, tmp_path, {}, verbose=verbose)  # type: ignore[arg-type]
    assert runs.track() == {}
    with caplog.at_level(logging.INFO):
        evaluator.run([0], max_epochs=1)
    assert bool(caplog.records) == verbose


class Still:
    """A refinement that changes nothing."""

    steps = 1

    def tell(self, mask: torch.Tensor) -> None:
        pass

    def __call__(
        self, image: torch.Tensor, output: torch.Tensor, mask: torch.Tensor, seen: object
    ) -> torch.Tensor:
        return output


def test_bar_is_for_terminals_and_changes_nothing(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    item = {"image": torch.zeros(3, 30, 8, 8), "mask": torch.zeros(3, 1, 8, 8)}
    item["pred"] = torch.arange(3.0)[:, None, None, None, None].expand(3, 30, 2, 8, 8)
    refine = RefineMotion(Still())  # type: ignore[arg-type]
    assert torch.equal(refine(item)["pred"], item["pred"])
    assert capfd.readouterr().err == ""
    monkeypatch.setattr("sys.stderr.isatty", lambda: True, raising=False)
    assert torch.equal(refine(item)["pred"], item["pred"])
    said = capfd.readouterr().err
    assert "refining" in said and "/3" in said
