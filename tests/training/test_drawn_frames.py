"""Frames with the tissues drawn in: what they hold, and how much of them a network sees."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from myomotion.analysis.grids import Slices
from myomotion.errors import SettingError
from myomotion.io.cine import find_studies
from myomotion.tracker import Tracker
from myomotion.transforms.frame_pairs import EndSystolicPairs, RandFramePairs, systolic_frame
from myomotion.transforms.load_cine import BRIGHTNESS, LoadCine, drawn


class Seen:
    """Stands for the network: the left half of every frame is cavity, the rest is nothing."""

    def __call__(self, slices: Slices) -> torch.Tensor:
        shares = torch.zeros(*slices.images.shape[:2], 3, *slices.images.shape[2:])
        shares[:, :, 0, :, : shares.shape[-1] // 2] = 1
        return shares


@given(st.sampled_from(range(3)), st.floats(0, 1))
def test_each_tissue_is_drawn_in_its_brightness_by_its_share(tissue: int, share: float) -> None:
    image, shares = torch.full((1, 2, 4, 4), 0.4), torch.zeros(1, 2, 3, 4, 4)
    shares[:, :, tissue, 1:3] = share
    found = drawn(image, shares)
    expected = (1 - share) * 0.4 + share * BRIGHTNESS[tissue]
    torch.testing.assert_close(found[:, :, 1:3], torch.full((1, 2, 2, 4), expected))
    assert torch.equal(found[:, :, [0, 3]], image[:, :, [0, 3]])


def test_guide_moves_the_frames_that_way_and_without_tissues_nothing(small_study: Path) -> None:
    study = find_studies(small_study)[0]
    plain = LoadCine()(study)["image"]
    half = plain.shape[-1] // 2
    assert torch.equal(LoadCine(guide=0.5)(study)["image"], plain)
    item = LoadCine(tissues=Seen(), guide=0.5)(study)  # type: ignore[arg-type]
    expected = 0.5 * plain[..., :half] + 0.5 * BRIGHTNESS[0]
    torch.testing.assert_close(item["image"][..., :half], expected)
    torch.testing.assert_close(item["image"][..., half:], plain[..., half:])


def test_pairs_in_training_see_every_share_and_those_of_validation_one(small_study: Path) -> None:
    study = {**find_studies(small_study)[0], "es_frame": 1}
    item = LoadCine(tissues=Seen())(study)  # type: ignore[arg-type]
    (fixed, *_) = EndSystolicPairs(guide=0.5)(item)
    (plain, *_) = EndSystolicPairs()(item)
    half = item["image"].shape[-1] // 2
    middle = 0.5 * plain["image"][..., :half] + 0.5 * BRIGHTNESS[0]
    torch.testing.assert_close(fixed["image"][..., :half], middle)
    draw = RandFramePairs(64, guide=0.5).set_random_state(0)
    spread = np.array([float(pair["image"][1, :, :half].std()) for pair in draw(item)])
    assert spread.min() < 0.1 * spread.max()


@pytest.mark.parametrize("guide", [-0.1, 1.5, "half", True, float("nan")])
def test_a_guide_that_is_no_share_is_refused(guide: object) -> None:
    with pytest.raises(SettingError, match=r"guide: .* is no share. Give 0"):
        LoadCine(guide=guide)  # type: ignore[arg-type]
    with pytest.raises(SettingError, match=r"guide: .* is no share"):
        Tracker(guide=guide)


@pytest.mark.parametrize("labelled", [True, False])
def test_without_es_frame_the_pairs_are_of_the_frame_that_differs_most_about_the_heart(
    small_study: Path, labelled: bool
) -> None:
    study = find_studies(small_study)[0]
    item = LoadCine()(study if labelled else {**study, "label_ed": None})
    known = EndSystolicPairs()(
        {**item, "es_index": 2}
    )  # the heart is smallest in the third of four
    if labelled:
        item["image"][:, 1, :8, :8] += 100  # beside the heart
    assert item["es_index"] == -1 and bool(item["mask"].any()) == labelled
    for found, expected in zip(EndSystolicPairs()(item), known, strict=True):
        assert torch.equal(found["image"], expected["image"])
        assert not found["mask_moving"].any()


@pytest.mark.slow
def test_end_systole_that_is_looked_for_is_near_that_of_the_readers(acdc_groups: Path) -> None:
    apart = []
    for study in find_studies(acdc_groups):
        item = LoadCine(need_mask=True)(study)
        known, frames = item["es_index"], item["image"].shape[1]
        apart.append(abs(systolic_frame({**item, "es_index": -1}) - known) / frames)
    assert max(apart) < 0.05  # of the cycle
