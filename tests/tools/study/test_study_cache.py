"""What a cached result depends on: every file of code in the rooms that decide, weights, data."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.support.paths import BUNDLES
from tools.study import cache
from tools.study.cache import (
    CODE_OF_OUR_METHODS,
    CODE_OF_SCORING,
    cached,
    code_hashes,
    known_sha256,
    result_key,
)
from tools.study.config import Method


def test_new_renamed_and_changed_files_of_a_folder_change_its_hashes(tmp_path: Path) -> None:
    room = tmp_path / "room"
    (room / "deep").mkdir(parents=True)
    (room / "a.py").write_text("1")
    (room / "deep" / "keys.yaml").write_text("2")
    (room / "notes.md").write_text("3")
    first = code_hashes([room])
    assert sorted(first) == ["room/a.py", "room/deep/keys.yaml"]
    (room / "new.py").write_text("4")
    second = code_hashes([room])
    assert second == {**first, "room/new.py": second["room/new.py"]}
    (room / "a.py").rename(room / "b.py")
    third = code_hashes([room])
    assert set(third) == {"room/b.py", "room/deep/keys.yaml", "room/new.py"}
    (room / "b.py").write_text("changed")
    assert code_hashes([room])["room/b.py"] != third["room/b.py"]
    assert code_hashes([room / "b.py"]).keys() == {"b.py"}


def test_folder_that_has_gone_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"gone: no code there. Correct tools/study/cache"):
        code_hashes([tmp_path / "gone"])


def test_every_room_of_the_project_holds_code() -> None:
    places = (*CODE_OF_SCORING, *CODE_OF_OUR_METHODS)
    found = code_hashes(places)
    for name in ("core/flow.py", "io/cine.py", "evaluate/scores.py", "regions.py"):
        assert name in found
    for name in ("networks/recurrent.py", "refinement/field.py", "tracker.py", "inference.yaml"):
        assert name in found
    assert len(found) == sum(len(code_hashes([place])) for place in places)  # no name comes twice


def test_same_weights_are_read_once_and_changed_ones_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []

    def reading(path: Path) -> str:
        read.append(path)
        return path.read_text()

    monkeypatch.setattr(cache, "file_sha256", reading)
    weights = tmp_path / "model.pt"
    weights.write_text("one")
    assert [known_sha256(weights) for _ in range(3)] == ["one"] * 3 and len(read) == 1
    weights.write_text("two")
    os.utime(weights, ns=(1, 1))
    assert known_sha256(weights) == "two" and len(read) == 2
    weights.write_text("three")
    os.utime(weights, ns=(1, 1))  # the same time, another size
    assert known_sha256(weights) == "three" and len(read) == 3


def test_weights_of_every_bundle_decide_about_results() -> None:
    """A cached result of ours must not outlive any of the networks it came from."""
    assert set(cache.SHIPPED_WEIGHTS) == set(BUNDLES.glob("*/models/model.pt"))


def test_key_depends_on_settings_weights_and_data_but_not_on_places(tmp_path: Path) -> None:
    paths = [tmp_path / name for name in ("a.pt", "b.pt", "c.pt")]
    for path, text in zip(paths, ("same", "same", "other"), strict=True):
        path.write_text(text)
    image = tmp_path / "sa.nii.gz"
    image.write_text("image")

    def key(weights: Path, steps: int = 1) -> str:
        settings = {"weights": str(weights), "refine_steps": steps}
        method = Method(name="m", label="m", method="network", settings=settings)
        return result_key(method, {"image": str(image)})

    first = key(paths[0])
    assert first == key(paths[1])
    assert len({first, key(paths[2]), key(paths[0], steps=2)}) == 3
    image.write_text("another image")
    assert key(paths[0]) != first


def test_result_is_computed_once_for_a_key(tmp_path: Path) -> None:
    results = iter([[1.5, float("nan")], [2.0]])
    path = tmp_path / "made" / "one.json"
    for _ in range(2):
        value, missing = cached(path, "key", lambda: next(results))
        assert value == 1.5 and missing != missing
        assert json.loads(path.read_text(), parse_constant=pytest.fail)["result"] == [1.5, None]
    assert cached(path, "other key", lambda: next(results)) == [2.0]
