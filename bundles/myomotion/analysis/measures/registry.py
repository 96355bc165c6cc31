"""The list of measures; columns, lights, the report and the cohort's table follow from it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from myomotion.analysis.measures import (
    agreement,
    area,
    clipping,
    displacement,
    function,
    images,
    label_fit,
    movement,
    phases,
    plausibility,
    repeats,
    size,
    sureness,
)
from myomotion.analysis.measures.measure import Measure, StudyMeasure
from myomotion.analysis.measures.on_wall import (
    contours,
    orientation,
    rotation,
    strain,
    thickness,
    timing,
)

# In the order of the columns of their file.
MEASURES: tuple[Measure, ...] = (
    strain.ERR,
    strain.ECC,
    area.CAVITY_RATIO,
    area.MEAN_J,
    area.ABS_J_MINUS_1,
    area.SEGMENT_FOLDS,
    *strain.LAYER_STRAINS,
    *strain.OTHER_STRAINS,
    strain.ECC_FROM_SLICE,
    *contours.CONTOUR_STRAINS,
    *thickness.THICKNESS,
    *rotation.ROTATION,
    plausibility.WALL_R_VAE,
    plausibility.WALL_PERCENTILE,
    images.IMAGE_RESIDUAL,
    images.UNTRACKED_RESIDUAL,
    area.FOLDS,
    displacement.MEAN_DISPLACEMENT,
    plausibility.R_VAE,
    plausibility.PERCENTILE,
    plausibility.RATIO,
    area.FRAME_CAVITY_RATIO,
    label_fit.BRIGHTER_BLOOD,
    label_fit.EDGE,
    images.RESIDUAL_SHARE,
    displacement.DRIFT,
    contours.GAP,
    area.WALL_AREA_ERROR,
    area.CAVITY_AREA_ERROR,
    *strain.CURVES,
    *rotation.SLICE_ROTATION,
    *rotation.TWIST,
    orientation.RIGHT_VENTRICLE_ANGLE,
    *timing.SLICE_TIMING,
    timing.CURE,
    timing.LAMBDA_Z,
    *timing.SPREADS,
    area.EJECTED_AREA,
    area.CAVITY_GROWTH,
    area.ES_SHARE,
    phases.FRAMES_PAST_ES,
    phases.PHASE_LAG,
    label_fit.BRIGHTER_BLOOD_ED,
    label_fit.EDGE_ED,
    clipping.CLIPPED,
    label_fit.FRAME_FIT,
    label_fit.OFFSET,
    agreement.AGREEMENT_ED,
    agreement.AGREEMENT_ES,
    agreement.AGREEMENT,
    agreement.CAVITY_ALONE,
    sureness.UNSURE_SHARE,
    sureness.DRAWN_SLICES,
    movement.BEAT,
    movement.STUDY_BEAT,
    movement.RESIDUAL_LEFT,
    size.ELONGATION,
    size.DIAMETER,
    size.AXIS_RATIO,
    size.LENGTH,
    function.LABELLED_SHARE,
    repeats.REPEATED_SLICES,
    *function.FUNCTION,
)
# What a reader looks for first, in the report and the cohort's table; the others follow.
LEADING_KEYS = (
    "ecc_percent",
    "err_percent",
    "ecc_endo_percent",
    "ecc_mid_percent",
    "ecc_epi_percent",
    "erc_percent",
    "contour_ecc_mid_percent",
    "thickening_percent",
    "peak_ecc_percent",
    "time_to_peak_ecc_percent_ms",
    "twist_deg",
    "twist_deg_per_cm",
    "ejection_area_fraction",
    "lv_ef_percent",
    "seen_lv_ef_percent",
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_mass_g",
    "mean_j",
    "abs_j_minus_1",
    "fold_fraction",
)

M = TypeVar("M", bound=Measure)


def measures_of(kind: type[M]) -> list[M]:
    """Measures of segments, frames, slices or studies.

    Args:
        kind: a class of :mod:`myomotion.analysis.measures.measure`.

    Returns:
        Those of this class, in the order of their columns.
    """
    return [measure for measure in MEASURES if isinstance(measure, kind)]


def keys_of(kind: type[Measure]) -> list[str]:
    """Keys of :func:`measures_of`."""
    return [measure.key for measure in measures_of(kind)]


def averaged_measures() -> list[Measure]:
    """Measures whose mean over the slices stands for the study."""
    return [measure for measure in MEASURES if measure.averaged]


def cohort_measures() -> list[Measure]:
    """Measures that ``cohort.csv`` has a column of, in the order of reading."""
    return reading_order([*averaged_measures(), *measures_of(StudyMeasure)])


def reading_order(measures: Iterable[Measure]) -> list[Measure]:
    """Measures as a reader wants them: :data:`LEADING_KEYS` first, the others as they come."""
    place = {key: index for index, key in enumerate(LEADING_KEYS)}
    return sorted(measures, key=lambda measure: place.get(measure.key, len(place)))
