"""Slices that are in a stack twice are found, and those that are only alike are not."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from myomotion.analysis.areas import Areas
from myomotion.analysis.function import ventricular_function
from myomotion.analysis.grids import working_slices
from myomotion.analysis.study import analyse
from myomotion.io.cine import Cine, find_studies, read_cine
from myomotion.io.pictures.repeats import repeated_slices, repeats_among, repeats_named

CAVITY = np.array([0.0, *[1500.0] * 4, 900.0, 300.0, 0.0])  # mm^2, in slices of 10 mm


def drawn() -> np.ndarray:
    return np.random.default_rng(0).random((8, 8, 5, 3)).astype(np.float32)


def test_a_repeated_slice_is_found_wherever_it_lies() -> None:
    assert repeated_slices(drawn()) == {}
    image = drawn()
    image[:, :, 2] = image[:, :, 1]
    image[:, :, 4] = image[:, :, 1]
    assert repeated_slices(image) == {2: 1, 4: 1}
    assert repeats_among({2: 1, 4: 1}, [0, 2, 3]) == {}
    image = drawn()
    image[..., 0] = 0  # a blank first frame of all
    image[:, :, 2] = image[:, :, 1]
    assert repeated_slices(image) == {2: 1}
    assert repeats_named({2: 1}) == "slice 2 holds the pictures of slice 1"


def test_slices_that_differ_in_a_frame_and_blank_ones_are_no_repeats() -> None:
    image = drawn()
    image[:, :, 2, :2] = image[:, :, 1, :2]
    image[:, :, [0, 4]] = 7
    assert repeated_slices(image) == {}


@pytest.mark.parametrize("seed", range(5))
def test_repeats_among_some_slices_are_those_of_a_stack_of_them_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    image = drawn()[:, :, random.integers(0, 5, 12)]
    image[:, :, random.integers(0, 12, 2)] = 7
    counted = np.sort(random.choice(12, 7, replace=False))
    alone = repeated_slices(image[:, :, counted])
    expected = {counted[z]: counted[first] for z, first in alone.items()}
    assert repeats_among(repeated_slices(image), counted[::-1].tolist()) == expected


def test_repeats_of_a_study_are_looked_for_once(
    small_study: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at: list[np.ndarray] = []

    def counted(image: np.ndarray, *others: Any) -> dict[int, int]:
        looked_at.append(image)
        return repeated_slices(image, *others)

    for module in list(sys.modules.values()):
        if module.__name__ != __name__ and hasattr(module, "repeated_slices"):
            monkeypatch.setattr(module, "repeated_slices", counted)
    cine = read_cine(find_studies(small_study)[0])
    slices = working_slices(cine)
    still = torch.zeros(len(slices.grids), cine.image.shape[3], 2, *[slices.grids[0].size] * 2)
    study = analyse(slices, still)
    assert study.summary["repeated_slices"] == 0
    assert len(looked_at) == 1


def test_repeats_of_other_pictures_are_looked_for_anew() -> None:
    image = drawn()
    image[:, :, 2] = image[:, :, 1]
    cine = Cine(name="a", image=image, affine=np.eye(4), ed_frame=0)
    assert cine.repeated == {2: 1}
    assert replace(cine, image=drawn()).repeated == {}


def partial(later: int, first: int) -> str | None:
    """Why a ventricle is none where a slice has the pictures of another."""
    image = np.random.default_rng(0).random((2, 2, len(CAVITY), 2)).astype(np.float32)
    image[:, :, later] = image[:, :, first]
    levels = [f"slice{z:02d}" for z in range(len(CAVITY))]
    affine = np.diag([1.5, 1.5, 10.0, 1.0])
    cine = Cine(name="a", image=image, affine=affine, ed_frame=0, levels=levels)
    areas = Areas(cavity_mm2=np.stack([CAVITY, CAVITY / 2]), wall_mm2=None, found="drawn")
    found = ventricular_function(areas, cine, 1)
    assert ("lv_edv_ml" in found.numbers) == (found.partial is None)
    return found.partial


def test_volumes_of_a_stack_with_a_slice_twice_are_those_of_slices_seen() -> None:
    assert partial(later=4, first=3) == "slice 4 holds the pictures of slice 3"
    assert partial(later=5, first=1) == "slice 5 holds the pictures of slice 1"


def test_a_repeat_beyond_the_ventricle_changes_nothing() -> None:
    assert partial(later=1, first=0) is None
    assert partial(later=7, first=6) is None
