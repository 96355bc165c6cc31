"""Whatever is arranged: it is refused or done rightly, and nothing of anybody else is lost."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools.verify.robustness.arrangement import Arrangement
from tools.verify.robustness.outputs import ARRANGEMENTS, faults
from tools.verify.robustness.world import make_world


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Studies, cycles and results in which commands are tried."""
    folder = tmp_path_factory.mktemp("arranged") / "world"
    make_world(folder)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize("arrangement", ARRANGEMENTS, ids=lambda a: a.name)
def test_nothing_of_anybody_is_lost(arrangement: Arrangement, world: Path, tmp_path: Path) -> None:
    assert faults(arrangement, world, tmp_path / "copy") == []


def test_there_are_many_arrangements_of_every_command() -> None:
    assert len({arrangement.name for arrangement in ARRANGEMENTS}) == len(ARRANGEMENTS) >= 40
