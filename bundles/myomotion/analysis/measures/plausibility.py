"""How far the motion is from those of hearts that are tracked well (R_VAE)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import torch

from myomotion.analysis.measures.displacement import mean_displacement
from myomotion.analysis.measures.measure import (
    FrameMeasure,
    Limits,
    Meaning,
    SegmentMeasure,
    Values,
)
from myomotion.analysis.measures.tracked import TrackedSlice
from myomotion.analysis.plausibility_table import mean_gradient
from myomotion.core.frames_together import at_once, parts_of, workers

# Smaller motion is mostly noise of tracking, and its ratio says nothing.
RATIO_FROM_GRADIENT = 0.1

# R_VAE relative to the 99th percentile of well-tracked motions of the same size. Real cines of all
# groups reach 1.6 to 5.9, virtual ones 1.0, and both 34 to 40 once random motion of 1 mm that
# changes over 3 mm is added.
LIMITS = Limits(
    amber=8.0,
    red=16.0,
    reason=lambda value, _: (
        f"the motion is {value:.0f} times less plausible than 99 % of well-tracked ones"
    ),
)


class Scores(NamedTuple):
    """Of every frame of a slice.

    Attributes:
        r_vae: None without a wall or without the autoencoder.
        percentile: among well-tracked motions of the same size; None without their table.
        ratio: to their 99th percentile; None for small motion as well.
    """

    r_vae: Values
    percentile: Values
    ratio: Values


def scores(tracked: TrackedSlice) -> Scores:
    """R_VAE of the wall, and what it is among well-tracked motions.

    Args:
        tracked: the slice.

    Returns:
        One value a frame.
    """
    regulariser, table = tracked.control.regulariser, tracked.control.table
    unknown: list[None] = [None] * len(tracked.displacement)
    if not tracked.has_wall or regulariser is None:
        return Scores(unknown, unknown, unknown)
    field = torch.from_numpy(tracked.displacement.copy())
    mask = torch.from_numpy(tracked.part.astype(np.float32))[None, None]
    mask = mask.expand(len(field), -1, -1, -1)
    parts = parts_of(1, len(field), at_once(field))
    with torch.no_grad(), workers() as run:
        found = run(lambda part: regulariser(field[part], mask[part]), parts)
        r_vae = torch.cat(found).tolist()
        sizes = mean_gradient(field, mask, tracked.grid.spacing).tolist()
    if table is None:
        return Scores(r_vae, unknown, unknown)
    moved = tracked.once(mean_displacement)
    frames = list(zip(r_vae, sizes, moved, strict=True))
    return Scores(
        r_vae,
        [table.percentile(score, size) if mm > 0 else None for score, size, mm in frames],
        [
            score / table.score_at(99, size) if mm > 0 and size >= RATIO_FROM_GRADIENT else None
            for score, size, mm in frames
        ],
    )


def _of_whole_wall(column: Callable[[Scores], Values]) -> Callable[[TrackedSlice, int], Values]:
    def compute(tracked: TrackedSlice, segment: int) -> Values:
        values = column(tracked.once(scores))
        return values if segment == 0 else [None] * len(values)

    return compute


WALL_R_VAE = SegmentMeasure(key="r_vae", compute=_of_whole_wall(lambda found: found.r_vae))
WALL_PERCENTILE = SegmentMeasure(
    key="r_vae_percentile", compute=_of_whole_wall(lambda found: found.percentile)
)
R_VAE = FrameMeasure(
    key="r_vae",
    compute=lambda tracked: tracked.once(scores).r_vae,
    heading="R_VAE",
    format="{:.3f}",
    tooltip="R_VAE {:.3f}",
    meaning=Meaning(
        "R_VAE, percentile",
        "How far the motion is from those of simulated hearts, and where that lies among motions "
        "of the same size that the network tracked well in virtual cines. Real cines are rougher, "
        "so percentiles near 100 are usual; amber and red where R_VAE exceeds the 99th percentile "
        f"{LIMITS.amber:g} and {LIMITS.red:g} times.",
    ),
)
PERCENTILE = FrameMeasure(
    key="r_vae_percentile",
    compute=lambda tracked: tracked.once(scores).percentile,
    heading="percentile",
    format="{:.0f}",
    tooltip="percentile {:.0f}",
)
RATIO = FrameMeasure(
    key="r_vae_ratio", compute=lambda tracked: tracked.once(scores).ratio, limits=LIMITS
)
