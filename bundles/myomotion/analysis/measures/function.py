"""Function of the ventricles as measures, so that summary and cohort have it."""

from __future__ import annotations

from myomotion.analysis.function import SEEN
from myomotion.analysis.measures.measure import StudyMeasure
from myomotion.analysis.measures.tracked import TrackedStudy

# Empty where a stack does not show the whole ventricle; of what is seen then, the ejection
# fractions have a column, and nothing else that could be taken for a whole heart's.
KEYS = (
    "lv_edv_ml",
    "lv_esv_ml",
    "lv_sv_ml",
    "lv_ef_percent",
    SEEN + "lv_ef_percent",
    "lv_mass_g",
    "lv_peak_ejection_rate_ml_per_s",
    "lv_peak_filling_rate_ml_per_s",
    "lv_peak_ejection_rate_edv_per_s",
    "lv_peak_filling_rate_edv_per_s",
    "heart_rate_bpm",
    "cardiac_output_l_per_min",
    "body_surface_m2",
    "lv_edv_ml_per_m2",
    "lv_esv_ml_per_m2",
    "lv_sv_ml_per_m2",
    "lv_mass_g_per_m2",
    "cardiac_index_l_per_min_per_m2",
    "lv_esv_labelled_ml",
    "lv_sv_labelled_ml",
    "lv_ef_labelled_percent",
    SEEN + "lv_ef_labelled_percent",
    "rv_edv_labelled_ml",
    "rv_esv_labelled_ml",
    "rv_sv_labelled_ml",
    "rv_ef_labelled_percent",
    SEEN + "rv_ef_labelled_percent",
    "rv_edv_labelled_ml_per_m2",
    "rv_esv_labelled_ml_per_m2",
)


def measure_of(key: str) -> StudyMeasure:
    """A number of :class:`~myomotion.analysis.function.Function` as a measure.

    Args:
        key: in its ``numbers``.

    Returns:
        The measure; it is None where there is no such number.
    """

    def value(study: TrackedStudy) -> float | None:
        return None if study.function is None else study.function.numbers.get(key)

    return StudyMeasure(key=key, compute=value)


FUNCTION = tuple(measure_of(key) for key in KEYS)
