"""Records of tracked hearts are used again only where they are of the same weights and settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools.evaluate import hearts
from tools.evaluate.hearts import HeartJob, heart_records


def test_a_record_of_other_weights_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    weights = {"sha": "first"}
    tracked: list[str] = []

    def record(study: object, section: str, methods: object) -> dict[str, object]:
        tracked.append(weights["sha"])
        return {"name": "a", "section": section, "numbers": [weights["sha"]]}

    monkeypatch.setattr(hearts, "heart_record", record)
    monkeypatch.setattr(hearts, "tracked_by", lambda _: {"network": dict(weights)})
    output = tmp_path / "a.json"
    job = HeartJob(study={}, section="test", output=str(output), methods=("network",))
    assert [r["numbers"] for r in heart_records([job])] == [["first"]]
    heart_records([job])
    assert tracked == ["first"]
    weights["sha"] = "second"
    assert [r["numbers"] for r in heart_records([job])] == [["second"]]
    assert json.loads(output.read_text())["tracked_by"] == {"network": {"sha": "second"}}
