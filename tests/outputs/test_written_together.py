"""Images are written while pages are drawn: the same files, and errors of either as they are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import Study, analyse
from myomotion.errors import InputError
from myomotion.io.cine import find_studies, read_cine
from myomotion.transforms import save_motion
from tests.support.analytic import ring_contraction
from tests.support.studies import write_study


@pytest.fixture(autouse=True)
def _as_many_threads_as_before() -> Iterator[None]:
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> Study:
    folder = tmp_path_factory.mktemp("cines") / "ring"
    write_study(folder, frames=2)
    motion = np.stack([np.zeros((2, 96, 96)), ring_contraction()])
    slices = working_slices(read_cine(find_studies(folder)[0], "internal"))
    return analyse(slices, torch.from_numpy(np.stack([motion] * len(slices.grids))).float())


def test_files_are_the_same_on_one_thread_and_on_two(study: Study, tmp_path: Path) -> None:
    sums = []
    for count in (1, 2):
        torch.set_num_threads(count)
        folder = tmp_path / str(count)
        save_motion.write_study(folder, study)
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        sums.append(
            {
                str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
                for path in files
            }
        )
    assert "motion.png" in sums[0] and "displacement/frame_001.nii.gz" in sums[0]
    assert sums[0] == sums[1]


def test_summary_is_json_that_every_program_reads(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(save_motion, "_write_pages", lambda *_: None)
    odd = replace(study, summary={**study.summary, "odd": {"number": float("nan")}})
    save_motion.write_study(tmp_path / "ring", odd)
    text = (tmp_path / "ring" / "summary.json").read_text()
    assert json.loads(text, parse_constant=pytest.fail)["odd"] == {"number": None}
    assert text == json.dumps(json.loads(text), indent=2)


@pytest.mark.parametrize("part", ["write_images", "overview_figure"])
def test_an_error_of_either_leaves_nothing(
    study: Study, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, part: str
) -> None:
    def fails(*_: object) -> None:
        raise InputError(f"{part} met something")

    torch.set_num_threads(2)
    monkeypatch.setattr(save_motion, part, fails)
    with pytest.raises(InputError, match=f"{part} met something"):
        save_motion.write_study(tmp_path / "ring", study)
    assert not list(tmp_path.iterdir())
    assert torch.get_num_threads() == 2
