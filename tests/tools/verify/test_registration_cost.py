"""Costs are measured on cines of the size they name, and only where nothing else runs."""

from __future__ import annotations

import multiprocessing
import os
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from myomotion.io.cine import find_studies, read_cine
from tests.support.studies import write_study
from tools.verify import registration_cost
from tools.verify.larger_cines import larger_cine
from tools.verify.registration_cost import (
    SIZES,
    cost_claims,
    gpu_claims,
    peak_memory,
    stack_claims,
)


@pytest.fixture
def real(tmp_path: Path) -> Path:
    """A folder with one drawn study of two slices and three frames."""
    write_study(tmp_path / "real" / "one", frames=3)
    return tmp_path / "real"


def test_larger_cine_repeats_slices_frames_and_labels_about_the_middle(
    real: Path, tmp_path: Path
) -> None:
    study = find_studies(real)[0]
    cine = read_cine(study)
    large = read_cine(larger_cine(study, tmp_path / "large", 5, 7, 128))
    assert large.image.shape == (128, 128, 5, 7) and large.spacing == cine.spacing
    assert large.ed_frame == cine.ed_frame == 0
    start = [(128 - n) // 2 for n in cine.image.shape[:2]]
    inner = tuple(slice(a, a + n) for a, n in zip(start, cine.image.shape[:2], strict=True))
    np.testing.assert_array_equal(large.image[inner][:, :, 3, 6], cine.image[:, :, 1, 2].round())
    assert large.label_ed is not None and cine.label_ed is not None
    np.testing.assert_array_equal(large.label_ed[inner][..., 4], cine.label_ed[..., 0])
    small = read_cine(larger_cine(study, tmp_path / "small", 1, 2, 64))
    assert small.image.shape == (64, 64, 1, 2)


def test_a_busy_machine_measures_nothing(monkeypatch: pytest.MonkeyPatch, real: Path) -> None:
    monkeypatch.setattr(os, "getloadavg", lambda: (1.5, 1.5, 1.5))
    (claim,) = cost_claims(real)
    assert claim.passed is None and "busy (load 1.5" in claim.note


def test_without_a_gpu_or_studies_none_is_measured(
    monkeypatch: pytest.MonkeyPatch, real: Path
) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    for folder, reason in ((real, "no GPU"), (None, "no folder of real studies given")):
        (claim,) = gpu_claims(folder)
        assert claim.passed is None and claim.note == reason


@pytest.mark.slow
def test_memory_of_a_parent_is_not_counted_as_its_childs() -> None:
    ballast = np.ones((2**29,), np.uint8)
    with ProcessPoolExecutor(1, multiprocessing.get_context("spawn")) as alone:
        child = alone.submit(peak_memory).result()
    assert 0 < child < peak_memory() - ballast.nbytes / 2**31


@pytest.mark.slow
def test_each_size_gives_its_time_and_its_memory(
    real: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small = SIZES[1]._replace(name="three slices", slices=3, frames=4, limits={0: 1e-3})
    monkeypatch.setattr(registration_cost, "SIZES", (small,))
    taken, memory = stack_claims(real)
    assert taken.claim == "three slices, network: from file to files" and taken.passed is False
    assert taken.value is not None and 0.01 < taken.value < 600
    assert memory.value is not None and 0.1 < memory.value < 2 and memory.passed
    assert "three slices, network: " in capsys.readouterr().out
