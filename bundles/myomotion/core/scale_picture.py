"""How pictures are scaled for the segmentation."""

from __future__ import annotations

from monai.transforms import ScaleIntensityRangePercentiles

DARK_PERCENT, BRIGHT_PERCENT = 1, 99


def scale_of_picture() -> ScaleIntensityRangePercentiles:
    """To 0 to 1 by percentiles, in training as in use."""
    return ScaleIntensityRangePercentiles(
        lower=DARK_PERCENT, upper=BRIGHT_PERCENT, b_min=0.0, b_max=1.0, clip=True
    )
