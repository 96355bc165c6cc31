"""Function of the ventricles as measures, so that summary and cohort have it.

Whether the labels of end-diastole and end-systole are what they are called is judged too.
"""

from __future__ import annotations

from myomotion.analysis.function import SEEN, labelled_share
from myomotion.analysis.measures.measure import Limits, Meaning, StudyMeasure
from myomotion.analysis.measures.tracked import TrackedStudy
from myomotion.io.labels import CAVITY

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


# 23 right pairs of labels have 0.26 to 0.88, exchanged ones the inverse.
SHARE_LIMITS = Limits(
    amber=0.99,
    red=1.05,
    reason=lambda value, _: (
        f"at end-systole the labelled cavity has {value:.2f} times its area at end-diastole: the "
        "labels may be exchanged or the same"
    ),
)
LABELLED_SHARE = StudyMeasure(
    key="labelled_cavity_share",
    compute=lambda study: labelled_share(study.slices[0].cine, CAVITY),
    limits=SHARE_LIMITS,
    meaning=Meaning(
        "labels",
        "Area of the cavity in the end-systolic label over that in the end-diastolic one. Amber "
        f"and red above {SHARE_LIMITS.amber:g} and {SHARE_LIMITS.red:g}: they may be exchanged.",
    ),
)
FUNCTION = tuple(measure_of(key) for key in KEYS)
