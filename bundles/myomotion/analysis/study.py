"""A tracked study: the cine, its motion, and everything measured on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch

from myomotion.analysis.grids import Slices
from myomotion.analysis.motion import Motion, source_motion
from myomotion.analysis.quality import StudyQuality
from myomotion.analysis.quality_control import QualityControl
from myomotion.analysis.strain import SliceRegions, slice_regions, strain_rows
from myomotion.analysis.summary import study_summary
from myomotion.io.cine import Cine


@dataclass(frozen=True, kw_only=True)
class Study:
    """One tracked cine, as report, writer and callers see it.

    Attributes:
        cine: what was read.
        motion: fields and maps on the grid of the cine, millimetres, frames in the file's order.
        regions: wall, cavity and segments of every slice.
        rows: strain of every frame, slice and segment, dictionaries with
            :data:`~myomotion.analysis.strain.COLUMNS`; empty without a label.
        quality: figures and lights.
        summary: content of ``summary.json``.
    """

    cine: Cine
    motion: Motion
    regions: list[SliceRegions]
    rows: list[dict[str, Any]]
    quality: StudyQuality
    summary: dict[str, Any]


def analyse(
    slices: Slices,
    displacement: torch.Tensor,
    inverse: torch.Tensor | None = None,
    control: QualityControl | None = None,
    parameters: Mapping[str, Any] | None = None,
) -> Study:
    """Measure a tracked cine.

    Args:
        slices: the cine on its working grids.
        displacement: ``(Z, T, 2, size, size)`` in millimetres on the working grids, end-diastole
            first.
        inverse: the inverse fields, of the same shape; computed where not given.
        control: judges the motion; None judges it without R_VAE.
        parameters: what the result depends on, noted in the summary.

    Returns:
        The study.
    """
    control = control or QualityControl()
    cine = slices.cine
    motion = source_motion(slices, displacement, inverse)
    regions = slice_regions(cine, motion)
    quality = control(cine, motion, regions)
    rows = strain_rows(cine, motion, regions, quality.plausibility())
    missing = control.warnings if rows else []
    summary = study_summary(cine, motion, regions, rows, quality, parameters, warnings=missing)
    return Study(
        cine=cine, motion=motion, regions=regions, rows=rows, quality=quality, summary=summary
    )
