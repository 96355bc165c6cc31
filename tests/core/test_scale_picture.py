"""Pictures are scaled as MONAI's percentile transform scales them."""

from __future__ import annotations

import pytest
import torch
from monai.transforms import ScaleIntensityRangePercentiles

from myomotion.core.scale_picture import scaled_picture


@pytest.mark.parametrize("shape", [(7, 7), (96, 96), (1, 129, 131)])
@pytest.mark.parametrize("levels", [None, 20])
def test_scaling_is_that_of_monai_bit_for_bit(shape: tuple[int, ...], levels: int | None) -> None:
    picture = torch.rand(shape, generator=torch.Generator().manual_seed(0)) * 1000
    if levels is not None:  # many voxels of the same brightness
        picture = (picture / 1000 * levels).round()
    theirs = ScaleIntensityRangePercentiles(lower=1, upper=99, b_min=0, b_max=1, clip=True)
    assert torch.equal(scaled_picture(picture), torch.as_tensor(theirs(picture)))


def test_picture_without_contrast_is_dark() -> None:
    assert torch.equal(scaled_picture(torch.full((20, 20), 7.0)), torch.zeros(20, 20))
