"""Whether the motion of a slice can be trusted: figures, thresholds and traffic lights."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from myomotion.analysis.motion import Motion
from myomotion.analysis.plausibility_table import PlausibilityTable
from myomotion.analysis.quality_figures import (
    add_plausibility,
    area_change_error,
    frame_figures,
    free_disc,
)
from myomotion.analysis.strain import SliceRegions
from myomotion.io.cine import Cine
from myomotion.io.labels import CAVITY, MYOCARDIUM
from myomotion.losses.plausibility import Plausibility

GREEN, AMBER, RED = 0, 1, 2
LIGHTS = ("green", "amber", "red")
COLUMNS = (
    "frame",
    "slice",
    "level",
    "light",
    "image_residual",
    "image_residual_untracked",
    "fold_fraction",
    "mean_displacement_mm",
    "r_vae",
    "r_vae_percentile",
    "r_vae_ratio",
)

# Each pair is (amber above, red above).
# Image residual, root mean square relative to the range of the end-diastolic frame. Cines that are
# tracked well reach 0.04 to 0.12 (noise, flow and through-plane motion), untracked ones 0.1 to 0.3.
RESIDUAL = (0.13, 0.20)
# Share of the wall with J <= 0. Tissue cannot turn inside out, so any fold is amber; above 1 % it
# is no longer a single voxel at the rim.
FOLDS = (0.0, 0.01)
# R_VAE relative to the 99th percentile of simulated motions of the same size. Tracked motion is
# never as smooth as a simulation: six real cines reach 4 to 12, and 25 to 30 once random motion of
# 1 mm that changes over 3 mm is added.
PLAUSIBILITY = (20.0, 40.0)
# Mean displacement of the wall in the last frame relative to the largest of the cycle. The heart
# comes back to end-diastole; 10 to 25 % remain because the last frame is one frame early.
DRIFT = (0.40, 0.60)
DRIFT_FLOOR_MM = 1.0  # less than a voxel of the working grid is not a drift
# |mean J - area ratio of the labels| at end-systole. Moving both contours of a 10 mm wall by a
# third of a voxel changes its area by a tenth.
AREA_CHANGE = (0.15, 0.30)
# The same of the cavity; what a motion that is too small shows first.
CAVITY_CHANGE = (0.10, 0.20)
# A slice is as bad as the light that at least this share of its frames has; one bad frame is an
# artefact, several are a failed slice.
FRAME_SHARE = 0.1


@dataclass(kw_only=True)
class SliceQuality:
    """Judgement of one slice.

    Attributes:
        slice: index.
        level: its name.
        light: ``GREEN``, ``AMBER`` or ``RED``.
        drift: displacement in the last frame relative to the largest.
        area_change_error: of the wall at end-systole; None without both labels.
        cavity_change_error: the same of the cavity.
        reasons: what made the light amber or red, as sentences.
    """

    slice: int
    level: str
    light: int
    drift: float
    area_change_error: float | None
    cavity_change_error: float | None = None
    reasons: list[str] = field(default_factory=list)


@dataclass(kw_only=True)
class StudyQuality:
    """Judgement of a study.

    Attributes:
        frames: dictionaries with :data:`COLUMNS`, None where unknown.
        slices: one entry a slice.
    """

    frames: list[dict[str, Any]]
    slices: list[SliceQuality]

    @property
    def passed(self) -> list[int]:
        """Slices whose light is not red."""
        return [s.slice for s in self.slices if s.light != RED]

    def plausibility(self) -> dict[tuple[int, int], tuple[float | None, float | None]]:
        """R_VAE and its percentile by slice and frame."""
        return {(r["slice"], r["frame"]): (r["r_vae"], r["r_vae_percentile"]) for r in self.frames}


def assess(
    cine: Cine,
    motion: Motion,
    regions: Sequence[SliceRegions],
    regulariser: Plausibility | None = None,
    table: PlausibilityTable | None = None,
) -> StudyQuality:
    """Judge the motion of a study, slice by slice and frame by frame.

    Without a label the wall is replaced by a disc about the centre of the working grid, and R_VAE
    and the area change are not known.

    Args:
        cine: the study.
        motion: its motion.
        regions: from :func:`~myomotion.analysis.strain.slice_regions`.
        regulariser: R_VAE on the working grid, where its weights are at hand.
        table: percentiles of simulated motions, scored with the same weights.

    Returns:
        Figures and lights.
    """
    frames: list[dict[str, Any]] = []
    slices = []
    for z, region in enumerate(regions):
        part = region.wall if region.level is not None else free_disc(motion, z)
        rows = frame_figures(cine, motion, z, part)
        if region.level is not None and regulariser is not None:
            add_plausibility(rows, motion, z, part, regulariser, table)
        for row in rows:
            row["light"] = LIGHTS[frame_light(row)]
        frames += rows
        errors = (
            area_change_error(cine, motion, z, part, MYOCARDIUM),
            area_change_error(cine, motion, z, region.cavity, CAVITY),
        )
        slices.append(judge_slice(rows, *errors, ed=cine.ed_frame))
    return StudyQuality(frames=frames, slices=slices)


def frame_light(row: dict[str, Any]) -> int:
    """Light of one frame: the worst of image residual, folds and plausibility.

    Args:
        row: see :data:`COLUMNS`; a figure that is None does not count.

    Returns:
        ``GREEN``, ``AMBER`` or ``RED``.
    """
    return max(
        _light(row["image_residual"], RESIDUAL),
        _light(row["fold_fraction"], FOLDS),
        _light(row["r_vae_ratio"], PLAUSIBILITY),
    )


def judge_slice(
    rows: Sequence[dict[str, Any]], wall_error: float | None, cavity_error: float | None, ed: int
) -> SliceQuality:
    """Light of one slice: that of its frames, drift, areas, and whether tracking helped.

    Args:
        rows: its frames in the order of the file.
        wall_error: see :func:`area_change_error`.
        cavity_error: the same for the cavity.
        ed: end-diastolic frame.

    Returns:
        The judgement.
    """
    needed = max(2, int(np.ceil(FRAME_SHARE * len(rows))))
    moved = np.array([row["mean_displacement_mm"] for row in rows])
    last = float(moved[(ed - 1) % len(rows)])
    drift = last / max(float(moved.max()), 1e-6)
    light, reasons = GREEN, []

    def raise_to(level: int, reason: str) -> None:
        nonlocal light
        light = max(light, level)
        if level != GREEN:
            reasons.append(f"{LIGHTS[level]}: {reason}")

    for name, limits, text in (
        ("image_residual", RESIDUAL, "the tracked frames differ from end-diastole, {:.0%} of its "
         "range"),
        ("fold_fraction", FOLDS, "folds: J <= 0 in {:.1%} of the wall"),
        ("r_vae_ratio", PLAUSIBILITY, "the motion is {:.0f} times less plausible than 99 % of the "
         "simulated ones"),
    ):  # fmt: skip
        values = [row[name] for row in rows if row[name] is not None]
        level = sorted((_light(v, limits) for v in values), reverse=True)
        if len(level) >= needed and level[needed - 1] != GREEN:
            raise_to(level[needed - 1], f"{text.format(max(values))} at worst")
    if last > DRIFT_FLOOR_MM:
        raise_to(
            _light(drift, DRIFT),
            f"drift: {drift:.0%} of the largest motion ({last:.1f} mm) is left in the last frame",
        )
    for part, error, limits in (
        ("wall", wall_error, AREA_CHANGE),
        ("cavity", cavity_error, CAVITY_CHANGE),
    ):
        raise_to(
            _light(error, limits),
            f"the area change of the {part} at end-systole is off by {error or 0:.2f} against the "
            "labels",
        )
    peak = rows[int(moved.argmax())]
    if peak["image_residual"] > max(peak["image_residual_untracked"], RESIDUAL[0]):
        raise_to(RED, "tracking made the images differ more than they did before")
    return SliceQuality(
        slice=rows[0]["slice"],
        level=rows[0]["level"],
        light=light,
        drift=drift,
        area_change_error=wall_error,
        cavity_change_error=cavity_error,
        reasons=reasons,
    )


def _light(value: float | None, limits: tuple[float, float]) -> int:
    if value is None:
        return GREEN
    return GREEN if value <= limits[0] else AMBER if value <= limits[1] else RED
